"""What a site earns at the marginal prices of the hours ahead: promised hours at theirs, idle ones at theirs."""

import pytest

from suanwang.errors import NotFound
from suanwang.service.pricing import prices
from suanwang.service.revenue import revenue_ahead
from tests.small_grid import cny
from tests.unit.test_worth import HOURS, hub_with


def test_a_site_without_work_is_idle_and_worth_its_rent() -> None:
    hub = hub_with(0)
    (pool,) = revenue_ahead(hub, "a", HOURS).pools
    assert pool.promised_hours == 0
    assert pool.idle_hours == 32 * HOURS
    assert (pool.rent, pool.power, pool.congestion) == (cny("0"), cny("0"), cny("0"))
    assert pool.idle_worth.micro == pytest.approx(prices(hub, HOURS).rent[0].sum() * 32e6, rel=1e-9)
    assert pool.yield_per_hour == 0


def test_promised_hours_earn_the_prices_of_their_hours() -> None:
    hub = hub_with(2)
    (pool,) = revenue_ahead(hub, "a", HOURS).pools
    found = prices(hub, HOURS)
    assert pool.promised_hours == pytest.approx(2 * 6 * 32)
    assert pool.promised_hours + pool.idle_hours == pytest.approx(32 * HOURS)
    assert pool.congestion > cny("0"), "both want the same night"
    least, most = found.rent[0].min() * 2 * 6 * 32, found.rent[0].max() * 2 * 6 * 32
    assert least * 0.999999 <= pool.rent.micro / 1e6 <= most * 1.000001
    net = (pool.rent + pool.congestion).micro / 1e6
    assert pool.yield_per_hour == pytest.approx(net / (32 * HOURS), abs=1e-5)


def test_more_work_earns_more_of_everything() -> None:
    one, two = (revenue_ahead(hub_with(n), "a", HOURS).pools[0] for n in (1, 2))
    assert two.rent > one.rent
    assert two.power > one.power
    assert two.congestion >= one.congestion
    assert two.idle_hours < one.idle_hours


def test_a_site_that_is_not_there_is_told() -> None:
    with pytest.raises(NotFound):
        revenue_ahead(hub_with(0), "nowhere", HOURS)
