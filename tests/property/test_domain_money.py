"""Laws of money and of bands, for any amounts."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanwang.domain.estimate import Band
from suanwang.domain.money import Money, total
from suanwang.errors import Never

micros = st.integers(-(10**24), 10**24)
amounts = micros.map(lambda micro: Money(micro, "CNY"))
quantities = st.fractions(min_value=0, max_value=10**9, max_denominator=10**12)
figures = st.floats(0, 1e300)


@given(amounts, amounts, amounts)
def test_addition_is_a_group(a: Money, b: Money, c: Money) -> None:
    zero = Money.zero("CNY")
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + zero == a
    assert a - b == a + -b
    assert not a - a


@given(st.lists(amounts))
def test_total_is_the_sum(parts: list[Money]) -> None:
    assert total(parts, "CNY").micro == sum(part.micro for part in parts)


@given(amounts)
def test_parsing_reads_what_is_shown_exactly(amount: Money) -> None:
    assert Money.parse(f"{amount.decimal:f}", "CNY") == amount
    assert Money.parse(f"{amount.decimal:,f}", "CNY") == amount


@given(amounts, quantities)
def test_rounding_is_by_at_most_half_a_millionth(price: Money, quantity: Fraction) -> None:
    exact = price.micro * quantity
    rounded = price.times(quantity)
    assert type(rounded.micro) is int
    assert abs(rounded.micro - exact) <= Fraction(1, 2)
    assert (-price).times(quantity) == -rounded


@given(amounts, st.lists(quantities, min_size=1, max_size=8))
def test_split_charges_differ_by_at_most_half_a_millionth_each(price: Money, parts: list[Fraction]) -> None:
    split = total([price.times(part) for part in parts], "CNY")
    whole = price.times(sum(parts, Fraction()))
    assert abs(split.micro - whole.micro) <= Fraction(len(parts) + 1, 2)


@given(micros, micros, st.sampled_from(["EUR", "VCH:spring", "cny"]))
def test_units_never_mix(a: int, b: int, other: str) -> None:
    for operation in (Money.__add__, Money.__sub__):
        with pytest.raises(Never, match="different units"):
            operation(Money(a, "CNY"), Money(b, other))
    assert Money(a, "CNY") != Money(a, other)


@given(st.floats())
def test_money_is_never_a_float(figure: Any) -> None:
    with pytest.raises(TypeError):
        Money(figure, "CNY")
    with pytest.raises(TypeError):
        Money(1, "CNY").times(figure)


@given(figures, figures, figures, st.floats(0, 1e6))
def test_bands_stay_in_order(a: float, b: float, c: float, factor: float) -> None:
    low, mid, high = sorted((a, b, c))
    scaled = Band(low, mid, high).scaled(factor)
    assert scaled.low <= scaled.mid <= scaled.high
    around = Band.around(mid, 0.5, 2.0)
    assert around.low <= around.mid == mid <= around.high
