"""Board: which accelerators are promised while a plan of many workloads is made, and to whom.

What is promised before the plan (jobs, closures of pools) stays; the plan's own promises can be taken back.
"""

from collections.abc import Sequence

from suanwang.domain.placement import Occupancy, Option, Promise


class Board:
    """Promises by pool: those that were there, and those of each workload (by number) that the plan has placed."""

    def __init__(self, taken: Occupancy) -> None:
        self._taken = taken.promises
        self._planned: dict[str, dict[int, list[Promise]]] = {}
        self._pools: dict[int, set[str]] = {}
        self._all = dict(taken.promises)

    def place(self, workload: int, pool_id: str, promises: Sequence[Promise]) -> None:
        """Promise accelerators of a pool to a workload, on top of what it has on other pools."""
        self._planned.setdefault(pool_id, {}).setdefault(workload, []).extend(promises)
        self._pools.setdefault(workload, set()).add(pool_id)
        self._renew(pool_id)

    def take_back(self, workload: int) -> None:
        """Free what a workload has, if anything."""
        for pool_id in self._pools.pop(workload, ()):
            del self._planned[pool_id][workload]
            self._renew(pool_id)

    def _renew(self, pool_id: str) -> None:
        planned = self._planned.get(pool_id, {}).values()
        self._all[pool_id] = (*self._taken.get(pool_id, ()), *(p for promises in planned for p in promises))

    @property
    def occupancy(self) -> Occupancy:
        """All promises now; it changes with the board."""
        return Occupancy(promises=self._all)


def promises_of(option: Option) -> list[Promise]:
    """What an option takes: its gang while it is expected to run."""
    return [Promise(start=start, end=end, accelerators=option.accelerators) for start, end in option.spans]
