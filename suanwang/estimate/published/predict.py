"""What the estimator says about a published run, in the quantity that the row publishes."""

import re
from dataclasses import dataclass

from suanwang.domain.catalog import Catalog
from suanwang.domain.site import Pool
from suanwang.domain.workload import FinetuneMethod, Serving, Training
from suanwang.errors import msg
from suanwang.estimate import energy, priors
from suanwang.estimate.flops import attention_flops_per_token, matrix_flops_per_token, parameters
from suanwang.estimate.machine import Machine, machine
from suanwang.estimate.published import machine as machines
from suanwang.estimate.published import shape
from suanwang.estimate.published.layouts import run_plan
from suanwang.estimate.published.row import Row, Unscored
from suanwang.estimate.serving import Degrees, best_replica, degrees
from suanwang.estimate.training import Plan
from suanwang.estimate.workload import run_parts
from suanwang.units import SECONDS_PER_HOUR

BATCH_TOKENS = 4e6
"""Tokens of a batch where a full run does not print it: the usual one of 2023; at least a sequence a card."""
SEQUENCE = 4096
"""Sequence length where it is not printed."""
MICRO_BATCHES_OPEN = 8
"""Micro-batches a pipeline stage and replica where a step does not print its batch."""
RUN_DAYS = 60
"""A full run whose cards are not printed is taken on the least power of two of nodes that ends within so many days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Estimated and published figure of one quantity, in the same unit."""

    quantity: str
    predicted: float
    published: float
    plan: Plan | None = None


def published(row: Row) -> tuple[str, float]:
    """(quantity, figure) that the row is scored on: the one its task is about, else the nearest to a clock.

    Raises Unscored where the row publishes none.
    """
    memory = memory_published(row)
    per_task = {
        "full_run": [("accelerator_hours", row.number("gpu_hours"))],
        "energy": [("energy_kwh", row.number("energy_kWh")), ("power_w", row.number("power_W_per_accel"))],
        "memory": [("memory_gb", memory)],
    }.get(row.text("task").lower(), [])
    cards = row.number("n_accel")
    each = row.number("tokens_per_s_per_accel")
    total = row.number("tokens_per_s") or (each * cards if each and cards else None)
    every = [
        *per_task,
        ("step_time_s", row.number("step_time_s") if row.number("global_batch") else None),
        ("tokens_per_s", total),
        ("tokens_per_s_per_accel", each),
        ("tflops_per_accel", row.number("tflops_per_accel")),
        ("mfu", row.number("MFU")),
        ("hfu", row.number("HFU")),
        ("accelerator_hours", row.number("gpu_hours")),
        ("energy_kwh", row.number("energy_kWh")),
        ("memory_gb", memory),
    ]
    for quantity, value in every:
        if value is not None:
            return quantity, value / 100 if quantity in ("mfu", "hfu") and value > 1 else value
    raise Unscored(msg("publishes no time, rate, hours, energy or memory"))


def memory_published(row: Row) -> float | None:
    """GB of one card at its fullest: a column of memory, or "mem 76/80" in the notes."""
    for column in row.cells:
        if column and column.lower().startswith(("mem", "peak_mem")) and (value := row.number(column)):
            return value * (1.073741824 if "gib" in column.lower() else 1.0)
    note = re.search(r"\bmem\w*\s*[:=]?\s*([\d.]+)\s*(?:/|GB|GiB)", row.text("notes"))
    return float(note.group(1)) if note else None


def predict(row: Row, catalog: Catalog) -> Prediction:
    """The estimate of what the row publishes. Raises Unscored, or MissingFigure for a figure the catalog lacks."""
    quantity, value = published(row)
    if "SUSPECT" in row.text("notes"):
        raise Unscored(msg("its notes say that it contradicts itself"))
    if quantity == "energy_kwh" and row.number("gpu_hours"):
        return Prediction(quantity=quantity, predicted=energy_of_hours(row, catalog), published=value)
    if row.text("task").lower() == "inference" or row.number("osl"):
        return serving(row, catalog, quantity, value)
    if quantity == "accelerator_hours":
        return full_run(row, catalog, value)
    return training(row, catalog, quantity, value)


def format_of(row: Row, pool: Pool) -> str:
    """The number format; where none is named, 16 bit (and that is all that a word like "mixed" says)."""
    dtype = row.dtype
    if dtype is None and row.text("precision"):
        raise Unscored(msg("precision {name!r} names no number format", name=row.text("precision")))
    return machines.format_on(pool.accelerator, dtype or "bf16")


def training_task(row: Row, catalog: Catalog, pool: Pool, batch: int) -> Training:
    """The training task of a row with a batch of so many sequences. Raises Unscored."""
    model = shape.model(row, catalog)
    method = {"lora": FinetuneMethod.LORA, "qlora": FinetuneMethod.QLORA}.get(row.text("task").lower())
    return Training(
        model=model,
        tokens=row.number("tokens") or 1e9,
        sequence_length=row.whole("seq_len", SEQUENCE),
        global_batch=batch,
        dtype=format_of(row, pool),
        method=method or FinetuneMethod.FULL,
    )


def machine_and_task(row: Row, catalog: Catalog) -> tuple[Pool, Training, int]:
    """(pool, task, accelerators) of a training step. Raises Unscored."""
    if row.number("n_accel") is None:
        raise Unscored(msg("no number of accelerators"))
    count = row.whole("n_accel", 1)
    pool = machines.pool(row, catalog, count)
    replicas = max(count // (row.whole("TP", 1) * row.whole("PP", 1) * row.whole("CP", 1)), 1)
    open_batch = replicas * row.whole("PP", 1) * MICRO_BATCHES_OPEN * row.whole("micro_batch", 1)
    batch = row.whole("global_batch", open_batch)
    if row.number("TP", "PP", "DP") and batch > replicas:
        # a printed batch is rounded ("4 M tokens"); what ran was the same number of sequences on every replica
        batch = round(batch / replicas) * replicas
    return pool, training_task(row, catalog, pool, batch), count


def training(row: Row, catalog: Catalog, quantity: str, value: float) -> Prediction:
    """A step at the printed layout, as a time, a rate, a share of the peak, or memory."""
    pool, task, count = machine_and_task(row, catalog)
    seen = machine(pool, task.dtype, count)
    plan = run_plan(row, task, seen, count)
    rate = task.global_batch * task.sequence_length / plan.seconds
    flops = flops_per_token(row, task, plan)
    figures = {
        "step_time_s": plan.seconds * row.whole("global_batch", task.global_batch) / task.global_batch,
        "tokens_per_s": rate,
        "tokens_per_s_per_accel": rate / count,
        "tflops_per_accel": rate / count * flops / 1e12,
        "mfu": rate / count * flops / seen.peak_flops_per_s,
        "hfu": rate / count * flops / seen.peak_flops_per_s,
        "memory_gb": sum(plan.memory.values()) / 1e9,
    }
    if quantity not in figures:
        raise Unscored(msg("a training step says nothing of {quantity}", quantity=quantity))
    return Prediction(quantity=quantity, predicted=figures[quantity], published=value, plan=plan)


def flops_per_token(row: Row, task: Training, plan: Plan) -> float:
    """Operations a token as the source counts them (flops_kind).

    "hardware": recomputation and full attention counted (Narayanan et al. 2021, equation 3); "model": 6 N and causal
    attention, as the NeMo family; "full attention" or "non-causal": twice the attention; blank: 6 N alone.
    """
    kind = row.text("flops_kind").lower()
    matrices = 3 * matrix_flops_per_token(task.model)
    attention = 3 * attention_flops_per_token(task.model, task.sequence_length / 2)
    if "hardware" in kind or row.number("HFU"):
        again = 4 / 3 if plan.layout.recompute == "full" else 1.0
        return again * (matrices + 2 * attention)
    if "full" in kind or "non-causal" in kind or "palm" in kind:
        return matrices + 2 * attention
    if kind and "6n" not in kind.replace(" ", "").replace("d", ""):
        return matrices + attention
    return 6.0 * parameters(task.model).active


def full_run(row: Row, catalog: Catalog, value: float) -> Prediction:
    """Accelerator-hours of a whole run: steps at the best layout, interruptions, evaluation and warm-up."""
    tokens = row.number("tokens")
    if tokens is None:
        raise Unscored(msg("no number of tokens"))
    count = row.whole("n_accel", 0) if row.number("n_accel") else 0
    for nodes in (0,) if count else range(11):
        pool = machines.pool(row, catalog, max(count, 1))
        cards = count or pool.accelerators_per_node * 2**nodes * 2
        pool = machines.pool(row, catalog, cards)
        length = row.whole("seq_len", SEQUENCE)
        replicas = max(cards // (row.whole("TP", 1) * row.whole("PP", 1) * row.whole("CP", 1)), 1)
        deep = MICRO_BATCHES_OPEN * replicas * row.whole("PP", 1) if row.number("PP") else 1
        usual = -(-max(int(BATCH_TOKENS // length), deep) // cards) * cards
        task = training_task(row, catalog, pool, row.whole("global_batch", usual))
        plan = run_plan(row, task, machine(pool, task.dtype, cards), cards)
        steps = tokens / (task.global_batch * task.sequence_length)
        wall = sum(run_parts(plan, steps, pool, None, whole_run=True).values())
        if wall <= RUN_DAYS * 24 * SECONDS_PER_HOUR:
            break
    hours = wall * cards / SECONDS_PER_HOUR
    return Prediction(quantity="accelerator_hours", predicted=hours, published=value, plan=plan)


def energy_of_hours(row: Row, catalog: Catalog) -> float:
    """kWh of printed accelerator-hours: cards at the load of training and their share of the server, times PUE."""
    pool = machines.pool(row, catalog, row.whole("n_accel", 1))
    drawn = energy.power(pool, 1, 1, priors.TRAINING_LOAD.value).watts
    return drawn / 1000 * (row.number("gpu_hours") or 0.0) * (row.number("PUE") or 1.0)


def serving_task(row: Row, catalog: Catalog, joined: int) -> tuple[Pool, Serving, Machine]:
    """(pool, task, machine) of a serving row on a replica of `joined` cards. Raises Unscored."""
    pool = machines.pool(row, catalog, joined)
    task = Serving(
        model=shape.model(row, catalog),
        requests_per_s=1.0,
        input_tokens=row.whole("isl", 1),
        output_tokens=row.whole("osl", 1),
        duration_s=1.0,
        dtype=format_of(row, pool),
    )
    return pool, task, machine(pool, task.dtype, joined)


def serving(row: Row, catalog: Catalog, quantity: str, value: float) -> Prediction:
    """Output tokens/s at full load of the printed replica."""
    if quantity not in ("tokens_per_s", "tokens_per_s_per_accel"):
        raise Unscored(msg("serving is scored on tokens/s, the row publishes {quantity}", quantity=quantity))
    if row.number("isl") is None or row.number("osl") is None:
        raise Unscored(msg("no input and output tokens"))
    joined = row.whole("TP", 1) * row.whole("PP", 1)
    if row.number("TP", "PP") is None:
        joined = row.whole("n_accel", 1)
    pool, task, seen = serving_task(row, catalog, joined)
    blank = row.number("TP", "PP") is None
    if blank or (task.model.experts and row.number("EP") is None and row.whole("PP", 1) == 1):
        # attention of a mixture is as often data-parallel, with the experts spread: tables do not tell the two apart
        open_to = [d for d in degrees(task.model, joined, pool.accelerators_per_node) if d.cards == joined]
    else:
        open_to = [Degrees(tp=row.whole("TP", 1), pp=row.whole("PP", 1))]
    found = [r for at in open_to if (r := best_replica(task, seen, at)) is not None]
    if not found:
        raise Unscored(msg("the weights do not fit {cards} cards by this estimate", cards=joined))
    replica = max(found, key=lambda r: r.requests_per_s)
    copies = max(row.whole("n_accel", joined) // joined, 1)
    rate = replica.requests_per_s * task.output_tokens * copies
    each = rate / (joined * copies)
    return Prediction(quantity=quantity, predicted=rate if quantity == "tokens_per_s" else each, published=value)
