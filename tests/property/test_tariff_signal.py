"""A tariff read day by day equals the tariff read every minute, on every clock, over daylight changes too."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.domain.provenance import MissingFigure
from suanwang.domain.tariff import Tariff, TariffPeriod
from tests.small_grid import INVENTED, MONDAY, tariff

ZONES = ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/London")
CHANGES = (datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC))
"""Days on which the clocks of New York, London and Lord Howe change."""


def some_tariff(dice: Random) -> Tariff:
    """Periods at quarters of an hour (as clocks change by halves of one), some only in some months and weekdays."""
    periods = []
    for i in range(3):
        a, b = sorted(dice.sample(range(97), 2))
        months = frozenset(dice.sample(range(1, 13), dice.randint(6, 12)))
        weekdays = frozenset(dice.sample(range(1, 8), dice.randint(3, 7)))
        periods.append(TariffPeriod(name=f"t{i}", minutes=((a * 15, b * 15),), months=months, weekdays=weekdays))
    prices = {name: Decimal(dice.randrange(100)) / 100 for name in ("flat", "t0", "t1", "t2")}
    return Tariff(id="t", name="t", currency="CNY", prices=prices, periods=tuple(periods), provenance=INVENTED)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(ZONES), st.sampled_from(CHANGES))
def test_signal_equals_the_clock(seed: int, zone_name: str, around: datetime) -> None:
    dice, zone = Random(seed), ZoneInfo(zone_name)
    rules = some_tariff(dice)
    start = around + timedelta(seconds=dice.randrange(-86_400, 86_400))
    end = start + timedelta(hours=dice.choice((0, 1, 30, 70)))
    signal = rules.signal(zone, start, end)
    assert signal.edges[0] <= start
    assert signal.until >= end
    moments = [start, *(start + timedelta(minutes=m) for m in range(0, int((end - start).total_seconds() / 60), 7))]
    for when in moments:
        assert signal.at(when) == float(rules.price(rules.period_at(when.astimezone(zone))))


def test_edges_at_odd_minutes_are_kept() -> None:
    rules = tariff({"flat": "0.6", "valley": "0.3"}, {})
    rules = Tariff(
        id="odd",
        name="odd",
        currency="CNY",
        prices=rules.prices,
        periods=(TariffPeriod(name="valley", minutes=((7, 11),)),),
        provenance=INVENTED,
    )
    signal = rules.signal(ZoneInfo("UTC"), MONDAY, MONDAY + timedelta(hours=1))
    assert signal.edges == (MONDAY, MONDAY + timedelta(minutes=7), MONDAY + timedelta(minutes=11))


def test_only_prices_that_occur_are_asked_for() -> None:
    rules = tariff({"flat": "0.6"}, {"valley": [(20, 22)]})
    evening = MONDAY + timedelta(hours=12)  # 20:00 in China
    assert rules.signal(ZoneInfo("Asia/Shanghai"), MONDAY, evening).at(MONDAY) == 0.6
    with pytest.raises(MissingFigure, match="valley"):
        rules.signal(ZoneInfo("Asia/Shanghai"), MONDAY, evening + timedelta(minutes=1))
