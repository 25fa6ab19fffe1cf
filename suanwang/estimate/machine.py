"""What a pool's cards deliver in a number format: peaks and bandwidths after efficiency, with their sources."""

from dataclasses import dataclass
from math import exp

from suanwang.domain.accelerator import Accelerator
from suanwang.domain.estimate import Assumption
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.site import Pool
from suanwang.errors import msg
from suanwang.estimate import priors

BYTES = {"fp64": 8.0, "fp32": 4.0, "tf32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.5}
"""Bytes of a number."""


NEUTRAL_YEAR = 2026.0
"""Software year of a pool that does not state one."""
FUSED_SINCE = 2022.5
"""Attention is fused in software since then (FlashAttention, arXiv:2205.14135)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Delivered speeds of one card (operations/s, bytes/s) and the wires around it (bytes/s, one way).

    `fused_attention`: scores stay on the chip; software before FUSED_SINCE moves them through memory.
    `expert_slowness`: time of experts' own work over that with the software of 2026.
    `newness`: 1 for software of the card's first year, towards 0 as years pass (software_newness).
    `link` joins the cards of a node, `network` leaves a node (all its cards together); 0 where there is none to cross.
    """

    gemm_flops_per_s: float
    attention_flops_per_s: float
    peak_flops_per_s: float
    memory_bytes: float
    memory_bytes_per_s: float
    link: float
    network: float
    cards_per_node: int
    newness: float
    expert_slowness: float
    fused_attention: bool
    assumptions: tuple[Assumption, ...]


def gemm_efficiency(accelerator: Accelerator, dtype: str) -> Assumption:
    """Delivered over peak in large matrix products: measured on this card where the catalog knows, else the prior."""
    measured = accelerator.efficiency(dtype)
    if measured is None:
        return priors.GEMM_EFFICIENCY
    return Assumption(
        name="gemm_efficiency",
        value=min(measured.ratio, 1.0),
        unit="1",
        source=f"{measured.method} ({measured.provenance.source})",
    )


def bandwidth_efficiency(accelerator: Accelerator, what: str, prior: Assumption) -> Assumption:
    """Delivered over nominal bandwidth of "memory" or "link": measured on this card where the catalog knows."""
    measured = accelerator.efficiency(what)
    if measured is None:
        return prior
    source = f"{measured.method} ({measured.provenance.source})"
    return Assumption(name=prior.name, value=min(measured.ratio, 1.0), unit="1", source=source)


def attention_efficiency(newness: float) -> float:
    """Share of peak that fused attention reaches: kernels that were not written for the card reach less."""
    return priors.ATTENTION_EFFICIENCY.value / (1 + priors.ATTENTION_NEW.value * newness)


def expert_slowness(pool: Pool, dtype: str) -> float:
    """Time of experts in 8 or 4 bits over what their products alone would take; 1 for wider formats.

    Casts and routing have become faster with the releases of the software: e^(progress x years before 2026), within
    the releases that were seen (2025.6 to 2026.5). The year is the pool's label "software_year", else 2026.
    """
    if BYTES[dtype] >= 2:
        return 1.0
    year = float(pool.labels.get("software_year", NEUTRAL_YEAR))
    return priors.EXPERT_NARROW.value * exp(
        priors.EXPERT_PROGRESS.value * (NEUTRAL_YEAR - min(max(year, 2025.6), 2026.5))
    )


def software_newness(pool: Pool) -> Assumption:
    """How little the software has been tuned to the card: 2^-(years of the software after the card's year).

    The software's year is the pool's label "software_year" (2024, or 2024.5); unlabelled, and for a card whose year the
    catalog does not know, it is taken to be priors.SOFTWARE_AGE years after the card. Raises ValueError for a label
    that is no number.
    """
    label, year = pool.labels.get("software_year"), pool.accelerator.year
    stated = label is not None and year is not None
    age = float(label) - year if label is not None and year is not None else priors.SOFTWARE_AGE.value
    source = f"pool {pool.id}: software_year {label}" if stated else priors.SOFTWARE_AGE.source
    return Assumption(name="software_newness", value=0.5 ** min(max(age, 0.0), 4.0), unit="1", source=source)


def require_figures(pool: Pool, dtype: str, accelerators: int) -> None:
    """Raises MissingFigure that names everything that is not known and that `accelerators` cards need."""
    card = pool.accelerator
    figures = [
        (dtype in card.peak_flops_per_s, msg("peak in {dtype}", dtype=dtype)),
        (card.memory_bytes, msg("memory size")),
        (card.memory_bytes_per_s, msg("memory bandwidth")),
        (card.link_bytes_per_s or accelerators == 1 or pool.accelerators_per_node == 1, msg("link bandwidth")),
    ]
    lacking = [name for known, name in figures if not known]
    wire = accelerators <= pool.accelerators_per_node or pool.node_network_bytes_per_s is not None
    if not wire:
        lacking.append(msg("network bandwidth of a node"))
    if not lacking:
        return
    thing = msg("accelerator {id}", id=card.id) if len(lacking) > 1 or wire else msg("pool {id}", id=pool.id)
    names = lacking[0]
    for name in lacking[1:]:
        names = msg("{names}, {name}", names=names, name=name)
    raise MissingFigure(thing, names)


def machine(pool: Pool, dtype: str, accelerators: int) -> Machine:
    """The machine that a gang of `accelerators` cards sees. The pool's software factor speeds up what is computed.

    Raises MissingFigure for the peak, memory size or bandwidth, and for a wire that the gang must cross.
    """
    require_figures(pool, dtype, accelerators)
    card = pool.accelerator
    efficiency = gemm_efficiency(card, dtype)
    peak = card.peak_or_raise(dtype)
    half = next((card.peak_flops_per_s[d] for d in ("bf16", "fp16") if d in card.peak_flops_per_s), peak)
    new = software_newness(pool)
    memory = bandwidth_efficiency(card, "memory", priors.MEMORY_EFFICIENCY)
    used = [
        efficiency,
        new,
        priors.ATTENTION_NEW,
        priors.ATTENTION_EFFICIENCY,
        memory,
        priors.MEMORY_RESERVE,
    ]
    link = network = 0.0
    if accelerators > 1 and pool.accelerators_per_node > 1:
        joined = bandwidth_efficiency(card, "link", priors.LINK_EFFICIENCY)
        link = card.link_or_raise() / 2 * joined.value
        used += [joined, priors.LINK_LATENCY]
    if accelerators > pool.accelerators_per_node and pool.node_network_bytes_per_s is not None:
        network = pool.node_network_bytes_per_s * priors.NETWORK_EFFICIENCY.value
        used += [priors.NETWORK_EFFICIENCY, priors.NETWORK_LATENCY, priors.OVERLAP]
    if BYTES[dtype] < 2:
        used.append(priors.NARROW_GEMM)
    if pool.software_factor != 1.0:
        used.append(Assumption(name="software_factor", value=pool.software_factor, unit="1", source=f"pool {pool.id}"))
    return Machine(
        gemm_flops_per_s=peak * efficiency.value * (priors.NARROW_GEMM.value if BYTES[dtype] < 2 else 1.0),
        attention_flops_per_s=min(peak, half) * attention_efficiency(new.value),
        peak_flops_per_s=peak,
        memory_bytes=card.memory_or_raise(),
        memory_bytes_per_s=card.bandwidth_or_raise() * memory.value,
        link=link,
        network=network,
        cards_per_node=pool.accelerators_per_node,
        newness=new.value,
        expert_slowness=expert_slowness(pool, dtype),
        fused_attention=float(pool.labels.get("software_year", NEUTRAL_YEAR)) >= FUSED_SINCE,
        assumptions=tuple(used),
    )
