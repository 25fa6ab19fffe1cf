"""Quantities read from text, amounts of money, bands, and how messages are rendered: tables of cases."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from suanwang.domain.estimate import Band, Layout
from suanwang.domain.money import Money, total
from suanwang.errors import CODES, InvalidInput, Message, Never, NotFound, Problem, msg
from suanwang.units import DIMENSIONS, JOULES_PER_KWH, SECONDS_PER_HOUR, UnreadableQuantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("2 h", "duration", 7200.0),
        ("1.5d", "duration", 129_600.0),
        ("250 ms", "duration", 0.25),
        ("80 GB", "bytes", 80e9),
        ("80 GiB", "bytes", 80 * 2.0**30),
        ("1 kB", "bytes", 1000.0),
        ("0 B", "bytes", 0.0),
        ("400 Gbit/s", "bandwidth", 50e9),
        ("3.35 TB/s", "bandwidth", 3.35e12),
        ("1 bit/s", "bandwidth", 0.125),
        ("6.5 ZFLOP", "flops", 6.5e21),
        ("1e3 PFLOP", "flops", 1e18),
        ("10.2 kW", "power", 10_200.0),
        ("70B", "count", 70e9),
        ("15T", "count", 15e12),
        ("1_000_000", "count", 1e6),
        ("+4", "count", 4.0),
        ("-3", "count", -3.0),
        ("  7  k ", "count", 7000.0),
        ("２ h", "duration", 7200.0),
    ],
)
def test_quantity_is_read(text: str, dimension: str, value: float) -> None:
    assert parse_quantity(text, dimension) == value


@pytest.mark.parametrize(
    ("text", "dimension", "says"),
    [
        ("80", "bytes", "no unit"),
        ("80 gb", "bytes", "unknown unit 'gb'"),
        ("80 h", "bytes", "unknown unit 'h'"),
        ("1 m", "duration", "unknown unit 'm'"),
        ("", "count", "not a number"),
        ("GB", "bytes", "not a number"),
        ("1,5 h", "duration", "not a number"),
        ("1 000 B", "bytes", "not a number"),
        (".5 h", "duration", "not a number"),
        ("5. h", "duration", "not a number"),
        ("nan", "count", "not a number"),
        ("inf h", "duration", "not a number"),
        ("0x10 B", "bytes", "not a number"),
        ("1e400 B", "bytes", "too large"),
        ("-1e400 B", "bytes", "too large"),
        ("1e999999999999999999999 B", "bytes", "too large"),
    ],
)
def test_quantity_is_refused(text: str, dimension: str, says: str) -> None:
    with pytest.raises(UnreadableQuantity, match=says):
        parse_quantity(text, dimension)


def test_refusal_names_the_units() -> None:
    with pytest.raises(UnreadableQuantity) as caught:
        parse_quantity("10 gb", "bytes")
    assert all(unit in str(caught.value) for unit in DIMENSIONS["bytes"])


def test_scales() -> None:
    assert SECONDS_PER_HOUR == 60 * 60
    assert JOULES_PER_KWH == 1000 * SECONDS_PER_HOUR
    assert DIMENSIONS["bytes"]["GiB"] == 1024**3
    assert DIMENSIONS["bytes"]["PB"] == 10**15
    assert DIMENSIONS["bandwidth"]["Tbit/s"] * 8 == 10**12


@pytest.mark.parametrize(
    ("text", "micro"),
    [
        ("0", 0),
        (" 7 ", 7_000_000),
        ("1_000", 10**9),
        ("1", 1_000_000),
        ("-0.5", -500_000),
        ("0.000001", 1),
        ("1,234.5", 1_234_500_000),
        ("1e3", 10**9),
    ],
)
def test_money_is_parsed(text: str, micro: int) -> None:
    assert Money.parse(text, "CNY") == Money(micro, "CNY")


@pytest.mark.parametrize(
    "text",
    ["", "ten", "0.0000001", "NaN", "Infinity", "-Infinity", "1e-7", "1.2.3", "1,5", "12,34", "1e999999999", "１"],
)
def test_money_is_not_parsed(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|finer"):
        Money.parse(text, "CNY")


def test_large_money_is_exact() -> None:
    text = "12345678901234567890123456789012.654321"
    assert Money.parse(text, "CNY").micro == 12345678901234567890123456789012654321
    assert Money.parse(text, "CNY").decimal == Decimal(text)
    with pytest.raises(ValueError, match="finer"):
        Money.parse(f"{text}0001", "CNY")


@pytest.mark.parametrize("micro", [1.0, True, Decimal(1), "1", None])
def test_money_is_whole_millionths(micro: Any) -> None:
    with pytest.raises(TypeError):
        Money(micro, "CNY")


def test_money_refuses_float_factors_and_other_units() -> None:
    half: Any = 0.5
    with pytest.raises(TypeError):
        Money(1, "CNY").times(half)
    with pytest.raises(Never) as caught:
        Money(1, "CNY") + Money(1, "VCH:spring")
    assert caught.value.code == "unit-mismatch"
    with pytest.raises(Never):
        total([Money(1, "CNY"), Money(1, "EUR")], "CNY")


@pytest.mark.parametrize(
    ("micro", "quantity", "result"),
    [(1, Fraction(1, 2), 0), (3, Fraction(1, 2), 2), (5, Fraction(1, 2), 2), (-3, Fraction(1, 2), -2), (7, 3, 21)],
)
def test_times_rounds_half_to_even(micro: int, quantity: Fraction | int, result: int) -> None:
    assert Money(micro, "CNY").times(quantity) == Money(result, "CNY")


def test_money_is_shown_with_its_unit() -> None:
    assert str(Money(1_234_567_890_000, "CNY")) == "1,234,567.89 CNY"
    assert not Money.zero("CNY")
    assert Money(1, "CNY")


@pytest.mark.parametrize(
    ("low", "mid", "high"),
    [(2, 1, 3), (0, 3, 2), (-1, 0, 1), (0, 1, float("inf")), (0, float("nan"), 1), (float("nan"), 1, 2)],
)
def test_band_refuses_disorder(low: float, mid: float, high: float) -> None:
    with pytest.raises(ValueError, match="not a band"):
        Band(low, mid, high)


def test_layout() -> None:
    assert Layout(tp=8, pp=4, dp=16, cp=2).accelerators == 1024
    with pytest.raises(ValueError, match="at least 1"):
        Layout(tp=0)


def test_message_renders_in_the_reader_s_language() -> None:
    inner = msg("{n} cards", n=8)
    message = msg("no pool has {what} at {price:.2f} {unit}", what=inner, price=1.5, unit="CNY")
    chinese = {
        "{n} cards": "{n} 张卡",
        "no pool has {what} at {price:.2f} {unit}": "没有资源池有 {what}，{price:.2f} {unit}",
    }
    assert str(message) == "no pool has 8 cards at 1.50 CNY"
    assert message.render(lambda template: chinese[template]) == "没有资源池有 8 张卡，1.50 CNY"
    assert message == Message("no pool has {what} at {price:.2f} {unit}", tuple(message.values))
    assert hash(message) == hash(msg("no pool has {what} at {price:.2f} {unit}", what=inner, price=1.5, unit="CNY"))


def test_values_are_shown_as_they_are() -> None:
    """Braces in a value (a file name, a YAML fragment) are not read as fields."""
    assert str(msg("cannot read {name}", name="{x} %s")) == "cannot read {x} %s"


def test_input_errors_list_every_problem() -> None:
    problems = [
        Problem("w.yaml:3 task.tokens", msg("{text!r} has no unit.", text="15"), msg("Write 15T.")),
        Problem("w.yaml:9 limits", msg("The deadline has passed."), msg("Give a later one.")),
    ]
    error = InvalidInput(problem for problem in problems)
    assert error.problems == tuple(problems)
    assert error.code == "invalid-input"
    assert str(error).splitlines() == [
        "w.yaml:3 task.tokens: '15' has no unit. Write 15T.",
        "w.yaml:9 limits: The deadline has passed. Give a later one.",
    ]


def test_refusals_carry_code_message_and_remedy() -> None:
    error = NotFound("not-found", msg("no site {id}", id="a"), msg("See the list."))
    assert (error.code, str(error), str(error.remedy)) == ("not-found", "no site a", "See the list.")
    assert error.code in CODES
