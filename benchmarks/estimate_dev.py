"""Score the estimator on a table of published runs: python benchmarks/estimate_dev.py RUNS.csv

The table has one run a row (columns: source, task, model shape, batch, precision, accelerator, degrees, step_time_s or
tokens_per_s_per_accel). Training rows are estimated at their published layout, serving rows at their published tensor
parallel degree; the relative error of the time is shown by source and task. Rows that lack a shape, a batch, or a
known card, or whose notes say SUSPECT, are counted as left out.
"""

import csv
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from suanwang.domain.accelerator import Accelerator, AcceleratorKind, Efficiency
from suanwang.domain.estimate import Layout
from suanwang.domain.model import ModelSpec
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.site import Pool
from suanwang.domain.workload import FinetuneMethod, Serving, Training
from suanwang.estimate.machine import machine
from suanwang.estimate.serving import best_replica
from suanwang.estimate.training import Plan, known_plan

NOTE = Provenance(source="vendor datasheets; ml-engineering (measured)", confidence=Confidence.DATASHEET)
# peak bf16, fp8, fp4 (Tera/s, dense), memory GB, memory GB/s, link GB/s both ways, best measured bf16 and fp8, watts
CARDS = {
    "A100-SXM4-40GB": (312, 0, 0, 40, 1555, 600, 0.869, 0, 400, 8, 200),
    "A100-SXM4-80GB": (312, 0, 0, 80, 2039, 600, 0.869, 0, 400, 8, 200),
    "A100": (312, 0, 0, 80, 2039, 600, 0.869, 0, 400, 8, 200),
    "A800": (312, 0, 0, 80, 2039, 400, 0, 0, 400, 8, 100),
    "H100-SXM5-80GB": (989, 1979, 0, 80, 3350, 900, 0.803, 0.709, 700, 8, 400),
    "H100": (989, 1979, 0, 80, 3350, 900, 0.803, 0.709, 700, 8, 400),
    "H800": (989, 1979, 0, 80, 3350, 400, 0, 0, 700, 8, 400),
    "H200": (989, 1979, 0, 141, 4800, 900, 0, 0.734, 700, 8, 400),
    "B200": (2250, 4500, 9000, 180, 7700, 1800, 0.776, 0.763, 1000, 8, 400),
    "B300": (2250, 4500, 13500, 288, 7750, 1800, 0.786, 0.745, 1100, 8, 800),
    "GB200": (2500, 5000, 10000, 186, 8000, 1800, 0.729, 0.723, 1200, 72, 3600),
    "GB300": (2500, 5000, 15000, 288, 8000, 1800, 0, 0, 1400, 72, 7200),
}
SLACK = 1.25
"""How far over the memory an estimate may be before a published run is taken to recompute (tables leave that blank)."""
TYPES = {"mxfp8": "fp8", "fp8-cs": "fp8", "amp_fp8": "fp8", "nvfp4": "fp4", "amp_bf16": "bf16", "amp": "bf16"}
TYPES |= {"amp/bf16": "bf16", "fp16": "bf16", "bf16+fp8": "fp8"}


def pool_of(row: dict[str, str]) -> Pool | None:
    """The published machine, as a pool; None for a card that is not in the table."""
    name = row["accelerator"].split(" ")[0]
    if name not in CARDS or not row["n_accel"]:
        return None
    bf16, fp8, fp4, memory, bandwidth, link, best, best_fp8, watts, cards, network = CARDS[name]
    peaks = {"bf16": bf16 * 1e12, "fp8": fp8 * 1e12, "fp4": fp4 * 1e12}
    ratios = {"bf16": best, "fp8": best_fp8}
    card = Accelerator(
        id=name,
        vendor="",
        name=name,
        kind=AcceleratorKind.GPU,
        provenance=NOTE,
        peak_flops_per_s={k: v for k, v in peaks.items() if v},
        memory_bytes=memory * 1e9,
        memory_bytes_per_s=bandwidth * 1e9,
        link_bytes_per_s=link * 1e9,
        power_w=watts,
        efficiencies=tuple(
            Efficiency(dtype=k, ratio=v, method="best matrix product", provenance=NOTE) for k, v in ratios.items() if v
        ),
    )
    count = int(row["n_accel"])
    return Pool(
        id=name,
        site_id="",
        accelerator=card,
        nodes=-(-count // cards),
        accelerators_per_node=cards,
        engine="",
        price_book_id="",
        node_network_bytes_per_s=network * 1e9,
    )


def number(row: dict[str, str], column: str, default: int = 1) -> int:
    return int(float(row[column])) if row[column] else default


def model_of(row: dict[str, str]) -> ModelSpec | None:
    """The shape; whether the feed-forward part is gated follows from its width (4 h is plain)."""
    if not row["layers"] or not row["vocab"]:
        return None
    hidden, ffn = number(row, "hidden"), number(row, "ffn", 0)
    heads = number(row, "heads")
    latent = row["model"].lower().replace("-", "").startswith("deepseekv")
    return ModelSpec(
        id=row["model"],
        layers=number(row, "layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=number(row, "kv_heads", heads),
        head_size=128 if hidden % heads or latent or row["model"].startswith("Qwen3") else hidden // heads,
        ffn=ffn,
        vocab=number(row, "vocab"),
        gated=ffn != 4 * hidden and not row["model"].startswith("Nemotron"),
        experts=number(row, "moe_experts", 0),
        experts_per_token=number(row, "moe_topk", 0),
        expert_ffn=number(row, "moe_ffn", 0),
        shared_experts=1 if latent else 0,
        dense_layers=3 if latent else 0,
        kv_latent=512 if latent else 0,
        query_latent=1536 if latent else 0,
        rope_size=64 if latent else 0,
    )


def layouts_of(row: dict[str, str]) -> list[Layout]:
    """The published layout, in every way that its blanks leave open: micro-batch a power of two, recompute or not.

    "none" in these tables is with fused attention, which the estimator calls selective.
    """
    sharding = "full" if "FSDP" in row["optimizer_sharding"] and number(row, "PP") == 1 else "optimizer"
    dp = number(row, "DP")
    limit = max(number(row, "global_batch") // dp, 1)
    micro = [number(row, "micro_batch")] if row["micro_batch"] else [b for b in (1, 2, 4, 8, 16) if b <= limit]
    recompute = {"full": ["full"], "": ["selective", "full"]}.get(row["recompute"], ["selective"])
    return [
        Layout(
            tp=number(row, "TP"),
            pp=number(row, "PP"),
            dp=dp,
            cp=number(row, "CP"),
            ep=number(row, "EP"),
            micro_batch=min(b, limit),
            interleave=number(row, "interleave"),
            recompute=r,
            sharding=sharding,
        )
        for r in recompute
        for b in micro
    ]


def training_error(row: dict[str, str]) -> tuple[float, Plan] | None:
    """Estimated over published step time, minus 1, and the plan; None where the row cannot be scored."""
    model, pool = model_of(row), pool_of(row)
    dtype = TYPES.get(row["precision"].lower(), row["precision"].lower())
    if model is None or pool is None or not row["step_time_s"] or not row["global_batch"]:
        return None
    if dtype not in pool.accelerator.peak_flops_per_s or "SUSPECT" in row["notes"]:
        return None
    task = Training(
        model=model,
        tokens=1e9,
        sequence_length=number(row, "seq_len"),
        global_batch=number(row, "global_batch"),
        dtype=dtype,
        method=FinetuneMethod.LORA if row["task"] == "lora" else FinetuneMethod.FULL,
    )
    seen = machine(pool, dtype, number(row, "n_accel"))
    plans = [known_plan(task, seen, layout) for layout in layouts_of(row)]
    # a published run did fit: the leanest way that is open stands for those that seem not to
    least = min(sum(p.memory.values()) for p in plans)
    fitting = [p for p in plans if sum(p.memory.values()) <= max(seen.memory_bytes * SLACK, least)]
    plan = min(fitting, key=lambda p: p.seconds)
    return plan.seconds / float(row["step_time_s"]) - 1, plan


def serving_error(row: dict[str, str]) -> float | None:
    """Published over estimated tokens/s at full load, minus 1 (the error of the time)."""
    model, pool = model_of(row), pool_of(row)
    if model is None or pool is None or row["precision"] not in pool.accelerator.peak_flops_per_s:
        return None
    task = Serving(
        model=model,
        requests_per_s=1.0,
        input_tokens=number(row, "isl"),
        output_tokens=number(row, "osl"),
        duration_s=1.0,
        dtype=row["precision"],
    )
    tp, pp = number(row, "TP"), number(row, "PP")
    replica = best_replica(task, machine(pool, task.dtype, tp * pp), tp=tp, pp=pp)
    if replica is None:
        return None
    return float(row["tokens_per_s"]) / (replica.requests_per_s * task.output_tokens) - 1


def show(errors: dict[tuple[str, str], list[float]], left_out: int) -> None:
    print(f"{'source':44} {'task':10} {'n':>4} {'mean|e|':>8} {'median|e|':>9} {'median e':>9} {'p10':>7} {'p90':>7}")
    for (source, task), found in sorted(errors.items()):
        size = sorted(abs(e) for e in found)
        order = sorted(found)
        tenth = len(order) // 10
        print(
            f"{source:44} {task:10} {len(found):4} {statistics.mean(size):8.1%} {statistics.median(size):9.1%} "
            f"{statistics.median(order):9.1%} {order[tenth]:7.1%} {order[-1 - tenth]:7.1%}"
        )
    print(f"left out: {left_out} rows")


def main(path: Path, verbose: bool) -> None:
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    left_out = 0
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            plan = None
            if row["task"] == "inference":
                error = serving_error(row)
            else:
                scored = training_error(row)
                error, plan = scored if scored else (None, None)
            if error is None:
                left_out += 1
                continue
            family = "MoE" if row["moe_experts"] else "dense"
            errors[row["source"].split(" 2")[0], f"{row['task'][:6]} {family[:5]}"].append(error)
            if family == "dense":
                errors["all dense", row["task"]].append(error)
            if verbose:
                parts = {k: round(v / plan.seconds, 3) for k, v in plan.step_s.items()} if plan else ""
                memory = round(sum(plan.memory.values()) / 1e9, 1) if plan else ""
                print(f"{error:7.1%} {row['id']} {row['precision']} n={row['n_accel']} {memory} GB {parts}")
    show(errors, left_out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "-v" in sys.argv)
