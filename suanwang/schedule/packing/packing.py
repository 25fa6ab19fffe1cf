"""What a packing is: it picks one of the nodes that fit, and accelerators of it."""

from typing import Protocol

import numpy as np

from suanwang.schedule.packing.nodes import Bools, Demand, Ints, Nodes


class Packing(Protocol):
    """A rule for one cluster, whose columns it reads; it may keep what it has worked out about them."""

    def pick(self, demand: Demand, fit: Bools) -> int:
        """One of the rows that fit; there is at least one."""

    def devices(self, row: int, demand: Demand) -> tuple[int, ...]:
        """The accelerators of that row, by number."""

    def moved(self, row: int, demand: Demand, sign: int) -> None:
        """The row has taken the demand (sign 1) or given it back (-1)."""


def first_best(score: Ints, fit: Bools) -> int:
    """The first of the fitting rows with the highest score; scores are not negative."""
    return int(np.where(fit, score, -1).argmax())


def place(
    packing: Packing, nodes: Nodes, demand: Demand, among: Bools | None = None
) -> tuple[int, tuple[int, ...]] | None:
    """Place one demand on one of the rows `among`: (row, accelerators), taken in the columns; None: no room there."""
    fit = nodes.fits(demand)
    if among is not None:
        fit &= among
    if not fit.any():
        return None
    row = packing.pick(demand, fit)
    devices = packing.devices(row, demand)
    nodes.take(row, demand, devices)
    packing.moved(row, demand, 1)
    return row, devices


def give_back(packing: Packing, nodes: Nodes, row: int, demand: Demand, devices: tuple[int, ...]) -> None:
    """Undo a placement when its job ends."""
    nodes.free(row, demand, devices)
    packing.moved(row, demand, -1)
