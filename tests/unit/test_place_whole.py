"""A plan of several workloads: within capacity, explained, bounded, linked ones together; one alone is `place`."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from suanwang.domain.placement import CostPart, Occupancy, Option, Placement, Promise, Refused, Rejection
from suanwang.domain.reason import Reason
from suanwang.domain.site import Grid, Link
from suanwang.domain.workload import DataSet, Dependency, Limits
from suanwang.errors import msg
from suanwang.place.linked import in_order
from suanwang.place.offer import Ask
from suanwang.place.place import place
from suanwang.place.whole import Whole, plan_whole
from tests.small_grid import MONDAY, book, cny, estimate, grid, hour, pool, site, tariff, workload

EAST_TARIFF = tariff({"flat": "0.9"}, {}, id="east")
GB = 10**9


def two_sites(**changes: object) -> Grid:
    """A dear eastern site and a cheap western one, 32 cards each, joined at 0.1 CNY/GB."""
    sites = [site("east", tariff=EAST_TARIFF, labels={"region": "east"}), site("west")]
    link = Link(a="east", b="west", bytes_per_s=1e9, price_per_gb=cny("0.1"))
    return grid(sites, [pool("e", "east"), pool("w", "west")], links=(link,), price_books=(book(),), **changes)


def ask(name: str, hours: float = 2.0, count: int = 8, on: tuple[str, ...] = ("e", "w"), **changes: object) -> Ask:
    estimates = [estimate(p, hours=hours, count=count, kwh=hours * count) for p in on]
    others = [
        Rejection(pool_id=p, reason=Reason.NO_ACCELERATOR_FITS, detail=msg("not for a test"))
        for p in "ew"
        if p not in on
    ]
    return Ask(workload=workload(name=name, **changes), estimates=estimates, rejections=others)


def planned(asks: list[Ask], within: Grid | None = None, horizon_h: int = 48) -> Whole:
    return plan_whole(within or two_sites(), asks, MONDAY, Occupancy(), horizon_h)


def options(made: Whole) -> dict[str, Option]:
    return {n: d.option for n, d in zip(made.workloads, made.decisions, strict=True) if isinstance(d, Placement)}


def most_used(placed: list[Option], pool_id: str) -> int:
    here = [o for o in placed if o.pool_id == pool_id]
    return max((sum(o.accelerators for o in here if o.start <= p.start < o.end) for p in here), default=0)


def test_one_alone_is_placed_as_a_single_workload_is() -> None:
    one = ask("one", hours=2.3, limits=Limits(earliest_start=hour(1.37)))
    within = two_sites()
    assert planned([one], within).decisions == (
        place(one.workload, within, one.estimates, (), MONDAY, Occupancy(), 48),
    )


def test_capacity_is_kept_and_nothing_beats_the_bound() -> None:
    asks = [ask(f"w{i}", hours=1.5 + i / 4, count=8 + 8 * (i % 3)) for i in range(12)]
    asks = [replace(a, workload=replace(a.workload, limits=Limits(deadline=hour(14)))) for a in asks]
    made = planned(asks)
    placed = list(options(made).values())
    assert len(placed) == 12
    assert all(most_used(placed, p) <= 32 for p in "ew")
    assert all(o.end <= hour(14) for o in placed)
    assert 0 < made.bound <= float(made.total.decimal) + 1e-6
    assert made.gap < 0.05
    assert made.total == sum((o.total for o in placed), cny("0"))


def test_a_closed_pool_is_not_used() -> None:
    shut = Occupancy(promises={"w": (Promise(start=MONDAY, end=hour(60), accelerators=32),)})
    made = plan_whole(two_sites(), [ask("one")], MONDAY, shut, 48)
    assert options(made)["one"].pool_id == "e"


def test_savings_are_the_difference_of_each_part_from_the_eastern_site() -> None:
    made = planned([ask("a"), ask("b"), ask("c", on=("w",))])
    assert made.compared == 2
    here = [options(made)[n] for n in "ab"]
    for part in CostPart:
        there = [o.cost.get(part, cny("0")) for o in made.east if o is not None]
        mine = [o.cost.get(part, cny("0")) for o in here]
        assert made.saved.get(part, cny("0")) == sum(there, cny("0")) - sum(mine, cny("0"))
    assert made.saved[CostPart.POWER] > cny("0")
    assert all(o is None or (o.pool_id, o.start) == ("e", MONDAY) for o in made.east)
    assert made.east[2] is None


def test_a_chain_waits_and_its_data_moves() -> None:
    prepare = ask("prepare", on=("e",))
    train = ask("train", hours=4.0, on=("w",), after=(Dependency(workload="prepare", size_bytes=3600 * GB),))
    serve = ask("serve", after=(Dependency(workload="train", size_bytes=GB),))
    found = options(planned([serve, train, prepare]))
    assert found["train"].start >= found["prepare"].end + timedelta(hours=1)
    assert found["train"].cost[CostPart.DATA] == cny("360")
    assert found["serve"].start >= found["train"].end
    assert found["serve"].pool_id == "w"


def test_dear_data_keeps_a_chain_together() -> None:
    """By itself the second would go west, where power is cheaper; its input is too dear to move."""
    first = ask("first", on=("e",))
    heavy = ask("second", after=(Dependency(workload="first", size_bytes=5000 * GB),))
    light = ask("second", after=(Dependency(workload="first", size_bytes=GB),))
    assert options(planned([first, heavy]))["second"].pool_id == "e"
    assert options(planned([first, light]))["second"].pool_id == "w"


def test_a_deadline_at_the_end_of_a_chain_holds_back_its_start() -> None:
    """The first waits for cheap power only as long as the last can still end in time."""
    free = options(planned([ask("first", on=("w",), limits=Limits(deadline=hour(40)))]))["first"]
    first, last = ask("first", on=("w",)), ask("last", on=("w",), after=(Dependency(workload="first"),))
    last = replace(last, workload=replace(last.workload, limits=Limits(deadline=hour(6))))
    found = options(planned([first, last]))
    assert free.start > hour(6)
    assert found["last"].end <= hour(6)


def test_near_and_apart() -> None:
    one, near, apart = ask("one", on=("e",)), ask("near", near=("one",)), ask("apart", apart=("one",))
    found = options(planned([one, near, apart]))
    assert (found["near"].pool_id, found["apart"].pool_id) == ("e", "w")
    clash = planned([one, ask("near", on=("w",), near=("one",))])
    assert all(isinstance(d, Refused) for d in clash.decisions)
    refused = clash.decisions[1]
    assert isinstance(refused, Refused)
    assert {r.reason for r in refused.rejections} == {Reason.CLASHES_WITH_OTHERS}


def test_two_of_a_group_do_not_take_the_same_accelerators() -> None:
    pair = [ask("a", count=32, on=("w",)), ask("b", count=32, on=("w",), near=("a",))]
    found = list(options(planned(pair)).values())
    assert len(found) == 2
    assert most_used(found, "w") == 32


def test_what_waits_for_a_refused_one_is_refused() -> None:
    first = ask("first", limits=Limits(deadline=hour(1)))
    made = planned([first, ask("then", after=(Dependency(workload="first"),))])
    assert options(made) == {}


def test_priority_decides_who_is_left_out() -> None:
    """Room for one of two before the deadline: the one of higher priority has it, whichever comes first."""
    limits = Limits(deadline=hour(2.6))
    for favoured in ("a", "b"):
        asks = [ask(n, count=32, on=("w",), limits=limits, priority=5 if n == favoured else 0) for n in ("a", "b")]
        assert set(options(planned(asks))) == {favoured}


def test_dependencies_in_a_circle() -> None:
    a = workload(name="a", after=(Dependency(workload="b"),))
    b = workload(name="b", after=(Dependency(workload="a"),))
    with pytest.raises(ValueError, match="circle"):
        in_order([a, b])
    with pytest.raises(ValueError, match="one name"):
        planned([ask("a"), ask("a")])


def test_data_that_is_not_yet_there_is_waited_for() -> None:
    late: datetime = hour(5)
    data = DataSet(name="d", at="west", size_bytes=GB, available=late)
    found = options(planned([ask("one", data=(data,))]))["one"]
    assert found.start >= late
    assert isinstance(planned([ask("one", data=(replace(data, at="nowhere"),))]).decisions[0], Refused)
