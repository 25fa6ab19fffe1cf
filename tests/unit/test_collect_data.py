"""Moving a job's data is charged once, however often the job is metered."""

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import DURATION, SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.job import JobState
from suanwang.domain.price import Basis
from suanwang.domain.site import Link, Tenant
from suanwang.domain.workload import Batch, DataSet, Program
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.hub import Hub
from suanwang.service.submit import submit
from suanwang.service.tenants import open_accounts
from suanwang.service.tick import tick
from tests.small_grid import MONDAY, cny, grid, pool, site, workload

TOWN = "shanghai"
LINK = Link(a=TOWN, b="a", bytes_per_s=1e9, price_per_gb=cny("0.05"))
RUN_HOURS = 3


def test_data_is_charged_once_though_the_job_is_metered_every_hour() -> None:
    plan = grid(
        [site("a")],
        [pool("p", "a")],
        links=(LINK,),
        tenants=(Tenant(id="me", name="Me", credit_limit=cny("100000")),),
    )
    clock = ManualClock(MONDAY)
    hub = Hub(
        store=MemoryStore(),
        clock=clock,
        grid=plan,
        engines={"p": SimulatedEngine({"p": 32}, clock)},
        accelerators={},
    )
    open_accounts(hub)
    run = Program(command=("true",), environment={DURATION: str(RUN_HOURS * 3600)})
    task = Batch(dtype="bf16", flops=1e15 * RUN_HOURS * 3600)
    order = workload(program=run, task=task, data=(DataSet(name="corpus", at=TOWN, size_bytes=20e9),))
    job_id = submit(hub, order, "once").id
    for _ in range(24 * 8):
        tick(hub, FirstComeFirstServed())
        clock.advance(900)
    with hub.store.transaction() as tx:
        job, charges, records = tx.jobs.get(job_id), tx.usage.charges(job_id), tx.usage.records(job_id)
    assert (job.state, job.outcome) == (JobState.SETTLED, JobState.SUCCEEDED), job.detail
    assert len(records) > 2, "metered more than once, or this shows nothing"
    assert [c.amount for c in charges if c.basis is Basis.DATA_GB] == [cny("1")]
