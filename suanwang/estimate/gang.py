"""How many cards to weigh when a workload leaves it open."""


def counts(accelerators_per_node: int, nodes: int, *, whole_nodes: bool = False) -> list[int]:
    """Numbers of cards that are offered, ascending: 1, 2, 4 … within a node, then whole nodes 1, 2, 4 …, all nodes.

    Whole nodes beyond one: a gang that shares a node with others over the network is slower and harder to place.
    `whole_nodes`: nothing below a node.
    """
    inside = {2**k for k in range(accelerators_per_node.bit_length()) if 2**k <= accelerators_per_node}
    whole = {2**k for k in range(nodes.bit_length()) if 2**k <= nodes} | {nodes}
    return sorted((set() if whole_nodes else inside) | {n * accelerators_per_node for n in whole})
