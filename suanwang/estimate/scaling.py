"""How a training scales: tokens per second and linearity by number of cards, batch, and network of a server.

Linearity = tokens/s a card over tokens/s a card of the fewest cards. It depends on the batch: with a batch that does
not grow, every card gets fewer micro-batches, the pipeline drains more often and gradients hide behind less work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from suanwang.domain.workload import Training
from suanwang.estimate import goodput
from suanwang.estimate.finetuning import recipe
from suanwang.estimate.machine import Machine
from suanwang.estimate.training import Plan, TooLarge, best_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """`accelerators` cards with a global batch. `tokens_per_s` of steps; `goodput`: share of wall time that is steps.

    `linearity`: tokens/s a card over that of the fewest cards with the same batch; `plan` None: the memory is short.
    """

    accelerators: int
    global_batch: int
    plan: Plan | None
    tokens_per_s: float = 0.0
    mfu: float = 0.0
    linearity: float = 0.0
    goodput: float = 0.0


def scaling(
    task: Training, machine: Machine, counts: Sequence[int], batches: Sequence[int], software_factor: float = 1.0
) -> list[Scale]:
    """Every batch at every number of cards, each with its fastest layout; `machine` is what the most cards see."""
    found = []
    for batch in batches:
        base = 0.0
        for count in sorted(counts):
            sized = replace(task, global_batch=batch)
            plan = best_plan(sized, machine, count, software_factor)
            if isinstance(plan, TooLarge):
                found.append(Scale(accelerators=count, global_batch=batch, plan=None))
                continue
            rate = batch * task.sequence_length / plan.seconds
            rate /= 1 + goodput.straggler_share(-(-count // machine.cards_per_node))
            base = base or rate / count
            found.append(
                Scale(
                    accelerators=count,
                    global_batch=batch,
                    plan=plan,
                    tokens_per_s=rate,
                    mfu=recipe(task).flops_per_token * rate / (count * machine.peak_flops_per_s),
                    linearity=rate / count / base,
                    goodput=1 - goodput.lost_share(count),
                )
            )
    return found
