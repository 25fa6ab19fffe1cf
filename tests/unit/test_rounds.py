"""Policies that decide in rounds, live: the hub's ticks never come at the very second at which a round begins."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import DURATION, SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.job import JobState
from suanwang.domain.site import Tenant
from suanwang.domain.workload import Batch, Checkpointing, Demand, Program
from suanwang.schedule.policies import find_policy
from suanwang.service.hub import Hub
from suanwang.service.submit import submit
from suanwang.service.tenants import open_accounts
from suanwang.service.tick import tick
from tests.small_grid import CARD, MONDAY, cny, grid, pool, site, tariff, workload

ROUND_S = 360
CARDS = 8


@pytest.mark.parametrize("policy", ["gandiva", "gandiva(strict=yes)", "max_min", "max_min(strict=yes)"])
def test_two_jobs_that_each_fill_the_pool_take_turns(policy: str) -> None:
    clock = ManualClock(MONDAY + timedelta(seconds=7.3))
    plan = grid(
        [site("a", tariff=tariff({"flat": "0.5"}, {}))],
        [pool("p", "a", nodes=1)],
        tenants=(Tenant(id="me", name="me", credit_limit=cny("100000")),),
    )
    engine = SimulatedEngine({"p": CARDS}, clock)
    hub = Hub(store=MemoryStore(), clock=clock, grid=plan, engines={"p": engine}, accelerators={CARD.id: CARD})
    open_accounts(hub)
    wanted = workload(
        task=Batch(dtype="bf16", duration_s=5000, duration_accelerator=CARD.id, duration_accelerators=CARDS),
        demand=Demand(count=CARDS),
        program=Program(command=("x",), environment={DURATION: "5000"}),
        preemptible=True,
        checkpointing=Checkpointing(every_s=60),
    )
    ids = [submit(hub, wanted, f"key {number}").id for number in range(2)]
    before: datetime | None = None
    ran: list[str] = []
    for _ in range(5 * ROUND_S // 20):
        before = tick(hub, find_policy(policy), before).at
        with hub.store.transaction() as tx:
            running = [job.id for job in tx.jobs.find(states=(JobState.RUNNING,))]
        ran += running
        clock.advance(20)
    assert set(ran) == set(ids)
    changes = sum(one != other for one, other in pairwise(ran))
    assert 1 <= changes <= 5, "at most once a round"
