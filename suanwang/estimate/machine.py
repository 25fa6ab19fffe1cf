"""What a pool's cards deliver in a number format: peaks and bandwidths after efficiency, with their sources."""

from dataclasses import dataclass

from suanwang.domain.accelerator import Accelerator
from suanwang.domain.estimate import Assumption
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.site import Pool
from suanwang.errors import msg
from suanwang.estimate import priors

BYTES = {"fp64": 8.0, "fp32": 4.0, "tf32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.5}
"""Bytes of a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Delivered speeds of one card (operations/s, bytes/s) and the wires around it (bytes/s, one way).

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
    assumptions: tuple[Assumption, ...]


def gemm_efficiency(accelerator: Accelerator, dtype: str) -> Assumption:
    """Delivered over peak in large matrix products: measured on this card where the catalog knows, else the prior."""
    measured = accelerator.efficiency(dtype)
    if measured is None:
        return priors.GEMM_EFFICIENCY
    return Assumption(
        name="gemm_efficiency",
        value=min(measured.ratio, 1.0) * priors.GEMM_TYPICAL_OVER_BEST.value,
        unit="1",
        source=f"{measured.method} ({measured.provenance.source}), x {priors.GEMM_TYPICAL_OVER_BEST.value} (prior)",
    )


def machine(pool: Pool, dtype: str, accelerators: int) -> Machine:
    """The machine that a gang of `accelerators` cards sees. The pool's software factor speeds up what is computed.

    Raises MissingFigure for the peak, memory size or bandwidth, and for a wire that the gang must cross.
    """
    card = pool.accelerator
    efficiency = gemm_efficiency(card, dtype)
    peak = card.peak_or_raise(dtype)
    half = next((card.peak_flops_per_s[d] for d in ("bf16", "fp16") if d in card.peak_flops_per_s), peak)
    used = [efficiency, priors.ATTENTION_EFFICIENCY, priors.MEMORY_EFFICIENCY, priors.MEMORY_RESERVE]
    link = network = 0.0
    if accelerators > 1 and pool.accelerators_per_node > 1:
        link = card.link_or_raise() / 2 * priors.LINK_EFFICIENCY.value
        used += [priors.LINK_EFFICIENCY, priors.LINK_LATENCY]
    if accelerators > pool.accelerators_per_node:
        if pool.node_network_bytes_per_s is None:
            raise MissingFigure(msg("pool {id}", id=pool.id), msg("network bandwidth of a node"))
        network = pool.node_network_bytes_per_s * priors.NETWORK_EFFICIENCY.value
        used += [priors.NETWORK_EFFICIENCY, priors.NETWORK_LATENCY, priors.OVERLAP]
    if pool.software_factor != 1.0:
        used.append(Assumption(name="software_factor", value=pool.software_factor, unit="1", source=f"pool {pool.id}"))
    return Machine(
        gemm_flops_per_s=peak * efficiency.value,
        attention_flops_per_s=min(peak, half) * priors.ATTENTION_EFFICIENCY.value,
        peak_flops_per_s=peak,
        memory_bytes=card.memory_or_raise(),
        memory_bytes_per_s=card.bandwidth_or_raise() * priors.MEMORY_EFFICIENCY.value,
        link=link,
        network=network,
        cards_per_node=pool.accelerators_per_node,
        assumptions=tuple(used),
    )
