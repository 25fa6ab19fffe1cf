"""A payment that is told of again is the same payment, however much later; another amount is another payment."""

import pytest

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.site import Tenant
from suanwang.errors import Conflict, NotFound
from suanwang.service.hub import Hub
from suanwang.service.tenants import check_ledger, open_accounts, pay_in
from tests.small_grid import MONDAY, cny, grid, pool, site


def test_the_same_key_is_the_same_payment() -> None:
    tenants = (Tenant(id="me", name="Me", credit_limit=cny("0")),)
    clock = ManualClock(MONDAY)
    plan = grid([site("a")], [pool("p", "a")], tenants=tenants)
    hub = Hub(store=MemoryStore(), clock=clock, grid=plan, engines={}, accelerators={})
    open_accounts(hub)
    first = pay_in(hub, "me", cny("5"), "k")
    clock.advance(3600)
    assert pay_in(hub, "me", cny("5"), "k") == first
    assert pay_in(hub, "me", cny("5"), "other").available == 10_000_000
    with pytest.raises(Conflict):
        pay_in(hub, "me", cny("6"), "k")
    with pytest.raises(NotFound):
        pay_in(hub, "nobody", cny("5"), "k")
    assert check_ledger(hub).counts["transfers"] == 2
