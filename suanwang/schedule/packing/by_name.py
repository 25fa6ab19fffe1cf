"""The packings by the names that a command or a file calls them; a new one is a line here and a file beside."""

import random
from collections.abc import Callable, Sequence

from suanwang.errors import NotFound, msg
from suanwang.schedule.packing.clustering import Clustering
from suanwang.schedule.packing.dot_product import DotProduct
from suanwang.schedule.packing.fits import BestFit, FirstFit, RandomFit, WorstFit
from suanwang.schedule.packing.least_fragmentation import Gradients, LeastFragmentation
from suanwang.schedule.packing.least_waste import WasteGradients
from suanwang.schedule.packing.nodes import Demand, Nodes
from suanwang.schedule.packing.occupied import OccupiedFirst
from suanwang.schedule.packing.packing import Packing
from suanwang.schedule.packing.topology import Topology

OnNodes = Callable[[Nodes, random.Random], Packing]


def _by_points(gradients: Gradients) -> OnNodes:
    return lambda nodes, _: LeastFragmentation(nodes, gradients)


PACKINGS: dict[str, Callable[[Sequence[Demand]], OnNodes]] = {
    "first-fit": lambda _: lambda nodes, __: FirstFit(nodes),
    "best-fit": lambda _: lambda nodes, __: BestFit(nodes),
    "worst-fit": lambda _: lambda nodes, __: WorstFit(nodes),
    "random": lambda _: RandomFit,
    "dot-product": lambda _: lambda nodes, __: DotProduct(nodes),
    "clustering": lambda _: lambda nodes, __: Clustering(nodes),
    "packing": lambda _: lambda nodes, __: OccupiedFirst(nodes),
    "least-fragmentation": lambda demands: _by_points(Gradients(demands)),
    "least-waste": lambda demands: _by_points(WasteGradients(demands)),
    "topology": lambda _: lambda nodes, __: Topology(nodes),
}
ALSO = {
    "fgd": "least-fragmentation",
    "bestfit": "best-fit",
    "dotprod": "dot-product",
    "gpuclustering": "clustering",
    "gpupacking": "packing",
    "firstfit": "first-fit",
    "worstfit": "worst-fit",
}
"""Names that the literature uses."""


def packing_name(name: str) -> str:
    """Our own word for a name of the literature, in any spelling."""
    plain = name.lower().replace("_", "-")
    return ALSO.get(plain.replace("-", ""), plain)


def find_packing(name: str, demands: Sequence[Demand]) -> OnNodes:
    """The packing of that name for a workload of these demands. Raises NotFound."""
    key = packing_name(name)
    if key not in PACKINGS:
        known = ", ".join([*PACKINGS, *ALSO])
        raise NotFound("not-found", msg("there is no packing {name!r}", name=name), msg("Known: {known}.", known=known))
    return PACKINGS[key](demands)
