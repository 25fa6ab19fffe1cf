"""Worth over time: present value, internal rate of return, payments. Flows run along the last axis, column 0 is now."""

import numpy as np

from suanwang.errors import Never, msg
from suanwang.feasibility.levers import Array

_RATES = np.concatenate([np.linspace(-0.99, 1.0, 400), np.geomspace(1.01, 1000.0, 200)])
_STEPS = 200


def present_value(flows: Array, rate: Array | float, *, per_year: int = 1) -> Array:
    """Sum of flow / (1 + rate)^(t / per_year) along the last axis; `rate` a year, a number or a column."""
    periods = np.arange(flows.shape[-1]) / per_year
    return np.asarray((flows * (1 + np.asarray(rate, dtype=np.float64)) ** -periods).sum(axis=-1))


def rates_of_return(flows: Array) -> list[float]:
    """Every rate a period at which a cash flow (periods,) is worth 0, between -99 % and 100,000 %, in order.

    Worth is looked at on 600 rates; between two of different sign the root is found by bisection to the last digit.
    """
    flows = np.trim_zeros(np.asarray(flows, dtype=np.float64), "b")
    if not (flows > 0).any() or not (flows < 0).any():
        return []
    signs = np.sign([_worth_sign(flows, rate) for rate in _RATES])
    roots = [float(rate) for rate, sign in zip(_RATES, signs, strict=True) if sign == 0]
    for i in np.flatnonzero(signs[:-1] * signs[1:] < 0):
        low, high = float(_RATES[i]), float(_RATES[i + 1])
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            low, high = (middle, high) if np.sign(_worth_sign(flows, middle)) == signs[i] else (low, middle)
        roots.append((low + high) / 2)
    return sorted(roots)


def _worth_sign(flows: Array, rate: float) -> float:
    """A number with the sign of the worth: now, or at the end where a negative rate would make it too large."""
    periods = np.arange(len(flows))
    return float(flows @ (1 + rate) ** (-periods if rate >= 0 else periods[::-1]))


def rate_of_return(flows: Array) -> float:
    """The internal rate of return a period; of several the one nearest to 0. Raises Never(no-rate) where there is
    none: the flows never change sign, or their worth is never 0."""
    roots = rates_of_return(flows)
    if roots:
        return min(roots, key=abs)
    signs = bool((flows > 0).any() and (flows < 0).any())
    raise Never(
        "no-rate",
        msg("The cash flow is worth 0 at no rate, so it has no IRR.")
        if signs
        else msg("The cash flow never changes sign, so it has no IRR."),
        msg("Judge it by its NPV, or find the price at which it pays with --breakeven price."),
    )


def modified_rate(flows: Array, finance_rate: float, reinvest_rate: float) -> float:
    """Modified internal rate of return: costs discounted, income grown. Raises Never(no-rate)."""
    flows = np.asarray(flows, dtype=np.float64)
    last = len(flows) - 1
    paid = -present_value(np.minimum(flows, 0.0), finance_rate)
    earned = present_value(np.maximum(flows, 0.0), reinvest_rate) * (1 + reinvest_rate) ** last
    if paid <= 0 or earned <= 0:
        rate_of_return(np.abs(flows))
    return float((earned / paid) ** (1 / last) - 1)
