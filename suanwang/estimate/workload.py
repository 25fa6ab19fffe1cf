"""The estimator's door: a workload and a pool in, an Estimate or the reason why not out. Pure; nothing is read."""

from collections.abc import Mapping

from suanwang.domain.accelerator import Accelerator
from suanwang.domain.estimate import Assumption, Band, Estimate, Layout
from suanwang.domain.placement import Rejection
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.reason import Reason
from suanwang.domain.site import Pool
from suanwang.domain.workload import Batch, Checkpointing, Limits, Serving, Training, Workload, WorkloadKind
from suanwang.errors import Message, msg
from suanwang.estimate import batch, energy, goodput, priors, serving, training
from suanwang.estimate.feedback import NOTHING, Learned, with_factor
from suanwang.estimate.finetuning import recipe
from suanwang.estimate.flops import serving_flops_per_request
from suanwang.estimate.gang import counts
from suanwang.estimate.machine import BYTES, Machine, machine
from suanwang.estimate.residuals import POWER, TIME, Residual
from suanwang.units import JOULES_PER_KWH

Result = Estimate | Rejection
EXPERTS = (
    priors.EXPERT_GEMM,
    priors.EXPERT_NARROW,
    priors.EXPERT_PROGRESS,
    priors.EXPERT_OVERLAP,
    priors.HOST_EXPERTS,
)
"""Constants that only models with experts rest on."""
TENANTS_OWN = Residual(low=1.0, high=1.0, rows=0, source="the duration is the tenant's")
NO_ACCELERATORS: Mapping[str, Accelerator] = {}


def estimate(
    workload: Workload,
    pool: Pool,
    *,
    available_s: float | None = None,
    accelerators: Mapping[str, Accelerator] = NO_ACCELERATORS,
    learned: Learned = NOTHING,
) -> Result:
    """What the workload needs on the pool, or why it cannot run there.

    `available_s`: seconds until the deadline, where it matters for the number of cards (else deadline - earliest
    start, or the time limit). `accelerators`: the catalog by id, for a duration known on another kind of card.
    `learned`: what the pools have learned from their runs.
    Without a demanded count the smallest gang that fits and keeps that time is taken (gang.counts; pre-training takes
    whole nodes); where none keeps it, the fastest.
    Reasons: NO_ACCELERATOR_FITS, EXCEEDS_CAPACITY, EXCEEDS_MEMORY, EXCEEDS_LATENCY, MISSING_FIGURE. Never raises for
    a workload that does not suit the pool.
    """
    refused = unsuitable(workload, pool)
    if refused is not None:
        return refused
    limit = available_s if available_s is not None else seconds_allowed(workload.limits)
    try:
        if isinstance(workload.task, Serving):
            return estimate_serving(workload.task, workload, pool)
        return smallest_that_keeps(workload, workload.task, pool, limit, accelerators, learned)
    except MissingFigure as missing:
        return rejected(pool, Reason.MISSING_FIGURE, missing.message)


def rejected(pool: Pool, reason: Reason, detail: Message) -> Rejection:
    return Rejection(pool_id=pool.id, reason=reason, detail=detail)


def seconds_allowed(limits: Limits) -> float | None:
    """Time that a run may take by its own limits; None where they do not say."""
    window = None
    if limits.deadline is not None and limits.earliest_start is not None:
        window = (limits.deadline - limits.earliest_start).total_seconds()
    known = [s for s in (window, limits.time_limit_s) if s is not None]
    return min(known, default=None)


def unsuitable(workload: Workload, pool: Pool) -> Rejection | None:
    """Refusals that need no arithmetic: kind, vendor, capability, number format, size of the gang."""
    demand, card, task = workload.demand, pool.accelerator, workload.task
    none = Reason.NO_ACCELERATOR_FITS
    if demand.accelerators and card.id not in demand.accelerators:
        wanted = ", ".join(demand.accelerators)
        return rejected(pool, none, msg("has {card}, asked for {wanted}", card=card.id, wanted=wanted))
    if demand.vendors and card.vendor not in demand.vendors:
        wanted = ", ".join(demand.vendors)
        return rejected(pool, none, msg("has a {vendor} card, asked for {wanted}", vendor=card.vendor, wanted=wanted))
    if lacking := sorted(set(demand.capabilities) - card.capabilities):
        return rejected(pool, none, msg("{card} lacks {lacking}", card=card.id, lacking=", ".join(lacking)))
    same_card = isinstance(task, Batch) and task.duration_s is not None and task.duration_accelerator in ("", card.id)
    if not same_card and task.dtype not in card.peak_flops_per_s:
        return rejected(pool, none, msg("{card} does not compute in {dtype}", card=card.id, dtype=task.dtype))
    if demand.count is not None and demand.count > pool.accelerators:
        have = pool.accelerators
        return rejected(
            pool, Reason.EXCEEDS_CAPACITY, msg("asks for {count} cards, has {have}", count=demand.count, have=have)
        )
    return None


def too_large(pool: Pool, needed: float, available: float) -> Rejection:
    return rejected(
        pool,
        Reason.EXCEEDS_MEMORY,
        msg(
            "needs {needed} GB on a card, has {available} GB",
            needed=f"{needed / 1e9:.1f}",
            available=f"{available / 1e9:.1f}",
        ),
    )


def smallest_that_keeps(
    workload: Workload,
    task: Training | Batch,
    pool: Pool,
    limit: float | None,
    known: Mapping[str, Accelerator],
    learned: Learned = NOTHING,
) -> Result:
    """The demanded gang, or the smallest one that fits and keeps the time; where none keeps it, the fastest."""
    whole = workload.kind is WorkloadKind.PRETRAIN
    offered = counts(pool.accelerators_per_node, pool.nodes, whole_nodes=whole)
    if workload.demand.count:
        offered = [workload.demand.count]
    fitting: list[Estimate] = []
    refusals: list[Rejection] = []
    for count in offered:
        try:
            if isinstance(task, Training):
                result = estimate_training(task, pool, count, workload.checkpointing, whole_run=whole)
            else:
                result = estimate_batch(task, pool, count, known)
        except MissingFigure:
            if not fitting:
                raise
            break
        if isinstance(result, Rejection):
            refusals.append(result)
            continue
        shown = with_factor(result, learned)
        if limit is None or shown.time_s.mid <= limit:
            return shown
        fitting.append(shown)
    return min(fitting, key=lambda e: e.time_s.mid) if fitting else refusals[-1]


def estimate_training(
    task: Training, pool: Pool, count: int, saving: Checkpointing | None = None, *, whole_run: bool = False
) -> Result:
    """Pre-training or fine-tuning on `count` cards with the fastest layout that fits, interruptions included.

    `whole_run`: evaluation, warm-up and what is thrown away in a pre-training run too.
    """
    seen = machine(pool, task.dtype, count)
    plan = training.best_plan(task, seen, count, pool.software_factor)
    if isinstance(plan, training.TooLarge):
        return too_large(pool, plan.needed, seen.memory_bytes)
    return estimate_of_plan(task, pool, count, plan, seen, saving, whole_run=whole_run)


def run_parts(
    plan: training.Plan, steps: float, pool: Pool, saving: Checkpointing | None, *, whole_run: bool
) -> dict[str, float]:
    """Seconds of a run by part: its steps, slow nodes, evaluation, what is thrown away, interruptions."""
    parts = {name: s * steps for name, s in plan.step_s.items()}
    nodes = -(-plan.layout.accelerators // pool.accelerators_per_node)
    pure = plan.seconds * steps
    parts["stragglers"] = pure * goodput.straggler_share(nodes)
    if whole_run:
        parts["evaluation"] = pure * priors.EVALUATION.value
        parts["unplanned"] = pure * priors.RUN_OVERHEAD.value
    clean = sum(parts.values())
    lost = goodput.lost_share(plan.layout.accelerators, saving.every_s if saving else None, pool)
    return parts | {"interruptions": clean * lost / (1 - lost)}


def estimate_of_plan(
    task: Training,
    pool: Pool,
    count: int,
    plan: training.Plan,
    seen: Machine,
    saving: Checkpointing | None = None,
    *,
    whole_run: bool = False,
) -> Estimate:
    """The run that a layout gives."""
    steps = task.tokens / (task.global_batch * task.sequence_length)
    flops = recipe(task).flops_per_token
    tokens_per_s = task.global_batch * task.sequence_length / plan.seconds
    parts = run_parts(plan, steps, pool, saving, whole_run=whole_run)
    experts = "training_experts" if task.model.experts else "training_dense"
    return assembled(
        pool,
        count,
        layout=plan.layout,
        breakdown_s=parts,
        flops=flops * task.tokens,
        memory=plan.memory,
        work="finetuning" if task.method.value != "full" else experts,
        seen=seen,
        extra=(
            priors.ELEMENTWISE_TRAFFIC,
            priors.FRAMEWORK,
            priors.FUSED_RECOMPUTE,
            priors.HOST_LAYER,
            priors.NODE_SPREAD,
            *((priors.HOST_LINK, priors.HOST_MEMORY) if plan.layout.offload != "none" else ()),
            *((priors.EVALUATION, priors.RUN_OVERHEAD) if whole_run else ()),
            *(EXPERTS if task.model.experts else ()),
            priors.CARD_HOURS_PER_INTERRUPTION,
            priors.CHECKPOINT_COST,
            priors.RESTART,
        ),
        results={
            "step_s": plan.seconds,
            "steps": steps,
            "tokens_per_s": tokens_per_s,
            "mfu": flops * tokens_per_s / (count * seen.peak_flops_per_s),
            "goodput": plan.seconds * steps / sum(parts.values()),
            "checkpoint_every_s": saving.every_s
            if saving
            else goodput.checkpoint_interval_s(plan.layout.accelerators, pool),
        },
    )


def estimate_batch(task: Batch, pool: Pool, count: int, known: Mapping[str, Accelerator]) -> Result:
    """Another program on `count` cards; its memory is spread evenly over them."""
    memory = {"program": task.memory_bytes / count} if task.memory_bytes else {}
    if task.memory_bytes and task.memory_bytes / count > pool.accelerator.memory_or_raise():
        return too_large(pool, task.memory_bytes / count, pool.accelerator.memory_or_raise())
    if task.duration_s is not None:
        found = batch.known_duration(task, pool, count, known)
    else:
        found = batch.roofline(task, pool, count)
    return assembled(
        pool,
        count,
        layout=Layout(dp=count),
        breakdown_s=found.breakdown_s,
        flops=found.flops,
        memory=memory,
        work=found.residual,
        extra=found.assumptions,
    )


def widest_machine(task: Serving, pool: Pool, room: int) -> tuple[Machine, int, MissingFigure | None]:
    """The machine of the largest replica whose wires are all known, its cards, and what is missing for a larger one.

    Replicas do not talk to each other: a wire that the catalog does not know only bounds the size of one.
    """
    missing: MissingFigure | None = None
    for joined in (room, min(room, pool.accelerators_per_node)):
        try:
            return machine(pool, task.dtype, joined), joined, missing
        except MissingFigure as unknown:
            missing = unknown
    return machine(pool, task.dtype, 1), 1, missing


def estimate_serving(task: Serving, workload: Workload, pool: Pool) -> Result:
    """Replicas that carry the demand within the objectives, for the demanded time."""
    count = workload.demand.count
    room = count or pool.accelerators
    seen, joined, missing = widest_machine(task, pool, room)
    found = serving.plan_serving(task, seen, joined, pool.software_factor)
    if isinstance(found, serving.Unservable) and missing is not None:
        raise missing
    if isinstance(found, serving.Unservable):
        if found.needed:
            return too_large(pool, found.needed, seen.memory_bytes)
        first, each = f"{found.first_token_s * 1000:.0f}", f"{found.per_token_s * 1000:.1f}"
        detail = msg("first token takes at least {first} ms, a token {each} ms", first=first, each=each)
        return rejected(pool, Reason.EXCEEDS_LATENCY, detail)
    replica, replicas = found
    needed = replica.cards * replicas
    if needed > room:
        detail = msg("needs {needed} cards for the demand, has {have}", needed=needed, have=room)
        return rejected(pool, Reason.EXCEEDS_CAPACITY, detail)
    held = count or needed
    replicas = held // replica.cards
    busy = task.requests_per_s / (replica.requests_per_s * replicas)
    prefill = task.duration_s * busy * replica.prefill_share
    tokens_per_s = task.requests_per_s * task.output_tokens
    flops = serving_flops_per_request(task.model, task.input_tokens, task.output_tokens)
    parts = {"prefill": prefill, "decode": task.duration_s * busy - prefill, "idle": task.duration_s * (1 - busy)}
    return assembled(
        pool,
        held,
        layout=Layout(
            tp=replica.at.tp, pp=replica.at.pp, dp=replicas * replica.at.ep, ep=replica.at.ep, micro_batch=replica.batch
        ),
        breakdown_s=parts,
        flops=flops * task.requests_per_s * task.duration_s,
        memory=replica.memory,
        work="",
        seen=seen,
        extra=(
            TIME["serving"].assumption(),
            priors.LAYER_OVERHEAD,
            priors.SEQUENCE_OVERHEAD,
            *((priors.EXPERT_LAYER_OVERHEAD, priors.EXPERT_SERVING) if task.model.experts else ()),
            *((priors.QUARTER_GEMM,) if BYTES[task.dtype] < 1 else ()),
        ),
        results={
            "tokens_per_s": tokens_per_s,
            "tokens_per_s_max": replica.requests_per_s * replicas * task.output_tokens,
            "accelerators_needed": float(needed),
            "replicas": float(replicas),
            "first_token_ms": replica.first_token_s * 1000,
            "per_token_ms": replica.per_token_s * 1000,
            "busy_share": busy,
        },
    )


def assembled(
    pool: Pool,
    count: int,
    *,
    layout: Layout,
    breakdown_s: dict[str, float],
    flops: float,
    memory: dict[str, float],
    work: str,
    seen: Machine | None = None,
    extra: tuple[Assumption, ...] = (),
    results: Mapping[str, float] | None = None,
) -> Estimate:
    """The Estimate: time and its band (none without a class of work), power by load, energy = mean power x time."""
    residual = TIME.get(work, TENANTS_OWN)
    mid = sum(breakdown_s.values())
    time = Band.around(mid, residual.low, residual.high)
    drawn = energy.power(pool, count, min(count, layout.accelerators), energy.mean_load(breakdown_s))
    power = Band.around(drawn.watts, POWER.low, POWER.high)
    kwh = drawn.watts * mid / JOULES_PER_KWH
    return Estimate(
        pool_id=pool.id,
        accelerator_id=pool.accelerator.id,
        accelerators=count,
        layout=layout,
        time_s=time,
        flops=flops,
        memory_bytes=memory,
        power_w_it=power,
        energy_kwh_it=Band.around(kwh, residual.low * POWER.low, residual.high * POWER.high),
        breakdown_s=breakdown_s,
        assumptions=(*(seen.assumptions if seen else ()), *extra, *drawn.assumptions, residual.assumption()),
        results=results or {},
        work=work,
    )
