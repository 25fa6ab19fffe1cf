"""A quote that cannot be held ends the job with its reason: it never waits without one."""

from dataclasses import replace

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.job import JobState
from suanwang.domain.reason import Reason
from suanwang.domain.site import Tenant
from suanwang.domain.workload import Demand, Program
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.hub import Hub
from suanwang.service.submit import submit
from suanwang.service.tenants import open_accounts
from suanwang.service.tick import tick
from tests.small_grid import MONDAY, book, cny, grid, pool, site, workload


def test_a_price_book_that_was_changed_without_a_new_version_is_told() -> None:
    clock = ManualClock(MONDAY)
    plan = grid([site("a")], [pool("pa", "a")], tenants=(Tenant(id="me", name="Me", credit_limit=cny("1000")),))
    engine = SimulatedEngine({"pa": 32}, clock)
    hub = Hub(store=MemoryStore(), clock=clock, grid=plan, engines={"pa": engine}, accelerators={})
    open_accounts(hub)
    with hub.store.transaction() as tx:
        tx.usage.seal(book(rent="6"))  # used before at another price, in the same version
    program = Program(command=("x",), environment={"SUANWANG_SIM_DURATION": "60"})
    job = submit(hub, replace(workload(), demand=Demand(count=8), program=program), "k")
    tick(hub, FirstComeFirstServed())
    with hub.store.transaction() as tx:
        ended = tx.jobs.get(job.id)
        assert tx.ledger.pending(job.id) == []
    assert (ended.state, ended.outcome) == (JobState.SETTLED, JobState.FAILED)
    assert ended.reason is Reason.HOLD_REFUSED
    assert "book" in str(ended.detail)
