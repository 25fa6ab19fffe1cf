"""Income tax by year, with losses refunded at once or carried forward for some years. Arrays are (scenarios, years)."""

import numpy as np

from suanwang.feasibility.levers import Array


def refunded(profit: Array, rate: Array) -> Array:
    """A loss is paid back at the rate in the same year, as where other income takes it up."""
    return profit * rate


def losses_used(profit: Array, carry_years: int) -> Array:
    """What of each year's profit is taken up by losses of at most `carry_years` years before, the oldest first.

    Enterprise income tax law of China, article 18: five years; ten for high-tech firms (财税〔2018〕76号).
    """
    used = np.zeros_like(profit)
    left = np.maximum(-profit, 0.0)
    for year in range(profit.shape[1]):
        room = np.maximum(profit[:, year], 0.0)
        for before in range(max(0, year - carry_years), year):
            taken = np.minimum(room, left[:, before])
            left[:, before] -= taken
            room = room - taken
            used[:, year] += taken
    return used


def income_tax(profit: Array, rate: Array, carry_years: int | None) -> tuple[Array, Array]:
    """(tax, losses used) of each year; `rate` is a column."""
    if carry_years is None:
        return refunded(profit, rate), np.zeros_like(profit)
    used = losses_used(profit, carry_years)
    return (np.maximum(profit, 0.0) - used) * rate, used
