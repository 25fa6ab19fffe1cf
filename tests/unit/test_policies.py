"""Each policy on a case small enough to be worked out by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from suanwang.domain.entitlement import Entitlement, Entitlements
from suanwang.domain.reason import Reason
from suanwang.domain.signal import Signal
from suanwang.errors import InvalidInput, NotFound
from suanwang.schedule.cycle import cycle
from suanwang.schedule.decisions import Decisions, Grant, Shares
from suanwang.schedule.fair_tree import ranks
from suanwang.schedule.history import History, Run, decayed_s
from suanwang.schedule.linear_programme import maximise
from suanwang.schedule.packing.by_name import find_packing
from suanwang.schedule.packing.layout import Layout, like_nodes, seeded, whole_demands
from suanwang.schedule.packing.nodes import Nodes
from suanwang.schedule.policies import find_policy
from suanwang.schedule.policies.max_min import equal_shares, shares_of
from suanwang.schedule.profile import Profile
from suanwang.schedule.scaling import Scaling
from suanwang.schedule.scheme import find_scheme
from suanwang.schedule.snapshot import Active, PoolState, Snapshot, Waiting
from tests.small_grid import hour

NOW = hour(10)


def job(name: str, size: int = 4, since: float = 9, **changes: Any) -> Waiting:
    base = Waiting(
        job_id=name,
        tenant="me",
        user="me",
        pool_id="p",
        accelerators=size,
        since=hour(since),
        start=hour(since),
        run_s_max=3600.0,
        preemptible=True,
    )
    return replace(base, **changes)


def runs(waiting: Waiting, started: float = 9, end: float = 20, size: int | None = None) -> Active:
    return Active(
        job_id=waiting.job_id,
        pool_id=waiting.pool_id,
        accelerators=size or waiting.accelerators,
        running=True,
        end=hour(end),
        job=waiting,
        started=hour(started),
    )


def decide(policy: str, waiting: Sequence[Waiting] = (), active: Sequence[Active] = (), **changes: Any) -> Decisions:
    free = 8 - sum(a.accelerators for a in active)
    pools = changes.pop("pools", (PoolState(pool_id="p", accelerators=8, free=free),))
    return cycle(
        Snapshot(now=NOW, pools=pools, waiting=tuple(waiting), active=tuple(active), **changes), find_policy(policy)
    )


def admitted(decisions: Decisions) -> list[str]:
    return [each.job_id for each in decisions.admitted]


def ended(tenant: str, start: float, end: float, size: int = 1, user: str = "") -> Run:
    return Run(
        tenant=tenant,
        user=user or tenant,
        accelerators=size,
        start=hour(start),
        end=hour(end),
        job_s=(end - start) * 3600,
    )


def test_prediction_is_the_mean_of_the_last_two_and_never_above_what_was_asked() -> None:
    past = History([ended("me", 0, 9), ended("me", 0, 1), ended("me", 0, 3)])
    assert past.predicted_s("me", 1e9) == 2 * 3600
    assert past.predicted_s("me", 60) == 60
    assert past.predicted_s("you", 60) == 60
    short, long = job("a", 8, user="you", run_s_max=3 * 3600.0), job("b", 8, user="me", run_s_max=9 * 3600.0)
    assert admitted(decide("predicted_sjf", [short, long], history=past)) == ["b"]
    assert admitted(decide("sjf", [short, long])) == ["a"]


def test_conservative_backfill_delays_nobody_who_was_there_before() -> None:
    running = runs(job("r", 6), end=11)
    head, second = job("head", 8, 1, run_s_max=3600.0), job("second", 4, 2, run_s_max=3600.0)
    fits = job("fits", 2, 3, run_s_max=3600.0)
    long = job("long", 2, 3, run_s_max=2 * 3600.0)
    assert admitted(decide("conservative", [head, second, fits], [running])) == ["fits"]
    assert admitted(decide("conservative", [head, second, long], [running])) == []


def test_multifactor_age_saturates_and_share_counts() -> None:
    old, urgent = job("old", 8, since=0), job("urgent", 8, priority=100)
    assert admitted(decide("multifactor(age_max=10h)", [old, urgent])) == ["old"]  # 1000 for age against 100 + 100
    assert admitted(decide("multifactor(age_max=10h, weight_priority=30000)", [old, urgent])) == ["urgent"]
    mine, yours = job("mine", 8, 1), job("yours", 8, 2, tenant="you")
    used = History([ended("me", 0, 9, 8)])
    assert admitted(decide("multifactor", [mine, yours], history=used)) == ["yours"]
    assert admitted(decide("multifactor(weight_share=0)", [mine, yours], history=used)) == ["mine"]


def test_use_decays_by_half_in_a_half_life() -> None:
    half = timedelta(hours=1)
    used = History([ended("me", 0, 0.001)])
    assert used.used_s(hour(3), half)["me"] / used.used_s(hour(2), half)["me"] == pytest.approx(0.5)
    assert decayed_s(hour(1000), hour(0), hour(1000), half) == pytest.approx(3600 / np.log(2), rel=1e-6)
    again = History([ended("me", 0, 0.001), ended("me", 1, 2)])
    assert again.used_s(hour(3), half)["me"] == pytest.approx(
        sum(decayed_s(hour(3), hour(a), hour(b), half) for a, b in ((0, 0.001), (1, 2)))
    )


def test_fair_share_goes_by_branch_before_it_goes_by_tenant() -> None:
    tree = Entitlements(
        (
            Entitlement(id="east"),
            Entitlement(id="west"),
            Entitlement(id="a", parent="east"),
            Entitlement(id="b", parent="east"),
            Entitlement(id="c", parent="west"),
        )
    )
    past = History([ended("a", 0, 8, 4), ended("c", 0, 8, 2)])  # b has had nothing, but its branch most
    state = Snapshot(now=NOW, pools=(), waiting=(), entitlements=tree, history=past)
    place = ranks(state, timedelta(days=7), ["a", "b", "c"])
    assert place["c"] < place["b"] < place["a"]
    jobs = [job(name, 8, tenant=name) for name in "abc"]
    assert admitted(decide("fair_share", jobs, entitlements=tree, history=past)) == ["c"]
    heavier = replace(tree, nodes=(Entitlement(id="east", weight=9), *tree.nodes[1:]))
    assert admitted(decide("fair_share", jobs, entitlements=heavier, history=past)) == ["b"]


def test_drf_looks_at_the_largest_share_of_any_pool() -> None:
    pools = (PoolState(pool_id="p", accelerators=100, free=4), PoolState(pool_id="q", accelerators=4, free=2))
    many = runs(job("x", 20, tenant="me"))  # a fifth of p
    few = runs(job("y", 2, tenant="you", pool_id="q"))  # half of q
    mine, yours = job("mine", 4, 2), job("yours", 4, 1, tenant="you")
    assert admitted(decide("drf", [mine, yours], [many, few], pools=pools)) == ["mine"]


def test_las_stops_who_has_had_most_but_not_within_its_quantum() -> None:
    new, had = job("new", 8), job("had", 8)
    late = decide("las(quantum=30min)", [new], [runs(had, started=5)])
    assert [stop.job_id for stop in late.preempted] == ["had"]
    assert admitted(late) == []  # its accelerators are not free yet
    early = decide("las(quantum=30min)", [new], [runs(had, started=9.9)])
    assert (early.preempted, early.again_at) == ((), hour(10.025))  # then it has had the first level
    assert decide("las", [new], [runs(replace(had, preemptible=False), started=5)]).preempted == ()


def test_a_deadline_is_promised_only_if_it_can_be_kept() -> None:
    running = runs(job("r", 8), end=12)
    late = job("late", 4, deadline=hour(12.5))
    kept = job("kept", 8, deadline=hour(13.5))
    second = job("second", 8, since=9.5, deadline=hour(13.9))
    decisions = decide("deadline", [late, kept, second], [running])
    assert {r.job_id: r.reason for r in decisions.refused} == dict.fromkeys(["late", "second"], Reason.MISSES_DEADLINE)
    promised = replace(second, considered=True, deadline=hour(14.5))
    urgent = job("urgent", 8, deadline=hour(13.2))
    assert [r.job_id for r in decide("deadline", [promised, urgent, kept], [running]).refused] == ["urgent"]
    assert decide("deadline(admission=no)", [late], [running]).refused == ()
    assert admitted(decide("deadline", [job("none", 8, 1), job("soon", 8, deadline=hour(15))])) == ["soon"]


def test_elastic_gives_what_is_left_where_it_saves_most() -> None:
    wide = Scaling(least=1, most=8)
    long, short = job("long", 2, 1, scaling=wide, run_s_max=36000.0), job("short", 2, 2, scaling=wide)
    sizes = {a.job_id: a.accelerators or 2 for a in decide("elastic", [long, short]).admitted}
    assert sum(sizes.values()) == 8
    assert sizes["long"] > sizes["short"]
    shrunk = decide("elastic", [job("new", 4)], [runs(job("wide", 8, scaling=wide), started=5)])
    assert [(r.job_id, r.accelerators) for r in shrunk.resized] == [("wide", 4)]
    assert decide("elastic", [job("new", 4)], [runs(job("stiff", 8), started=5)]).resized == ()


def test_shift_waits_for_cheaper_hours_within_its_slack() -> None:
    price = Signal.of("CNY/kWh", [(hour(0), "1.0"), (hour(14), "0.2"), (hour(18), "1.0")])
    pools = (PoolState(pool_id="p", accelerators=8, free=8, price=price),)
    decisions = decide("shift(slack=12h)", [job("j")], pools=pools)
    assert (decisions.waiting[0].reason, decisions.again_at) == (Reason.WAITING_FOR_CHEAP_POWER, hour(14))
    assert admitted(decide("shift(slack=2h)", [job("j")], pools=pools)) == ["j"]
    assert admitted(decide("shift", [job("j", deadline=hour(12))], pools=pools)) == ["j"]
    assert admitted(decide("shift", [job("j")])) == ["j"]  # nothing is known of the price
    carbon = Signal.of("kg/kWh", [(hour(0), "0.9"), (hour(16), "0.1")])
    both = (replace(pools[0], carbon=carbon),)
    assert decide("shift(carbon_price=1000)", [job("j")], pools=both).again_at == hour(16)


QUOTAS = Entitlements((Entitlement(id="me", quota=4, borrow=2), Entitlement(id="you", quota=4, lend=3)))


@pytest.mark.parametrize(
    ("waiting", "active", "starts", "stops", "reason"),
    [
        ([job("own", 4)], [], ["own"], [], None),
        ([job("own", 4), job("lent", 2, 9.5)], [], ["own", "lent"], [], None),
        ([job("too much", 7)], [], [], [], Reason.QUOTA_EXHAUSTED),
        ([job("not lent", 4, tenant="other")], [runs(job("x", 4))], [], [], Reason.QUOTA_EXHAUSTED),
        ([job("back", 4, tenant="you")], [runs(job("x", 4)), runs(job("y", 2), 9.5)], [], ["y"], None),
        ([job("high", 4, priority=5)], [runs(job("low", 4))], ["high"], ["low"], None),
        ([job("equal", 4)], [runs(job("low", 4)), runs(job("z", 2, tenant="you"))], [], [], Reason.QUOTA_EXHAUSTED),
    ],
)
def test_quota(
    waiting: list[Waiting], active: list[Active], starts: list[str], stops: list[str], reason: Reason | None
) -> None:
    decisions = decide("quota", waiting, active, entitlements=QUOTAS)
    assert admitted(decisions) == starts
    assert [stop.job_id for stop in decisions.preempted] == stops
    reasons = {wait.reason for wait in decisions.waiting} - {Reason.WAITING_FOR_CAPACITY}
    assert reasons == ({reason} if reason else set())
    if "back" in {w.job_id for w in waiting}:
        assert decisions.preempted[0].reason is Reason.RECLAIMED
        assert decide("quota(reclaim=no)", waiting, active, entitlements=QUOTAS).preempted == ()


def test_a_parents_quota_holds_for_all_below_it() -> None:
    tree = Entitlements((Entitlement(id="dept", quota=4, borrow=0), Entitlement(id="me", parent="dept", quota=4)))
    decisions = decide("quota", [job("j", 2)], [runs(job("x", 3))], entitlements=tree)
    assert decisions.waiting[0].reason is Reason.QUOTA_EXHAUSTED
    with pytest.raises(ValueError, match="ancestor"):
        Entitlements((Entitlement(id="a", parent="b"), Entitlement(id="b", parent="a")))
    with pytest.raises(ValueError, match="no entitlement z"):
        Entitlements((Entitlement(id="a", parent="z"),))


def test_max_min_gives_the_fast_kind_to_those_it_helps() -> None:
    """Two jobs, one accelerator of each kind; only the first gains by the fast one: it has it all the time."""
    shares = shares_of(((10.0, 1.0), (1.0, 1.0)), (1, 1), (1, 1), None)
    assert shares[0] == pytest.approx([1, 0], abs=0.1)
    assert (shares.sum(axis=1) <= 1 + 1e-9).all()
    assert (shares.sum(axis=0) <= 1 + 1e-9).all()
    assert equal_shares((1, 1, 4), (2, 2)).sum(axis=1) == pytest.approx([1, 1, 0.5])
    pools = (PoolState(pool_id="fast", accelerators=1, free=1), PoolState(pool_id="slow", accelerators=1, free=1))
    gains = job("gains", 1, 9.5, pool_id="fast", speeds={"fast": 10.0, "slow": 1.0})
    alike = job("alike", 1, 9, pool_id="fast", speeds={"fast": 1.0, "slow": 1.0})
    chosen = {a.job_id: a.pool_id for a in decide("max_min", [alike, gains], pools=pools).admitted}
    assert chosen == {"gains": "fast", "alike": "slow"}


def pair(name: str, kind: str, since: float = 9) -> Waiting:
    return job(name, 8, since, kind=kind, speeds={"p": 2.0})


def test_gandiva_lets_two_share_where_they_gain_by_it() -> None:
    """Alone each does 2; together a and b do 0.6 + 0.5 of that, a and c 0.6 + 0.3: no gain. With room for all, none."""
    together = {("a", "b"): 1.2, ("b", "a"): 1.0, ("a", "c"): 1.2, ("c", "a"): 0.6}
    known = {kinds: {"p": speed} for kinds, speed in together.items()}
    first, second = decide("gandiva", [pair("x", "a"), pair("y", "b")], together=known).admitted
    assert (first.beside, second.beside) == ("", first.job_id)
    for other, table in (("c", known), ("b", {})):
        waiting = [pair("x", "a"), pair("y", other)]
        assert [a.beside for a in decide("gandiva", waiting, together=table).admitted] == [""]
    roomy = (PoolState(pool_id="p", accelerators=16, free=16),)
    waiting = [pair("x", "a"), pair("y", "b")]
    assert [a.beside for a in decide("gandiva", waiting, pools=roomy, together=known).admitted] == ["", ""]


def test_a_guest_holds_nothing_and_needs_its_host() -> None:
    host = runs(pair("x", "a"), 9)
    guest = replace(runs(pair("y", "b"), 9), beside="x")
    pools = (PoolState(pool_id="p", accelerators=8, free=0),)
    assert Snapshot(now=NOW, pools=pools, waiting=(), active=(host, guest)).free() == {"p": 0}
    alone = Snapshot(now=NOW, pools=pools, waiting=(pair("y", "b"),))

    @dataclass(frozen=True)
    class Beside:
        name: str = "beside"

        def share(self, due: Sequence[Waiting], snapshot: Snapshot) -> Shares:
            return Shares(grants=(Grant(job_id="y", pool_id="p", accelerators=8, beside="x"),))

    assert cycle(alone, Beside()).admitted == ()
    assert [wait.job_id for wait in cycle(alone, Beside()).waiting] == ["y"]


@pytest.mark.parametrize("seed", range(20))
def test_the_linear_programme_finds_what_highs_finds(seed: int) -> None:
    highspy = pytest.importorskip("highspy")
    draw = np.random.default_rng(seed)
    rows, gain, limits = draw.uniform(-0.2, 1, (8, 5)), draw.uniform(0, 1, 5), draw.uniform(0, 3, 8)
    rows = np.vstack((rows, np.eye(5)))
    limits = np.concatenate((limits, np.full(5, 2.0)))
    x = maximise(gain, rows, limits)
    solver = highspy.Highs()
    solver.silent()
    columns = [solver.addVariable(0, highspy.kHighsInf) for _ in gain]
    for row, limit in zip(rows, limits, strict=True):
        solver.addConstr(sum(float(a) * c for a, c in zip(row, columns, strict=True)) <= float(limit))
    solver.maximize(sum(float(g) * c for g, c in zip(gain, columns, strict=True)))
    assert (rows @ x <= limits + 1e-7).all()
    assert gain @ x == pytest.approx(solver.getObjectiveValue(), rel=1e-7)


def test_the_linear_programme_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="origin"):
        maximise(np.ones(1), np.ones((1, 1)), -np.ones(1))
    with pytest.raises(ValueError, match="no end"):
        maximise(np.ones(2), np.array([[1.0, -1.0]]), np.ones(1))


def test_a_profile_knows_when_there_is_room() -> None:
    profile = Profile(2, [(10.0, 4), (20.0, 2)])
    assert [profile.earliest(n, 5.0) for n in (2, 6, 8, 9)] == [0.0, 10.0, 20.0, float("inf")]
    profile.reserve(10.0, 5.0, 6)
    assert profile.earliest(2, 12.0) == 15.0
    with pytest.raises(ValueError, match="more is reserved"):
        profile.reserve(12.0, 1.0, 1)


def test_topology_keeps_a_gang_in_one_rack() -> None:
    nodes = Nodes(like_nodes(8, 4, rack=4, pod=2))
    layout = Layout(nodes, find_packing("topology", whole_demands(4))(nodes, seeded()))
    first = layout.take(4)
    gang = layout.take(16)
    assert first is not None
    assert gang is not None
    assert layout.spread(gang) == (4, 1, 1)  # the other rack, which is whole
    rest = layout.take(8)
    assert rest is not None
    assert layout.spread(rest)[1] == 1
    assert layout.take(8) is None
    layout.free(gang)
    assert layout.take(16) is not None


def test_a_gang_whose_accelerators_are_free_but_not_together_waits_with_that_reason() -> None:
    nodes = Nodes(like_nodes(2, 4))
    layout = Layout(nodes, find_packing("worst-fit", whole_demands(4))(nodes, seeded()))
    assert layout.take(1)
    assert layout.take(1)
    pools = (PoolState(pool_id="p", accelerators=8, free=6, layout=layout),)
    decisions = decide("fcfs", [job("whole", 4), job("behind", 1, 9.5)], pools=pools)
    assert admitted(decisions) == []
    assert "not on nodes" in str(decisions.waiting[0].detail)
    assert layout.nodes.full_left.tolist() == [3, 3]  # the cycle leaves the nodes as it found them


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("las(quantum=soon)", InvalidInput, "cannot be read"),
        ("las(quantity=1h)", InvalidInput, "no option"),
        ("las(base=1)", InvalidInput, "base above 1"),
        ("las quantum", InvalidInput, "cannot be read"),
        ("lass", NotFound, "no policy"),
        ("las + nowhere", NotFound, "no packing"),
    ],
)
def test_a_scheme_that_cannot_be_read_is_refused(text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as refused:
        find_scheme(text)
    problems = getattr(refused.value, "problems", ())
    assert any(says in str(p.message) for p in problems) or says in str(refused.value)


def test_a_scheme_in_one_line() -> None:
    scheme = find_scheme("fair-share(half_life=2d, backfill=no) + topology")
    assert scheme.packing == "topology"
    policy: Any = find_policy("fair_share")
    assert scheme.policy == replace(policy, half_life=timedelta(days=2), backfill=False)
