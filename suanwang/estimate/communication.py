"""Time of collectives over the links of a node and the network between nodes; arrays in, arrays out.

Ring formulas (Thakur et al. 2005; Chan et al. 2007): an all-gather or reduce-scatter of `size` bytes over n cards moves
size (n - 1)/n through every card, an all-reduce twice that. Bandwidths are one way.
"""

import numpy as np
from numpy.typing import NDArray

from suanwang.estimate import priors
from suanwang.estimate.machine import Machine

Column = NDArray[np.float64]


def bandwidth(machine: Machine, spread: Column, inside: Column) -> tuple[Column, Column]:
    """(bytes/s of one card, latency of a step) for a group; `spread` = cards from its first to its last in node order.

    A group within a node uses the link. One that leaves it shares the node's network with the `inside` groups that
    lie beside it in the node (its own members in a node bring their network cards together), at most the link's speed.
    """
    leaves = spread > machine.cards_per_node
    network = machine.network / np.minimum(inside, machine.cards_per_node)
    if machine.link:
        network = np.minimum(network, machine.link)
    speed = np.where(leaves, network, machine.link or machine.network)
    latency = np.where(leaves, priors.NETWORK_LATENCY.value, priors.LINK_LATENCY.value)
    return speed, latency


def gather_s(size: Column, cards: Column, speed: Column, latency: Column) -> Column:
    """Seconds of one all-gather or reduce-scatter of `size` bytes (the whole) over `cards`; 0 for one card."""
    steps = np.ceil(np.log2(np.maximum(cards, 1)))
    moved = size * (cards - 1) / cards
    return np.where(cards > 1, moved / np.where(speed > 0, speed, np.inf) + steps * latency, 0.0)


def all_reduce_s(size: Column, cards: Column, speed: Column, latency: Column) -> Column:
    """Seconds of one all-reduce: reduce-scatter, then all-gather."""
    return 2 * gather_s(size, cards, speed, latency)


def all_to_all_s(size: Column, cards: Column, speed: Column, latency: Column) -> Column:
    """Seconds of one all-to-all in which every card sends `size` bytes, (n - 1)/n of them away."""
    return gather_s(size, cards, speed, latency)


def send_s(size: Column, speed: Column, latency: Column) -> Column:
    """Seconds of one point-to-point message."""
    return size / np.where(speed > 0, speed, np.inf) + latency


def exposed_s(traffic: Column, window: Column) -> Column:
    """What of the traffic is not hidden behind `window` seconds of computing."""
    return traffic - np.minimum(traffic, window) * priors.OVERLAP.value
