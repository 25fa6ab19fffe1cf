"""Delivered compute of a month: what is charged, what failed, and what is lost between the peak and what arrives."""

from datetime import UTC, datetime

import pytest

from suanwang.errors import InvalidInput, NotFound
from suanwang.interfaces.web.pages.billing import waterfall
from tests.month_world import World
from tests.small_grid import CARD, book


def test_the_parts_of_a_month_sum_to_the_peak() -> None:
    world = World(books=(book(),))
    world.pay("500")
    world.run(3600)
    world.run(1800, tenant="you")
    (line,) = world.books.delivered("me", "2026-10").lines
    assert line.accelerator_id == CARD.id
    assert float(line.accelerator_hours) == pytest.approx(8, abs=0.1)
    assert line.failed_hours == 0
    assert line.theoretical is not None
    assert line.failed == 0
    assert line.inefficient is not None
    assert 0 < line.delivered < line.theoretical
    assert line.inefficient + line.delivered == pytest.approx(line.theoretical)
    assert line.energy_kwh > 0
    assert line.carbon_kg > 0
    assert line.charged == world.books.invoices("me", "2026-10")[0].charged


def test_another_month_and_another_tenant_have_their_own() -> None:
    world = World(books=(book(),))
    world.pay("500")
    world.run(3600)
    assert world.books.delivered("you", "2026-10").lines == ()
    world.go_to(datetime(2026, 11, 3, tzinfo=UTC))
    assert world.books.delivered("me", "2026-11").lines == ()
    with pytest.raises(NotFound):
        world.books.delivered("nobody", "2026-10")
    with pytest.raises(InvalidInput, match="MONTH"):
        world.books.delivered("me", "2026-13")


def test_the_waterfall_falls_from_the_peak_to_what_was_delivered() -> None:
    world = World(books=(book(),))
    world.pay("500")
    world.run(3600)
    lines = world.books.delivered("me", "2026-10").lines
    option = waterfall(lines, str)
    assert option is not None
    under, shown = (series["data"] for series in option["series"])
    peak, failed, inefficient, delivered = shown
    assert peak == pytest.approx(lines[0].theoretical, rel=1e-5)
    assert failed == 0
    assert under[2] == pytest.approx(delivered, rel=1e-5)
    assert under[2] + inefficient == pytest.approx(peak, rel=1e-5)
    assert waterfall((), str) is None
