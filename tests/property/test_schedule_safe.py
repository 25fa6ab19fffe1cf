"""The cycle never gives out more than there is, loses no job, and starves none."""

from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.schedule.cycle import cycle
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.schedule.policies.priority import Priority
from suanwang.schedule.policy import Policy
from suanwang.schedule.snapshot import Active, PoolState, Snapshot, Waiting
from tests.small_grid import hour

QUICK = settings(derandomize=True, max_examples=150, deadline=None)
POLICIES: tuple[Policy, ...] = (
    FirstComeFirstServed(),
    FirstComeFirstServed(blocks=False),
    Priority(),
    Priority(ageing=timedelta(hours=1), blocks=False),
)
seeds = st.integers(0, 2**32)
policies = st.sampled_from(POLICIES)


def _waiting(dice: Random, count: int, gang_max: int = 40) -> list[Waiting]:
    return [
        Waiting(
            job_id=f"j{i:03}",
            tenant=f"t{i % 3}",
            pool_id=f"p{dice.randrange(4)}",
            accelerators=dice.randint(1, gang_max),
            since=hour(dice.randrange(20)),
            start=hour(dice.randrange(24)),
            priority=dice.randrange(5),
        )
        for i in range(count)
    ]


def _snapshot(seed: int) -> Snapshot:
    """Three pools of 32, one of them drained or broken at times, a fourth one that no engine has reported."""
    dice = Random(seed)
    pools = tuple(
        PoolState(
            pool_id=f"p{i}",
            accelerators=32,
            free=dice.randint(0, 32),
            healthy=dice.random() < 0.9,
            drained=dice.random() < 0.1,
        )
        for i in range(3)
    )
    active = tuple(
        Active(job_id=f"a{i}", pool_id=f"p{dice.randrange(4)}", accelerators=dice.randint(1, 12), running=i % 2 == 0)
        for i in range(dice.randrange(5))
    )
    return Snapshot(now=hour(20), pools=pools, waiting=tuple(_waiting(dice, dice.randrange(30))), active=active)


@QUICK
@given(seeds, policies)
def test_never_more_than_there_is(seed: int, policy: Policy) -> None:
    snapshot = _snapshot(seed)
    decisions = cycle(snapshot, policy)
    jobs = {job.job_id: job for job in snapshot.waiting}
    for pool in snapshot.pools:
        mine = [jobs[a.job_id] for a in decisions.admitted if a.pool_id == pool.pool_id]
        given_out = sum(job.accelerators for job in mine)
        on_the_way = sum(a.accelerators for a in snapshot.active if a.pool_id == pool.pool_id and not a.running)
        held = sum(a.accelerators for a in snapshot.active if a.pool_id == pool.pool_id)
        assert given_out == 0 or given_out + on_the_way <= pool.free
        assert given_out == 0 or given_out + held <= pool.accelerators
        assert not mine or (pool.healthy and not pool.drained)
    for admitted in decisions.admitted:
        assert jobs[admitted.job_id].start <= snapshot.now
        assert jobs[admitted.job_id].pool_id == admitted.pool_id
    decided = [*(a.job_id for a in decisions.admitted), *(w.job_id for w in decisions.waiting)]
    assert sorted(decided) == sorted(jobs)


@QUICK
@given(seeds, policies)
def test_the_order_of_a_snapshot_does_not_matter(seed: int, policy: Policy) -> None:
    snapshot = _snapshot(seed)
    shuffled = list(snapshot.waiting)
    Random(seed + 1).shuffle(shuffled)
    other = Snapshot(now=snapshot.now, pools=snapshot.pools, waiting=tuple(shuffled), active=snapshot.active)
    assert cycle(other, policy).admitted == cycle(snapshot, policy).admitted


@QUICK
@given(seeds)
def test_first_come_first_served_passes_nobody(seed: int) -> None:
    """In an open pool, nobody younger is admitted than a due job that waits and could ever fit."""
    snapshot = _snapshot(seed)
    admitted = {a.job_id for a in cycle(snapshot, FirstComeFirstServed()).admitted}
    sizes = {p.pool_id: p.accelerators for p in snapshot.pools if p.healthy and not p.drained}
    for job in snapshot.waiting:
        if job.job_id in admitted or job.start > snapshot.now or job.accelerators > sizes.get(job.pool_id, 0):
            continue
        for other in snapshot.waiting:
            younger = (other.since, other.job_id) > (job.since, job.job_id)
            assert not (younger and other.pool_id == job.pool_id and other.job_id in admitted)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(seeds, st.sampled_from((FirstComeFirstServed(), Priority())))
def test_a_whole_gang_is_served_under_a_stream_of_small_jobs(seed: int, policy: Policy) -> None:
    """One job of the whole pool, while small jobs of the highest priority keep coming: it starts within two days."""
    dice = Random(seed)
    whole = Waiting(job_id="whole", tenant="t", pool_id="p", accelerators=32, since=hour(0), start=hour(0))
    waiting, running = [whole], list[tuple[int, Waiting]]()
    for now in range(48):
        small = dice.randint(1, 8)
        waiting.append(
            Waiting(
                job_id=f"s{now:02}",
                tenant="t",
                pool_id="p",
                accelerators=small,
                since=hour(now),
                start=hour(now),
                priority=4,
            )
        )
        running = [(until, job) for until, job in running if until > now]
        busy = [Active(job_id=j.job_id, pool_id="p", accelerators=j.accelerators, running=True) for _, j in running]
        free = 32 - sum(a.accelerators for a in busy)
        pools = (PoolState(pool_id="p", accelerators=32, free=free),)
        snapshot = Snapshot(now=hour(now), pools=pools, waiting=tuple(waiting), active=tuple(busy))
        chosen = {a.job_id for a in cycle(snapshot, policy).admitted}
        if "whole" in chosen:
            return
        running += [(now + dice.randint(1, 6), job) for job in waiting if job.job_id in chosen]
        waiting = [job for job in waiting if job.job_id not in chosen]
    raise AssertionError("the whole gang was starved")
