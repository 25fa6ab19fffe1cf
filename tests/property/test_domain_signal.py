"""Signals are exact: integrals add up to the last digit, however an interval is cut, also where clocks change."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanwang.domain.provenance import Confidence, MissingFigure, Provenance
from suanwang.domain.signal import FAR_FUTURE, MICROSECOND, Signal, news, overlaid
from suanwang.domain.tariff import MINUTES_PER_DAY, Tariff, TariffPeriod
from suanwang.errors import Never
from suanwang.units import MICRO, SECONDS_PER_HOUR

START = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
SPAN_US = (END - START) // MICROSECOND
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Shanghai", "Asia/Kathmandu", "Australia/Lord_Howe"]

instants = st.integers(0, SPAN_US).map(lambda us: START + us * MICROSECOND)
values = st.integers(-(10**12), 10**12)


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    """A signal that covers [START, END]."""
    inner = draw(st.lists(st.integers(1, SPAN_US - 1), unique=True, max_size=12).map(sorted))
    edges = (START, *(START + us * MICROSECOND for us in inner))
    micros = draw(st.lists(values, min_size=len(edges), max_size=len(edges)))
    return Signal("x", edges, tuple(micros), draw(st.sampled_from([END, FAR_FUTURE])))


@st.composite
def heard(draw: st.DrawFn) -> list[Signal]:
    """Signals that were heard one after another, of hours that meet, part and overlap."""
    found = []
    for _ in range(draw(st.integers(1, 5))):
        begin, steps = draw(st.integers(0, 20)), draw(st.lists(st.integers(0, 3), min_size=1, max_size=6))
        edges = tuple(START + timedelta(hours=begin + i) for i in range(len(steps) + 1))
        found.append(Signal("x", edges[:-1], tuple(steps), edges[-1]))
    return found


def value_at(signals: list[Signal], when: datetime) -> int | None:
    """The value of the last of them that has one, looked up one by one."""
    found = [signal.micro_at(when) for signal in signals if signal.edges[0] <= when < signal.until]
    return found[-1] if found else None


@given(heard())
def test_the_newest_holds_where_it_is_known(known: list[Signal]) -> None:
    stretches = overlaid(known)
    assert all(a.until < b.edges[0] for a, b in pairwise(stretches)), "with a gap between them"
    for hour in range(30):
        when = START + timedelta(hours=hour)
        assert value_at(stretches, when) == value_at(known, when)


@given(heard())
def test_what_is_news_makes_what_was_known_what_is_known_now(signals: list[Signal]) -> None:
    *known, last = signals
    parts = news(known, last)
    assert overlaid([*known, *parts]) == overlaid(signals)
    assert news([*known, *parts], last) == []


@given(heard(), st.integers(-2, 32), st.integers(1, 12))
def test_a_part_of_a_signal_is_that_part_and_no_more(signals: list[Signal], begin: int, hours: int) -> None:
    whole, start = signals[0], START + timedelta(hours=begin)
    part = whole.between(start, start + timedelta(hours=hours))
    for hour in range(-3, 46):
        when = START + timedelta(hours=hour)
        inside = start <= when < start + timedelta(hours=hours)
        assert value_at([part] if part else [], when) == (value_at([whole], when) if inside else None)


@st.composite
def cuts(draw: st.DrawFn) -> list[datetime]:
    """Two or more instants in order; some of them may be the same."""
    return sorted(draw(st.lists(instants, min_size=2, max_size=8)))


@given(signals(), cuts())
def test_integral_is_additive(signal: Signal, points: list[datetime]) -> None:
    parts = [signal.integral(a, b) for a, b in pairwise(points)]
    assert sum(parts, Fraction()) == signal.integral(points[0], points[-1])


@given(signals(), cuts())
def test_pieces_tile_the_interval(signal: Signal, points: list[datetime]) -> None:
    start, end = points[0], points[-1]
    pieces = signal.pieces(start, end)
    assert [a for a, _, _ in pieces] + [end] == [start] + [b for _, b, _ in pieces] or start == end
    for a, b, micro in pieces:
        assert a < b
        assert signal.micro_at(a) == signal.micro_at(b - MICROSECOND) == micro


@given(signals(), instants)
def test_integral_of_microseconds_is_the_sum_of_values(signal: Signal, when: datetime) -> None:
    """Against a sum that knows nothing of pieces: twenty microseconds, one by one."""
    when = min(when, END - 20 * MICROSECOND)
    naive = sum(signal.micro_at(when + n * MICROSECOND) for n in range(20))
    unit_hours = Fraction(naive, MICRO * MICRO * SECONDS_PER_HOUR)
    assert signal.integral(when, when + 20 * MICROSECOND) == unit_hours


@given(values, cuts())
def test_integral_of_a_constant(micro: int, points: list[datetime]) -> None:
    signal = Signal.constant("x", Decimal(micro) / MICRO)
    hours = Fraction((points[-1] - points[0]) // MICROSECOND, MICRO * SECONDS_PER_HOUR)
    assert signal.integral(points[0], points[-1]) == Fraction(micro, MICRO) * hours


@given(signals(), cuts())
def test_mean_is_within_the_values(signal: Signal, points: list[datetime]) -> None:
    start, end = points[0], points[-1]
    if end == END:
        end -= MICROSECOND
    start = min(start, end)
    inside = {signal.micro_at(start)} | {micro for _, _, micro in signal.pieces(start, end)}
    slack = 1e-9 * max(map(abs, inside)) / MICRO
    assert min(inside) / MICRO - slack <= signal.mean(start, end) <= max(inside) / MICRO + slack


@given(signals(), signals(), cuts())
def test_product_is_the_product_at_every_instant(one: Signal, two: Signal, points: list[datetime]) -> None:
    start, end = points[0], points[-1]
    if start == end:
        return
    both = one.product(two, "x2", start, end)
    assert (both.unit, both.edges[0], both.until) == ("x2", start, end)
    for when in {start, end - MICROSECOND, *both.edges, *(p for p in points if start <= p < end)}:
        exact = Fraction(one.micro_at(when) * two.micro_at(when), MICRO)
        assert abs(both.micro_at(when) - exact) <= Fraction(1, 2)
    assert both.edges == two.product(one, "x2", start, end).edges


@given(signals(), st.integers(1, 10**12))
def test_outside_is_refused(signal: Signal, us: int) -> None:
    with pytest.raises(Never) as before:
        signal.at(START - us * MICROSECOND)
    assert before.value.code == "signal-out-of-range"
    if signal.until == END:
        for refused in (lambda: signal.at(END), lambda: signal.integral(START, END + us * MICROSECOND)):
            with pytest.raises(Never):
                refused()


minutes_of_day = st.integers(0, MINUTES_PER_DAY)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """Periods from and to any minute, in any months and on any weekdays, possibly over one another."""
    periods = []
    for name in draw(st.lists(st.sampled_from(["sharp", "peak", "valley"]), unique=True)):
        spans = draw(st.lists(st.tuples(minutes_of_day, minutes_of_day).filter(lambda s: s[0] < s[1]), max_size=3))
        months = draw(st.frozensets(st.integers(1, 12), min_size=1))
        weekdays = draw(st.frozensets(st.integers(1, 7), min_size=1))
        periods.append(TariffPeriod(name=name, minutes=tuple(spans), months=months, weekdays=weekdays))
    prices = {name: Decimal(draw(st.integers(0, 10**7))) / MICRO for name in ("flat", "sharp", "peak", "valley")}
    source = Provenance(source="drawn", confidence=Confidence.ESTIMATE)
    return Tariff(id="t", name="t", currency="CNY", prices=prices, periods=tuple(periods), provenance=source)


@st.composite
def spans(draw: st.DrawFn) -> tuple[datetime, datetime]:
    """Up to four days, half of them around a change of the clock in one of ZONES."""
    changes = ["2025-03-09T07", "2025-03-30T01", "2025-10-26T01", "2025-11-02T06", "2026-04-04T15", "2025-10-04T15"]
    around = draw(st.sampled_from([datetime.fromisoformat(f"{c}:00:00+00:00") for c in changes]) | instants)
    start = around - timedelta(seconds=draw(st.integers(0, 2 * 86400)))
    return start, start + timedelta(seconds=draw(st.integers(1, 4 * 86400)))


@given(tariffs(), st.sampled_from(ZONES), spans(), st.lists(st.fractions(0, 1), max_size=20))
def test_tariff_price_is_that_of_the_clock_on_the_wall(
    tariff: Tariff, zone: str, span: tuple[datetime, datetime], places: list[Fraction]
) -> None:
    """At any instant the signal has the price of the period that holds on the local clock."""
    start, end = span
    signal = tariff.signal(ZoneInfo(zone), start, end)
    quarters = [start + timedelta(minutes=15 * n) for n in range(int((end - start) / timedelta(minutes=15)) + 1)]
    drawn = [start + int((end - start) // MICROSECOND * place) * MICROSECOND for place in places]
    for when in [*quarters, *drawn, end - MICROSECOND]:
        if when < end:
            price = tariff.price(tariff.period_at(when.astimezone(ZoneInfo(zone))))
            assert signal.micro_at(when) == price * MICRO, when.astimezone(ZoneInfo(zone))


@given(tariffs(), st.sampled_from(ZONES), spans(), st.fractions(0, 1))
def test_tariff_pieces_sum_to_the_whole(
    tariff: Tariff, zone: str, span: tuple[datetime, datetime], place: Fraction
) -> None:
    """Two signals made for the halves of an interval cost exactly what one made for the whole costs."""
    start, end = span
    cut = start + int((end - start) // MICROSECOND * place) * MICROSECOND
    whole = tariff.signal(ZoneInfo(zone), start, end).integral(start, end)
    halves = [tariff.signal(ZoneInfo(zone), a, b).integral(a, b) for a, b in ((start, cut), (cut, end))]
    assert sum(halves, Fraction()) == whole


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2025-03-30", 23),
        ("Europe/Berlin", "2025-10-26", 25),
        ("America/New_York", "2025-03-09", 23),
        ("America/New_York", "2025-11-02", 25),
        ("Asia/Shanghai", "2025-03-30", 24),
    ],
)
def test_days_have_as_many_hours_as_the_clock_gives_them(zone: str, day: str, hours: int) -> None:
    """The change of the clock falls into the night, which is free here: the eighteen hours after it cost 1 each."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    following = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)) + timedelta(days=1)
    source = Provenance(source="drawn", confidence=Confidence.ESTIMATE)
    night = TariffPeriod(name="valley", minutes=((0, 360),))
    prices = {"flat": Decimal(1), "valley": Decimal(0)}
    tariff = Tariff(id="t", name="t", currency="EUR", prices=prices, periods=(night,), provenance=source)
    signal = tariff.signal(ZoneInfo(zone), midnight, following)
    assert sum((b - a for a, b, _ in signal.pieces(midnight, following)), timedelta()) == timedelta(hours=hours)
    assert signal.integral(midnight, following) == 18


def test_a_period_may_end_at_any_minute_also_when_the_clock_changes() -> None:
    """Berlin, 30 March 2025: 4:07 summer time is 2:07 UTC, and 0:00 was 23:00 UTC: three hours and seven minutes."""
    source = Provenance(source="drawn", confidence=Confidence.ESTIMATE)
    night = TariffPeriod(name="valley", minutes=((0, 247),))
    prices = {"flat": Decimal(0), "valley": Decimal(60)}
    tariff = Tariff(id="t", name="t", currency="EUR", prices=prices, periods=(night,), provenance=source)
    start, end = datetime(2025, 3, 29, 23, 0, tzinfo=UTC), datetime(2025, 3, 30, 20, 0, tzinfo=UTC)
    assert tariff.signal(ZoneInfo("Europe/Berlin"), start, end).integral(start, end) == 3 * 60 + 7


def test_a_period_without_a_price_is_named() -> None:
    source = Provenance(source="drawn", confidence=Confidence.ESTIMATE)
    peak = TariffPeriod(name="peak", minutes=((600, 720),))
    tariff = Tariff(id="t", name="t", currency="CNY", prices={"flat": Decimal(1)}, periods=(peak,), provenance=source)
    morning = datetime(2025, 6, 2, 0, 0, tzinfo=UTC)
    assert tariff.signal(ZoneInfo("UTC"), morning, morning + timedelta(hours=9)).micro_at(morning) == MICRO
    with pytest.raises(MissingFigure, match="tariff t has no price for period 'peak'"):
        tariff.signal(ZoneInfo("UTC"), morning, morning + timedelta(hours=11))
