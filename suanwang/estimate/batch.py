"""Any other program: roofline from its operations and bytes, or a known duration scaled to another card."""

from collections.abc import Mapping
from dataclasses import dataclass

from suanwang.domain.accelerator import Accelerator
from suanwang.domain.estimate import Assumption
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.site import Pool
from suanwang.domain.workload import Batch
from suanwang.errors import msg
from suanwang.estimate import priors
from suanwang.estimate.machine import bandwidth_efficiency, gemm_efficiency


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTime:
    """Seconds by part, operations, class of the band, dynamic load of the card, what it rests on."""

    breakdown_s: dict[str, float]
    flops: float
    residual: str
    assumptions: tuple[Assumption, ...]


def delivered_flops_per_s(accelerator: Accelerator, dtype: str) -> float:
    """Peak x efficiency: what one card delivers in a number format. Raises MissingFigure for the peak."""
    return accelerator.peak_or_raise(dtype) * gemm_efficiency(accelerator, dtype).value


def roofline(task: Batch, pool: Pool, accelerators: int) -> BatchTime:
    """max(operations / delivered peak, bytes / delivered bandwidth), spread evenly over the cards.

    Williams, Waterman, Patterson 2009 (doi:10.1145/1498765.1498785). Raises MissingFigure.
    """
    card = pool.accelerator
    flops = task.flops or 0.0
    reached = gemm_efficiency(card, task.dtype)
    if task.efficiency is not None:
        reached = Assumption(name="efficiency", value=task.efficiency, unit="1", source=task.efficiency_source)
    compute = flops / (card.peak_or_raise(task.dtype) * reached.value * pool.software_factor) / accelerators
    used = [reached]
    moving = 0.0
    if task.memory_traffic_bytes:
        memory = bandwidth_efficiency(card, "memory", priors.MEMORY_EFFICIENCY)
        bandwidth = card.bandwidth_or_raise() * memory.value
        moving = task.memory_traffic_bytes / bandwidth / accelerators
        used.append(memory)
    part = {"compute": compute} if compute >= moving else {"memory": moving}
    return BatchTime(breakdown_s=part, flops=flops, residual="batch_roofline", assumptions=tuple(used))


def known_duration(task: Batch, pool: Pool, accelerators: int, known: Mapping[str, Accelerator]) -> BatchTime:
    """A duration measured on one kind of card, scaled by delivered speed and by the number of cards.

    On the same kind of card nothing is scaled but the number. Another kind must be in `known` (the catalog) with its
    peak in the task's number format; raises MissingFigure where it is not.
    """
    seconds = task.duration_s or 0.0
    card = pool.accelerator
    ratio = 1.0
    used: list[Assumption] = []
    residual = "batch_known"
    if task.duration_accelerator and task.duration_accelerator != card.id:
        if task.duration_accelerator not in known:
            raise MissingFigure(msg("the catalog"), msg("accelerator {id}", id=task.duration_accelerator))
        reference = known[task.duration_accelerator]
        ratio = delivered_flops_per_s(reference, task.dtype) / delivered_flops_per_s(card, task.dtype)
        residual = "batch_scaled"
        used += [gemm_efficiency(reference, task.dtype), gemm_efficiency(card, task.dtype)]
    time = seconds * task.duration_accelerators / accelerators * ratio / pool.software_factor
    flops = 0.0
    if task.dtype in card.peak_flops_per_s:
        flops = time * accelerators * delivered_flops_per_s(card, task.dtype)
    return BatchTime(breakdown_s={"compute": time}, flops=flops, residual=residual, assumptions=tuple(used))
