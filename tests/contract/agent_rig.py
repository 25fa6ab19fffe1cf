"""The rig of the `agent` engine: a hub on a socket, an agent that calls it, real processes at the agent's end."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from suanwang.adapters.clock import SystemClock
from suanwang.errors import NotNow
from tests.contract.engine_rig import OTHER_POOL, POOL, LocalRig
from tests.live_hub import live_agent, live_hub
from tests.small_grid import grid, pool, site

PATIENCE_S = 10


class AgentRig(LocalRig):
    """What the contract asks of an engine, asked of a hub whose site is at the other end of a line."""

    lacks: ClassVar[Mapping[str, str]] = {"bytes": "a message is text: what is not Unicode is refused"}

    def __init__(self, folder: Path, given: object = None) -> None:
        super().__init__(folder, given)
        clock = SystemClock()
        pools = [
            pool(POOL, "east", nodes=1, engine="agent"),
            pool(OTHER_POOL, "east", nodes=1, accelerators_per_node=1, engine="agent"),
        ]
        self._stack = ExitStack()
        live = self._stack.enter_context(live_hub(folder, grid([site("east")], pools), clock))
        engines = dict.fromkeys((POOL, OTHER_POOL), self.engine)
        token = live.token_file("east")
        self._stack.enter_context(live_agent(folder / "spool", live.address, token, "east", engines, clock))
        self.engine = live.hub.engine(POOL)
        self._until_heard()

    def _until_heard(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.engine.capacity(POOL)
            except NotNow:
                if time.monotonic() > until:
                    raise
                time.sleep(0.005)
            else:
                return

    def close(self) -> None:
        super().close()
        self._stack.close()
