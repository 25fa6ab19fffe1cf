"""A pool that no site has: so many cards of one kind, in the server that the catalog knows of."""

from dataclasses import dataclass, replace

from suanwang.domain.accelerator import Accelerator, System
from suanwang.domain.catalog import Catalog
from suanwang.domain.site import Pool

CARDS_PER_NODE = 8
"""Where the catalog has no server of a card: the usual one."""


def servers(card: Accelerator, catalog: Catalog) -> list[System]:
    """Servers that hold the card, else those of a card with the same peak (A800 and A100 are built into the same)."""
    own = [s for s in catalog.systems.values() if s.accelerator_id == card.id]
    if own:
        return own
    peaks = {k: v for k, v in card.peak_flops_per_s.items() if k in ("bf16", "fp16", "fp8")}
    return [
        s
        for s in catalog.systems.values()
        if peaks
        and (other := catalog.accelerators.get(s.accelerator_id)) is not None
        and all(other.peak_flops_per_s.get(k) == v for k, v in peaks.items())
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a user states of a machine, over what the catalog knows: bytes/s of a node's network one way, bytes/s of a
    card's link both ways, year of the software.
    """

    network_bytes_per_s: float | None = None
    link_bytes_per_s: float | None = None
    software_year: float | None = None


def notional_pool(card: Accelerator, catalog: Catalog, count: int, stated: Stated | None = None) -> Pool:
    """`count` cards or a few more, in whole servers. What neither catalog nor user knows stays unknown."""
    stated = stated or Stated()
    server = next(iter(servers(card, catalog)), None)
    cards = server.accelerators_per_node if server else CARDS_PER_NODE
    wire = stated.network_bytes_per_s or (server.node_network_bytes_per_s if server else None)
    if stated.link_bytes_per_s:
        card = replace(card, link_bytes_per_s=stated.link_bytes_per_s)
    return Pool(
        id=card.id,
        site_id="",
        accelerator=card,
        nodes=-(-count // cards),
        accelerators_per_node=cards,
        engine="",
        price_book_id="",
        node_network_bytes_per_s=wire,
        labels={"software_year": f"{stated.software_year:g}"} if stated.software_year else {},
    )
