"""Signals and the clock on the wall: tables of cases, and what is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from suanwang.domain.signal import EPOCH, FAR_FUTURE, Signal, require_aware
from suanwang.errors import Never

NOON = datetime(2025, 6, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STEPS = Signal.of("CNY/kWh", [(NOON, "0.3"), (NOON + HOUR, Decimal("0.9")), (NOON + 3 * HOUR, 0)], NOON + 6 * HOUR)


@pytest.mark.parametrize(
    ("start", "end", "integral"),
    [
        (0, 1, Fraction("0.3")),
        (1, 3, Fraction("1.8")),
        (0, 6, Fraction("2.1")),
        (0.5, 1.5, Fraction("0.6")),
        (2, 2, Fraction(0)),
        (3, 6, Fraction(0)),
    ],
)
def test_integral(start: float, end: float, integral: Fraction) -> None:
    assert STEPS.integral(NOON + start * HOUR, NOON + end * HOUR) == integral


@pytest.mark.parametrize(("hours", "micro"), [(0, 300_000), (0.999, 300_000), (1, 900_000), (3, 0), (5.999, 0)])
def test_value_holds_from_its_edge_on(hours: float, micro: int) -> None:
    assert STEPS.micro_at(NOON + hours * HOUR) == micro
    assert STEPS.at(NOON + hours * HOUR) == micro / 1e6


def test_mean() -> None:
    assert STEPS.mean(NOON, NOON + 2 * HOUR) == pytest.approx(0.6)
    assert STEPS.mean(NOON, NOON) == 0.3


def test_product_has_the_edges_of_both() -> None:
    pue = Signal.of("1", [(EPOCH, "1.2"), (NOON + 2 * HOUR, "1.5")])
    product = STEPS.product(pue, "CNY/kWh", NOON, NOON + 4 * HOUR)
    assert product.edges == tuple(NOON + n * HOUR for n in (0, 1, 2, 3))
    assert product.micros == (360_000, 1_080_000, 1_350_000, 0)
    assert product.until == NOON + 4 * HOUR


@pytest.mark.parametrize("hours", [-1, 6, 7])
def test_no_value_outside(hours: int) -> None:
    with pytest.raises(Never, match="no value in CNY/kWh at 2025-06-02") as caught:
        STEPS.at(NOON + hours * HOUR)
    assert caught.value.code == "signal-out-of-range"
    assert "2025-06-02T12:00:00+00:00 to 2025-06-02T18:00:00+00:00" in str(caught.value.remedy)


def test_the_end_of_a_signal_ends_an_interval() -> None:
    assert STEPS.pieces(NOON + 5 * HOUR, NOON + 6 * HOUR) == [(NOON + 5 * HOUR, NOON + 6 * HOUR, 0)]
    with pytest.raises(Never):
        STEPS.pieces(NOON + 5 * HOUR, NOON + 7 * HOUR)


@pytest.mark.parametrize(
    ("edges", "micros", "until"),
    [
        ((), (), FAR_FUTURE),
        ((NOON,), (1, 2), FAR_FUTURE),
        ((NOON, NOON), (1, 2), FAR_FUTURE),
        ((NOON + HOUR, NOON), (1, 2), FAR_FUTURE),
        ((NOON,), (1,), NOON),
        ((NOON.replace(tzinfo=None),), (1,), FAR_FUTURE),
    ],
)
def test_disorder_is_refused(edges: tuple[datetime, ...], micros: tuple[int, ...], until: datetime) -> None:
    with pytest.raises(ValueError, match=r"signal|time zone"):
        Signal("x", edges, micros, until)


@pytest.mark.parametrize("value", ["0.0000001", "1.1234560000000000000000000000000001", Decimal("1e-7")])
def test_values_finer_than_a_millionth_are_refused(value: str | Decimal) -> None:
    with pytest.raises(ValueError, match="finer"):
        Signal.of("x", [(NOON, value)])


def test_values_are_whole_millionths() -> None:
    value: Any = 0.3
    with pytest.raises(TypeError):
        Signal("x", (NOON,), (value,))


def test_naive_times_and_backward_intervals_are_refused() -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(ValueError, match="no time zone"):
        STEPS.at(naive)
    with pytest.raises(ValueError, match="no time zone"):
        require_aware(naive)
    with pytest.raises(ValueError, match="before it starts"):
        STEPS.integral(NOON + HOUR, NOON)


def test_edges_on_a_local_clock_keep_their_instants() -> None:
    """2:30 comes twice in the night when Berlin's clock goes back; the two are an hour apart."""
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2025, 10, 26, 2, 30, tzinfo=berlin)
    second = first.replace(fold=1)
    signal = Signal("x", (first, second), (1_000_000, 2_000_000))
    assert signal.edges == (datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 1, 30, tzinfo=UTC))
    assert signal.integral(first, second + HOUR) == signal.integral(first, datetime(2025, 10, 26, 2, 30, tzinfo=UTC))
