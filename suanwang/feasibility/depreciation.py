"""Depreciation: the share of an asset's cost that each year of its life takes. The shares of a life sum to 1."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def straight_line(life_years: int, *, half_year: bool = False) -> Array:
    """Equal shares; with the half-year convention half a share in the first year and in the one after the last."""
    if half_year:
        return np.array([0.5, *[1.0] * (life_years - 1), 0.5]) / life_years
    return np.full(life_years, 1 / life_years)


def declining_balance(life_years: int) -> Array:
    """Twice the straight rate of what is left (双倍余额递减法); straight over the rest once that is more."""
    left, shares = 1.0, []
    for year in range(life_years):
        share = max(left * min(1.0, 2 / life_years), left / (life_years - year))
        shares.append(share)
        left -= share
    return np.array(shares)


def exponential(life_years: int, orders_per_year: float = 0.14) -> Array:
    """Value falls by `orders_per_year` orders of magnitude a year; the last year takes the rest.

    0.14 is the rate at which the price of performance of accelerators fell (Epoch, Trends in the dollar training cost
    of machine learning systems, 2023).
    """
    value = 10.0 ** (-orders_per_year * np.arange(life_years + 1))
    value[-1] = 0.0
    return -np.diff(value)


def shares(method: str, life_years: int, *, half_year: bool = False, orders_per_year: float = 0.14) -> Array:
    """By the name of the method: straight, declining or exponential."""
    if method == "straight":
        return straight_line(life_years, half_year=half_year)
    return declining_balance(life_years) if method == "declining" else exponential(life_years, orders_per_year)
