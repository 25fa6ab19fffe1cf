"""Golden cases of the cash flow, made once with an independent program (SAM's single-owner model), and the documented
examples of numpy-financial 1.0 (https://numpy.org/numpy-financial/latest/)."""

from typing import Any

import numpy as np
import pytest

from suanwang.feasibility.breakeven import break_even
from suanwang.feasibility.cashflow import evaluate
from suanwang.feasibility.debt import level_payment, level_schedule
from suanwang.feasibility.outcome import outcome
from suanwang.feasibility.worth import modified_rate, present_value, rate_of_return
from tests.small_plan import small_plan

SOLVER = 1.5e-6
"""SAM ends its search for the IRR early: at its -0.034825 the fifth case is worth 569 CNY, at ours 2e-8 CNY; and the
sixth digit is rounded."""

GOLDEN: list[tuple[dict[str, Any], str, float, float | None, float | None]] = [
    ({}, "-77,280,869.80", -0.008323, None, None),
    ({"debt": 0.6}, "-53,721,666.50", -0.045962, None, None),
    ({"inflation": 0.03, "price_change": -0.1, "degradation": 0.01}, "-111,004,092.06", -0.069448, None, None),
    (
        {
            "years": 8,
            "debt": 0.5,
            "rate": 0.05,
            "tenor": 5,
            "inflation": 0.02,
            "price_change": -0.08,
            "degradation": 0.005,
            "salvage": 0.05,
        },
        "-59,453,043.09",
        -0.020954,
        None,
        None,
    ),
    ({"tax": 0.0, "salvage": 0.0}, "-89,370,127.99", -0.034825, None, None),
    ({"price": 20.0, "utilisation": 0.85}, "162,309,742.70", 0.300298, 2.49741, 3.00735),
    ({"price": 20.0, "utilisation": 0.85, "debt": 0.6}, "185,868,946.00", 0.568323, 1.70493, 1.95259),
    ({"price": 20.0, "utilisation": 0.85, "price_change": -0.15}, "62,591,667.80", 0.190363, 2.88073, 3.76871),
]


@pytest.mark.parametrize(("figures", "npv", "irr", "payback", "discounted"), GOLDEN)
def test_golden(figures: dict[str, Any], npv: str, irr: float, payback: float | None, discounted: float | None) -> None:
    result = outcome(evaluate(small_plan(**figures)))
    assert f"{result.npv:,.2f}" == npv
    assert result.irr == pytest.approx(irr, abs=SOLVER)
    for found, wanted in ((result.payback_years, payback), (result.discounted_payback_years, discounted)):
        assert (found and f"{found:.5f}") == (wanted and f"{wanted:.5f}")


def test_break_even_price_and_utilisation() -> None:
    assert f"{break_even(small_plan(), 'price').value:.4f}" == "17.1716"
    assert f"{100 * break_even(small_plan(price=16.0), 'utilisation').value:.2f}" == "64.60"


@pytest.mark.parametrize(
    ("flows", "irr"),
    [
        ([-100, 39, 59, 55, 20], 0.28095),
        ([-100, 0, 0, 74], -0.0955),
        ([-100, 100, 0, -7], -0.0833),
        ([-100, 100, 0, 7], 0.06206),
        ([-5, 10.5, 1, -8, 1], 0.0886),
    ],
)
def test_documented_rates_of_return(flows: list[float], irr: float) -> None:
    assert rate_of_return(np.array(flows)) == pytest.approx(irr, abs=5e-5 if abs(irr) < 0.1 else 5e-6)


def test_documented_present_value() -> None:
    assert present_value(np.array([-40_000, 5_000, 8_000, 12_000, 30_000]), 0.08) == pytest.approx(3065.22267, abs=5e-6)


def test_documented_payment() -> None:
    payment = 200_000 * level_payment(np.array(0.075 / 12), 12 * 15)
    assert payment == pytest.approx(1854.0247200054619, abs=1e-9)


def test_documented_interest_and_principal() -> None:
    """A loan of 2,500 over a year at 8.24 %, paid monthly: the table in the documentation of ipmt."""
    interest, principal = (2500 * part for part in level_schedule(np.array([0.0824 / 12]), 12, 0))
    assert [f"{x:.2f}" for x in interest[:3]] == ["17.17", "15.79", "14.40"]
    assert [f"{x:.2f}" for x in principal[:3]] == ["200.58", "201.96", "203.35"]
    assert f"{interest.sum():.2f}" == "112.98"
    assert principal.sum() == pytest.approx(2500)


def test_modified_rate() -> None:
    """By its definition: (120 x 1.1 + 130) over 100 a year for two years."""
    assert modified_rate(np.array([-100.0, 120.0, 130.0]), 0.05, 0.1) == pytest.approx(2.62**0.5 - 1, abs=1e-12)
