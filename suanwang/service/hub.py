"""What every use case works with: the ports and the grid, composed once by bootstrap."""

from collections.abc import Mapping
from dataclasses import dataclass

from suanwang.domain.accelerator import Accelerator
from suanwang.domain.site import Grid
from suanwang.errors import NotFound, msg
from suanwang.ports import Clock, Engine, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """`engines`: the engine of each pool id. `accelerators`: the catalog's, for durations known on another card."""

    store: Store
    clock: Clock
    grid: Grid
    engines: Mapping[str, Engine]
    accelerators: Mapping[str, Accelerator]

    def engine(self, pool_id: str) -> Engine:
        """Raises NotFound when the pool has left the grid file while one of its orders is still open."""
        if pool_id not in self.engines:
            raise NotFound(
                "not-found",
                msg("no engine for pool {pool!r}", pool=pool_id),
                msg("Start with the grid file that has this pool until its jobs have ended."),
            )
        return self.engines[pool_id]
