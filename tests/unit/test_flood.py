"""Many orders at once: a tick takes a bounded number of them further, and promises no accelerator twice."""

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import DURATION, SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.job import JobState
from suanwang.domain.site import Tenant
from suanwang.domain.workload import Batch, Demand, Program
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.hub import Hub
from suanwang.service.orders import MOST_A_TICK
from suanwang.service.planning import occupancy_of
from suanwang.service.submit import submit
from suanwang.service.tenants import open_accounts
from suanwang.service.tick import tick
from tests.small_grid import CARD, MONDAY, cny, grid, pool, site, tariff, workload

CARDS = 32


def test_a_flood_is_taken_in_parts_in_the_order_it_came() -> None:
    clock = ManualClock(MONDAY)
    plan = grid(
        [site("a", tariff=tariff({"flat": "0.5"}, {}))],
        [pool("p", "a")],
        tenants=(Tenant(id="me", name="me", credit_limit=cny("100000")),),
    )
    engine = SimulatedEngine({"p": CARDS}, clock)
    hub = Hub(store=MemoryStore(), clock=clock, grid=plan, engines={"p": engine}, accelerators={CARD.id: CARD})
    open_accounts(hub)
    hour_long = Batch(dtype="bf16", duration_s=3600, duration_accelerator=CARD.id, duration_accelerators=8)
    wanted = workload(
        task=hour_long, demand=Demand(count=8), program=Program(command=("x",), environment={DURATION: "3600"})
    )
    count = MOST_A_TICK + 20
    ids = [submit(hub, wanted, f"key {number}").id for number in range(count)]
    first = tick(hub, FirstComeFirstServed())
    assert first.planned == 3 * MOST_A_TICK
    with hub.store.transaction() as tx:
        assert [job.id for job in tx.jobs.find(states=(JobState.SUBMITTED,))] == sorted(ids)[MOST_A_TICK:]
    assert tick(hub, FirstComeFirstServed()).planned == 3 * 20
    with hub.store.transaction() as tx:
        assert not tx.jobs.find(states=(JobState.SUBMITTED, JobState.FAILED))
        taken = occupancy_of(tx, clock.now(), plan)
    assert len(taken.promises["p"]) == count
    assert not taken.full("p", CARDS, 0), "less than nothing is free at some time"
