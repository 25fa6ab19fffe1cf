"""Another hub as an engine: laws of the engines' contract on it, and what it alone must do: never go round in circles.

Each law starts a whole hub, so those that are about programs and folders, which the other hub's own engine answers for,
are left to that engine.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.grid import PATH
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.order import EndCause, OrderState
from suanwang.domain.price import Basis, MarginalLink, Price
from suanwang.errors import Never, NotNow
from suanwang.service.hub import Hub
from suanwang.service.previews import publish
from suanwang.service.settlement import invoice_of
from tests.contract import test_engine_contract as contract
from tests.contract.engine_rig import ACCELERATORS, POOL, Rig
from tests.contract.grid_rig import GridRig
from tests.simulation.crash.world import FLAT
from tests.small_grid import book, cny, grid, pool, site

Law = Callable[[Rig], None]
LAWS: tuple[Law, ...] = (
    contract.test_what_it_lacks_is_said_with_a_reason,
    contract.test_an_order_never_seen_is_unknown,
    contract.test_an_order_waits_then_runs,
    contract.test_observations_come_in_the_order_asked_for,
    contract.test_a_repeated_submit_changes_nothing,
    contract.test_cancel_right_after_submit_ends_the_order,
    contract.test_cancel_of_an_ended_order_changes_nothing,
    contract.test_an_order_cancelled_before_it_is_submitted_never_starts,
    contract.test_an_order_with_an_old_fence_is_refused,
    contract.test_a_higher_fence_ends_the_earlier_attempt,
    contract.test_output_is_kept_and_read_in_pieces,
)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GridRig]:
    made = GridRig(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("test_"))
def test_a_law_of_engines_holds_for_another_hub(rig: GridRig, law: Law) -> None:
    law(rig)


def test_both_levels_bill_the_same_seconds_and_the_bill_comes_along(rig: GridRig) -> None:
    seen = rig.run(rig.exits(3))
    assert (seen.state, seen.cause, seen.exit_code) == (OrderState.ENDED, EndCause.EXITED, 3)
    below = rig.below.hub
    with below.store.transaction() as tx:
        (job,) = tx.jobs.find()
        billed = sum((r.end - r.start).total_seconds() for r in tx.usage.records(job.id))
    assert seen.started
    assert seen.ended
    assert (seen.ended - seen.started).total_seconds() == pytest.approx(billed, abs=1e-6)
    bill = invoice_of(below, job.id).payable
    assert seen.evidence["bill"] == f"{bill.decimal:.6f} CNY"
    assert seen.evidence["job"] == job.id


def test_an_order_that_comes_round_again_is_refused(rig: GridRig) -> None:
    first = rig.exits(0)
    with pytest.raises(Never, match="came round to above again by nation/above/city"):
        rig.engine.submit(replace(first, environment={PATH: "nation/above/city"}))
    rig.engine.submit(replace(first, environment={PATH: "nation/province"}))
    assert rig.wait(first.id).exit_code == 0


def test_a_full_grid_says_so(rig: GridRig) -> None:
    big = replace(rig.runs(), accelerators=ACCELERATORS - 2)
    rig.engine.submit(big)
    assert rig.engine.capacity(POOL).free <= 2
    rig.wait(big.id, OrderState.RUNNING)
    assert rig.engine.capacity(POOL).free == 2
    with pytest.raises(NotNow) as full:
        rig.engine.submit(replace(rig.runs(), accelerators=3))
    assert full.value.code == "engine-full"


def test_a_refusal_there_comes_with_its_words(rig: GridRig) -> None:
    with pytest.raises(Never, match=r"the other hub refuses: .*directory"):
        rig.engine.submit(replace(rig.runs(), directory="/somewhere"))


def test_prices_are_passed_up(rig: GridRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub above sells at the price of the hub below, times a factor, within its floor and cap."""
    (first, *more) = rig.engine.asked(POOL, 3)
    assert len(more) == 2
    assert (first.unit, first.rent, first.congestion) == ("CNY", 5.0, 0.0)
    assert first.power > 0
    link = MarginalLink(factor=Fraction(11, 10), floor=cny("1"), cap=cny("50"))
    linked = replace(book(kwh=None), prices=(Price(basis=Basis.ACCELERATOR_HOUR, amount=None, link=link),))
    plan = grid([site("city", tariff=FLAT)], [pool(POOL, "city", nodes=1, engine="grid")], price_books=(linked,))
    above = Hub(store=MemoryStore(), clock=SystemClock(), grid=plan, engines={POOL: rig.engine}, accelerators={})
    (price,) = publish(above, linked, 2).prices
    assert float(price.steps[0].amount.decimal) == pytest.approx(1.1 * (first.rent + first.power), abs=2e-6)
    with pytest.raises(Never, match="no pool"):
        rig.engine.asked("elsewhere", 3)
    monkeypatch.setattr(rig.engine, "asked", lambda *_: [replace(first, unit="USD")])
    with pytest.raises(Never, match=f"behind pool {POOL} tells no price in CNY for"):
        publish(above, linked, 2)
