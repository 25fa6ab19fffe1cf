"""Training steps and their memory on one accelerator, by torch, beside what the estimator says of them.

Run on a machine with torch and an accelerator that it drives: python benchmarks/training_step.py --out steps.csv
Score it anywhere:                                              suanwang estimate check steps.csv

A model of the catalog is trained on random tokens as the estimator takes it to be: 16-bit weights, 32-bit gradients,
master weights and Adam moments (LoRA: adapters on every projection, the rest frozen), fused attention, cross entropy
in 32 bits. Each run is a row for its step time, the median of `--steps`, and one for the memory at its fullest.
"""

import argparse
import csv
import importlib
import math
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

torch: Any = None
DEVICE = "cuda"
WARM_UP = 3
RANK = 16
RUNS = (  # model, task, sequence length, micro-batch, what is recomputed
    "qwen2.5-0.5b pretrain 4096 1 none",
    "qwen2.5-0.5b pretrain 4096 2 none",
    "qwen2.5-0.5b pretrain 4096 4 full",
    "tinyllama-1.1b pretrain 2048 1 none",
    "tinyllama-1.1b pretrain 2048 2 none",
    "tinyllama-1.1b pretrain 2048 4 none",
    "tinyllama-1.1b pretrain 2048 8 none",
    "tinyllama-1.1b pretrain 2048 8 full",
    "tinyllama-1.1b pretrain 2048 16 full",
    "llama-3-8b lora 2048 1 none",
    "llama-3-8b lora 2048 2 none",
    "llama-3-8b lora 4096 1 none",
    "llama-3-8b lora 8192 1 full",
)
COLUMNS = (
    *("id", "source", "date", "software", "task", "model", "seq_len", "global_batch", "micro_batch", "precision"),
    *("accelerator", "n_accel", "TP", "PP", "DP", "recompute", "optimizer_sharding", "step_time_s", "memory_gb"),
    "notes",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One configuration; `task` is pretrain or lora, `recompute` none or full (of each layer)."""

    model: str
    task: str
    sequence: int
    batch: int
    recompute: str

    @classmethod
    def read(cls, words: str) -> "Run":
        model, task, sequence, batch, recompute = words.split()
        return cls(model, task, int(sequence), int(batch), recompute)


class Transformer:
    """A dense decoder of grouped queries and gated feed-forward; weights in 16 bits, by name."""

    def __init__(self, spec: ModelSpec, sequence: int, *, lora: bool, recompute: bool) -> None:
        if not spec.gated or spec.experts or spec.kv_latent:
            raise SystemExit(f"{spec.id}: this benchmark trains dense models with a gated feed-forward part")
        self.spec, self.lora, self.recompute = spec, lora, recompute
        h, d = spec.hidden, spec.head_size
        self.shapes = {
            "q": (spec.heads * d, h),
            "k": (spec.kv_heads * d, h),
            "v": (spec.kv_heads * d, h),
            "o": (h, spec.heads * d),
            "gate": (spec.ffn, h),
            "up": (spec.ffn, h),
            "down": (h, spec.ffn),
        }
        self.embedding = self._weight(spec.vocab, h, trained=not lora)
        self.head = self.embedding if spec.tied_embeddings else self._weight(spec.vocab, h, trained=not lora)
        self.norm = self._ones(h, trained=not lora)
        self.layers = [self._layer(h) for _ in range(spec.layers)]
        angles = torch.outer(
            torch.arange(sequence, device=DEVICE), 1e4 ** (-torch.arange(0, d, 2, device=DEVICE) / d)
        ).repeat(1, 2)
        self.turn = angles.cos().bfloat16(), angles.sin().bfloat16()
        self.forward_layer: Callable[..., Any] = self._forward_layer

    def _weight(self, rows: int, columns: int, *, trained: bool) -> Any:
        drawn = torch.empty(rows, columns, device=DEVICE, dtype=torch.bfloat16).normal_(0, 1 / math.sqrt(columns))
        return drawn.requires_grad_(trained)

    def _ones(self, size: int, *, trained: bool) -> Any:
        return torch.ones(size, device=DEVICE, dtype=torch.bfloat16).requires_grad_(trained)

    def _layer(self, h: int) -> dict[str, Any]:
        weights = {name: self._weight(*shape, trained=not self.lora) for name, shape in self.shapes.items()}
        norms = {name: self._ones(h, trained=not self.lora) for name in ("before", "between")}
        adapters: dict[str, Any] = {}
        if self.lora:
            for name, (rows, columns) in self.shapes.items():
                adapters[f"{name}.a"] = self._weight(RANK, columns, trained=True)
                adapters[f"{name}.b"] = torch.zeros_like(self._weight(rows, RANK, trained=False)).requires_grad_()
        return {**weights, **norms, **adapters}

    def trained(self) -> list[Any]:
        every = [self.embedding, self.norm, *(w for layer in self.layers for w in layer.values())]
        if not self.spec.tied_embeddings:
            every.append(self.head)
        return [weight for weight in every if weight.requires_grad]

    def _project(self, name: str, layer: dict[str, Any], x: Any) -> Any:
        out = torch.nn.functional.linear(x, layer[name])
        if self.lora:
            linear = torch.nn.functional.linear
            out = out + linear(linear(x, layer[f"{name}.a"]), layer[f"{name}.b"])
        return out

    def _forward_layer(self, layer: dict[str, Any], x: Any) -> Any:
        spec, functional = self.spec, torch.nn.functional
        cos, sin = self.turn
        batch, tokens, _ = x.shape

        def heads(y: Any, number: int) -> Any:
            return y.view(batch, tokens, number, spec.head_size).transpose(1, 2)

        def turned(y: Any) -> Any:
            first, second = y.chunk(2, dim=-1)
            return y * cos[:tokens] + torch.cat((-second, first), dim=-1) * sin[:tokens]

        y = functional.rms_norm(x, (spec.hidden,), layer["before"])
        q = turned(heads(self._project("q", layer, y), spec.heads))
        k = turned(heads(self._project("k", layer, y), spec.kv_heads))
        v = heads(self._project("v", layer, y), spec.kv_heads)
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=spec.heads != spec.kv_heads)
        x = x + self._project("o", layer, seen.transpose(1, 2).reshape(batch, tokens, -1))
        y = functional.rms_norm(x, (spec.hidden,), layer["between"])
        inner = functional.silu(self._project("gate", layer, y)) * self._project("up", layer, y)
        return x + self._project("down", layer, inner)

    def loss(self, tokens: Any, targets: Any) -> Any:
        functional = torch.nn.functional
        x = functional.embedding(tokens, self.embedding)
        if self.lora:
            x = x.detach().requires_grad_()  # as frameworks do, so that recomputed layers have gradients
        for layer in self.layers:
            if self.recompute:
                x = torch.utils.checkpoint.checkpoint(self.forward_layer, layer, x, use_reentrant=False)
            else:
                x = self.forward_layer(layer, x)
        x = functional.rms_norm(x, (self.spec.hidden,), self.norm)
        logits = functional.linear(x, self.head).float()
        return functional.cross_entropy(logits.view(-1, self.spec.vocab), targets.reshape(-1))


class Adam:
    """32-bit master weights, gradients and moments beside 16-bit weights: 2 + 4 + 12 bytes a trained parameter."""

    def __init__(self, weights: list[Any]) -> None:
        self.weights = weights
        self.masters = [weight.detach().float() for weight in weights]
        for weight, master in zip(weights, self.masters, strict=True):
            master.grad = torch.zeros_like(master)
            weight.register_post_accumulate_grad_hook(lambda w, m=master: self._gather(w, m))
        self.adam = torch.optim.AdamW(self.masters, lr=1e-4, fused=True)

    @staticmethod
    def _gather(weight: Any, master: Any) -> None:
        master.grad.add_(weight.grad)
        weight.grad = None

    def step(self) -> None:
        self.adam.step()
        with torch.no_grad():
            torch._foreach_copy_(self.weights, self.masters)
            torch._foreach_zero_([master.grad for master in self.masters])


@dataclass(frozen=True, slots=True)
class Found:
    """Median seconds of a step; GB that torch held at its fullest; GB gone from the card, driver and fragments too."""

    seconds: float
    held_gb: float
    gone_gb: float
    card: str
    program: str


def measure(run: Run, steps: int, compiled: bool) -> Found | None:
    """Train for some steps; None where it does not fit."""
    load_torch()
    spec = load_catalog().model(run.model)
    try:
        model = Transformer(spec, run.sequence, lora=run.task == "lora", recompute=run.recompute == "full")
        if compiled:
            model.forward_layer = torch.compile(model.forward_layer)
        adam = Adam(model.trained())
        tokens = torch.randint(spec.vocab, (run.batch, run.sequence + 1), device=DEVICE)
        seconds = [one_step(model, adam, tokens) for _ in range(WARM_UP + steps)]
    except torch.OutOfMemoryError:
        return None
    free, total = torch.cuda.mem_get_info()
    return Found(
        seconds=statistics.median(seconds[WARM_UP:]),
        held_gb=torch.cuda.max_memory_allocated() / 1e9,
        gone_gb=(total - free) / 1e9,
        card=torch.cuda.get_device_name(0),
        program=f"torch {torch.__version__}",
    )


def one_step(model: Transformer, adam: Adam, tokens: Any) -> float:
    """Seconds of forward, backward and update."""
    torch.cuda.synchronize()
    begun = time.perf_counter()
    model.loss(tokens[:, :-1], tokens[:, 1:]).backward()
    adam.step()
    torch.cuda.synchronize()
    return time.perf_counter() - begun


def load_torch() -> None:
    """torch is no dependency of the project: it is imported where this runs. Ends the program without it."""
    global torch
    try:
        torch = importlib.import_module("torch")
        importlib.import_module("torch.utils.checkpoint")
    except ImportError:
        raise SystemExit("this benchmark needs torch: pip install torch") from None
    if not torch.cuda.is_available():
        raise SystemExit("torch sees no accelerator here")


def rows(run: Run, found: Found, *, compiled: bool) -> list[dict[str, Any]]:
    """The run as two rows in the schema of published runs: one for its time, one for its memory."""
    about = {
        "source": f"own runs, torch{' compiled' if compiled else ''}",
        "date": datetime.now(UTC).date().isoformat(),
        "software": found.program,
        "model": run.model,
        "seq_len": run.sequence,
        "global_batch": run.batch,
        "micro_batch": run.batch,
        "precision": "bf16",
        "accelerator": found.card,
        "n_accel": 1,
        "TP": 1,
        "PP": 1,
        "DP": 1,
        "recompute": run.recompute,
        "optimizer_sharding": "none",
        "notes": f"torch held {found.held_gb:.2f} GB; gone from the card {found.gone_gb:.2f} GB",
    }
    name = f"{run.model}-{run.task}-{run.sequence}x{run.batch}-{run.recompute}{'-compiled' if compiled else ''}"
    return [
        {**about, "id": name, "task": run.task, "step_time_s": round(found.seconds, 5)},
        {**about, "id": f"{name}-memory", "task": run.task, "memory_gb": round(found.gone_gb, 3)},
    ]


def main() -> None:
    """Every run in turn; one that does not fit is told and left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("steps.csv"), help="table to write")
    parser.add_argument("--steps", type=int, default=7, help="steps of each run")
    parser.add_argument("--compiled", action="store_true", help="layers by torch.compile")
    parser.add_argument("run", nargs="*", default=RUNS, help='such as "llama-3-8b lora 2048 1 none"')
    asked = parser.parse_args()
    with (
        asked.out.open("w", encoding="utf-8", newline="") as file,
        ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as one_by_one,  # each has the card alone
    ):
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for words in asked.run:
            run = Run.read(words)
            found = one_by_one.submit(measure, run, asked.steps, asked.compiled).result()
            if found is None:
                print(f"{words}: does not fit", flush=True)
                continue
            table.writerows(rows(run, found, compiled=asked.compiled))
            file.flush()
            print(f"{words}: {found.seconds * 1e3:.1f} ms, {found.held_gb:.2f}, {found.gone_gb:.2f} GB", flush=True)


if __name__ == "__main__":
    main()
