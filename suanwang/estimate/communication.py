"""Time of collectives over the links of a node and the network between nodes; arrays in, arrays out.

Ring formulas (Thakur et al. 2005; Chan et al. 2007): an all-gather or reduce-scatter of `size` bytes over n cards moves
size (n - 1)/n through every card, an all-reduce twice that. Bandwidths are one way.
"""

import numpy as np
from numpy.typing import NDArray

from suanwang.estimate import priors
from suanwang.estimate.machine import Machine

Column = NDArray[np.float64]


def bandwidth(machine: Machine, spread: Column, inside: Column) -> Column:
    """Bytes/s of one card for a group; `spread` = cards from its first to its last in node order.

    A group within a node uses the link. One that leaves it shares the node's network with the `inside` groups that
    lie beside it in the node (its own members in a node bring their network cards together), at most the link's speed.
    """
    network = machine.network / np.minimum(inside, machine.cards_per_node)
    if machine.link:
        network = np.minimum(network, machine.link)
    speed = np.where(spread > machine.cards_per_node, network, machine.link or machine.network)
    return np.where(speed > 0, speed, np.inf)


def hop_s(machine: Machine, spread: Column) -> Column:
    """Latency of one message to the next card of a group: over the network where the group leaves the node."""
    return np.where(spread > machine.cards_per_node, priors.NETWORK_LATENCY.value, priors.LINK_LATENCY.value)


def start_s(machine: Machine, spread: Column) -> Column:
    """Latency of one collective, whatever its size: a tree within the node, then a ring that passes every node."""
    joined = np.minimum(spread, machine.cards_per_node)
    tree = np.ceil(np.log2(np.maximum(joined, 1))) * priors.LINK_LATENCY.value
    nodes = np.ceil(spread / machine.cards_per_node)
    return np.asarray(tree + (nodes - 1) * priors.NETWORK_LATENCY.value, dtype=np.float64)


def gather_s(size: Column, cards: Column, speed: Column, start: Column, messages: float = 1) -> Column:
    """Seconds of one all-gather or reduce-scatter of `size` bytes (the whole) over `cards`; 0 for one card.

    `messages`: collectives that the size is cut into (one a layer, for instance).
    """
    return np.where(cards > 1, size * (cards - 1) / cards / speed + messages * start, 0.0)


def all_reduce_s(size: Column, cards: Column, speed: Column, start: Column) -> Column:
    """Seconds of one all-reduce: reduce-scatter, then all-gather."""
    return 2 * gather_s(size, cards, speed, start)


def all_to_all_s(machine: Machine, size: Column, copies: int, cards: Column, apart: Column) -> Column:
    """Seconds in which each of `cards` cards, `apart` from one another, sends its tokens to `copies` experts each.

    `size`: bytes of all copies. To each other node that has one of its experts a token goes once, and is spread there
    over the link: with even routing a token meets N (1 - (1 - 1/N)^copies) of N nodes. The node's network is shared by
    all of its cards, as each has its own tokens to send. Link and network work side by side: the slower one counts.
    """
    inside = np.minimum(cards, np.maximum(machine.cards_per_node / apart, 1))
    nodes = cards / inside
    away = (nodes - 1) * (1 - (1 - 1 / nodes) ** copies) / copies
    link = size * (cards - 1) / cards / (machine.link or np.inf)
    wire = size * away / (machine.network / machine.cards_per_node if machine.network else np.inf)
    latency = np.where(cards > inside, priors.NETWORK_LATENCY.value, priors.LINK_LATENCY.value)
    steps = np.ceil(np.log2(np.maximum(cards, 1)))
    return np.asarray(np.maximum(link, wire) + steps * latency, dtype=np.float64)


def send_s(size: Column, speed: Column, hop: Column) -> Column:
    """Seconds of one point-to-point message."""
    return size / speed + hop


def exposed_s(traffic: Column, window: Column) -> Column:
    """What of the traffic is not hidden behind `window` seconds of computing."""
    return traffic - np.minimum(traffic, window) * priors.OVERLAP.value
