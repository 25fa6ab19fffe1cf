"""A pool that no site has: so many cards of one kind, in the server that the catalog knows of."""

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


def notional_pool(card: Accelerator, catalog: Catalog, count: int) -> Pool:
    """`count` cards or a few more, in whole servers. What the catalog does not know stays unknown."""
    server = next(iter(servers(card, catalog)), None)
    cards = server.accelerators_per_node if server else CARDS_PER_NODE
    return Pool(
        id=card.id,
        site_id="",
        accelerator=card,
        nodes=-(-count // cards),
        accelerators_per_node=cards,
        engine="",
        price_book_id="",
        node_network_bytes_per_s=server.node_network_bytes_per_s if server else None,
    )
