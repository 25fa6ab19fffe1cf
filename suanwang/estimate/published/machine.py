"""The machine of a published run: the accelerator by its printed name, its server, its network; all from the catalog.

A printed name ("H100-SXM5-80GB (DGX-H100)", "NVIDIA A100 80GB") is cut into words; a row of the catalog matches where
it has all of them in its id, name, vendor, kind of memory or form factor. Among several, one that a server of the
catalog holds goes first, then the one with the most memory bandwidth: published runs are made on servers.
"""

import re

from suanwang.domain.accelerator import Accelerator
from suanwang.domain.catalog import Catalog
from suanwang.domain.site import Pool
from suanwang.errors import msg
from suanwang.estimate.notional import CARDS_PER_NODE, servers
from suanwang.estimate.published.row import Row, Unscored

PORT_BYTES_PER_S = 50e9
"""Where neither the row nor the catalog knows the network: a 400 Gb/s port a card (prior)."""
SEEN_AS = {"fp16": "bf16", "bf16": "fp16"}
"""Formats of the same rate on every card that has both."""


def words(text: str) -> set[str]:
    """Lower-case words; "80 GB" and "80GB" are one, "SXM5" is also "sxm"."""
    joined = re.sub(r"(\d)\s+gb\b", r"\1gb", text.lower())
    found = set(re.findall(r"[a-z0-9.]+", joined))
    return found | {m.group(1) for w in found if (m := re.fullmatch(r"(sxm|pcie|hbm|gddr)\w+", w))}


def accelerator_words(card: Accelerator) -> set[str]:
    return words(" ".join((card.id, card.name, card.vendor, card.form_factor, card.memory_type)))


def accelerator(printed: str, catalog: Catalog) -> Accelerator:
    """The accelerator of a printed name. Raises Unscored where the catalog has none, or the name has no model in it."""
    bare = re.sub(r"\(.*?\)", " ", printed)
    held = {s.accelerator_id for s in catalog.systems.values()}
    for text in (printed, bare):
        wanted = words(text) - {"gpu", "gpus", "tensor", "core", "accelerator"}
        if not any(re.search(r"\d", w) for w in wanted):
            continue
        found = [c for c in catalog.accelerators.values() if wanted <= accelerator_words(c)]
        if found:
            return max(found, key=lambda c: (c.id in held, c.memory_bytes_per_s or 0.0, c.power_w or 0.0))
    raise Unscored(msg("the catalog has no accelerator {name!r}", name=printed))


def network(row: Row, cards: int) -> float | None:
    """Bytes/s of a node's network as the row prints it ("8x200Gb/s", "1600 Gb/s per node", "400 Gb/s per GPU")."""
    text = row.text("network").lower()
    if many := re.search(r"(\d+)\s*x\s*(\d+)\s*gb", text):
        return int(many.group(1)) * int(many.group(2)) * 1e9 / 8
    if one := re.search(r"([\d.]+)\s*(t|g)b", text):
        speed = float(one.group(1)) * (1e12 if one.group(2) == "t" else 1e9) / 8
        return speed * cards if re.search(r"per (gpu|card|accel|npu)", text) else speed
    return None


def pool(row: Row, catalog: Catalog, count: int) -> Pool:
    """The published machine as a pool of `count` cards or more. Raises Unscored."""
    printed = row.text("accelerator")
    if not printed:
        raise Unscored(msg("no accelerator"))
    card = accelerator(printed, catalog)
    known = servers(card, catalog)
    named = [s for s in known if (words(s.id) | words(s.name)) & words(" ".join(re.findall(r"\((.*?)\)", printed)))]
    server = next(iter(named or known), None)
    cards = server.accelerators_per_node if server else CARDS_PER_NODE
    wire = network(row, cards) or (server.node_network_bytes_per_s if server else None) or PORT_BYTES_PER_S * cards
    return Pool(
        id=card.id,
        site_id="",
        accelerator=card,
        nodes=-(-count // cards),
        accelerators_per_node=cards,
        engine="",
        price_book_id="",
        node_network_bytes_per_s=wire,
        labels={"software_year": f"{year:.2f}"} if (year := software_year(row)) else {},
    )


def software_year(row: Row) -> float | None:
    """When the software of a run was current: a release "24.07", an arXiv number, or a year in what the row cites."""
    text = " ".join(row.text(column) for column in ("framework", "software", "source", "source_url", "date"))
    patterns = (
        r"\b(2\d)\.(0[1-9]|1[0-2])\b",
        r"arxiv[:./a-z]*(2\d)(0[1-9]|1[0-2])\.\d",
        r"\b20(2\d)-(0[1-9]|1[0-2])\b",
    )
    for pattern in patterns:
        if found := re.search(pattern, text.lower()):
            return 2000 + int(found.group(1)) + (int(found.group(2)) - 1) / 12
    if found := re.search(r"(?:\b20|')(2\d)\b", text):
        return 2000.5 + int(found.group(1))
    return None


def format_on(card: Accelerator, dtype: str) -> str:
    """The row's number format as the card has it. Raises Unscored where it does not compute in it."""
    for name in (dtype, SEEN_AS.get(dtype, dtype)):
        if name in card.peak_flops_per_s:
            return name
    raise Unscored(msg("the catalog has no peak of {card} in {dtype}", card=card.id, dtype=dtype))
