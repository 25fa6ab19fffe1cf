"""The rig of the `grid` engine: another hub on a socket, that ticks, with real processes at its end."""

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.grid import GridEngine
from suanwang.bootstrap import House
from suanwang.domain.identity import Role, User, UserKind
from suanwang.domain.site import Pool, Tenant
from suanwang.interfaces.api.app import create_app
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.identity import make_token
from suanwang.service.tenants import open_accounts
from suanwang.service.tick import tick
from tests.contract.engine_rig import OTHER_POOL, POOL, LocalRig
from tests.live_hub import house_of, serving
from tests.simulation.crash.world import FLAT
from tests.small_grid import book, cny, grid, pool, site


class GridRig(LocalRig):
    """What the contract asks of an engine, asked of another hub, whose engine is this machine."""

    lacks: ClassVar[Mapping[str, str]] = {"data": "each order is a job of the other hub"}
    engine: GridEngine

    def __init__(self, folder: Path, given: object = None) -> None:
        super().__init__(folder, given)
        below = folder / "below"
        below.mkdir()
        pools = [
            pool(POOL, "east", nodes=1, engine="local"),
            pool(OTHER_POOL, "east", nodes=1, accelerators_per_node=1, engine="local"),
        ]
        plan = grid(
            [site("east", tariff=FLAT)],
            pools,
            price_books=(book(),),
            tenants=(Tenant(id="above", name="Above", credit_limit=cny("100000")),),
        )
        house, store = house_of(below, plan, SystemClock())
        hub = replace(house.hub, engines=dict.fromkeys((POOL, OTHER_POOL), self.engine))
        settings = replace(house.settings, rate_limit=0)  # the tests ask as often as they can
        self.below = replace(house, settings=settings, hub=hub)
        open_accounts(self.below.hub)
        self._stack = ExitStack()
        self._stack.callback(store.close)
        address = self._stack.enter_context(serving(create_app(self.below)))
        self._stop = threading.Event()
        self._ticks = threading.Thread(target=self._tick, daemon=True)
        self._ticks.start()
        self._token = _token(self.below, folder / "above.token")
        self.engine = self.above(address, pools, folder / "above")

    def above(self, address: str, pools: list[Pool], folder: Path) -> GridEngine:
        """The engine of the hub above."""
        options = {p.id: {"url": address, "token_file": str(self._token), "name": "above", "pool": p.id} for p in pools}
        return GridEngine(folder, options, pools, SystemClock())

    def _tick(self) -> None:
        while not self._stop.is_set():
            tick(self.below.hub, FirstComeFirstServed())
            time.sleep(0.005)

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.engine.close()
            self._stop.set()
            self._ticks.join(10)
            self._stack.close()


def _token(house: House, path: Path) -> Path:
    """A token of the tenant that the hub above is here."""
    now = house.hub.clock.now()
    user = User(
        id="above",
        kind=UserKind.SERVICE,
        name="Above",
        roles=frozenset({Role.ADMIN}),
        organisation="above",
        created=now,
    )
    with house.store.transaction() as tx:
        tx.identity.add_user(user)
        path.write_text(make_token(tx.identity, user, "test", now, timedelta(days=1)).secret)
    return path
