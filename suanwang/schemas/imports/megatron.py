"""Arguments of Megatron-LM's training scripts as a model, a training and a layout.

A whole shell script may be given: assignments NAME=value and arrays are put in where $NAME stands, comments and line
continuations are read over. What the arguments leave to a tokenizer (the vocabulary) or to the launcher (the number of
cards) is asked for by name.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from suanwang.domain.estimate import Layout
from suanwang.domain.model import ModelSpec
from suanwang.domain.workload import Training
from suanwang.errors import InvalidInput, Message, Problem, msg

_ASSIGNMENT = re.compile(
    r"(?:^|[;&])\s*(?:export\s+)?([A-Za-z_]\w*)=(\((?:[^()]*)\)|\"[^\"]*\"|'[^']*'|[^\s;]*)", re.MULTILINE
)
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?:\[@\])?(?::-([^}]*))?\}|\$([A-Za-z_]\w*)")
NUMBERS = {
    "num-layers",
    "hidden-size",
    "num-attention-heads",
    "num-query-groups",
    "ffn-hidden-size",
    "kv-channels",
    "seq-length",
    "global-batch-size",
    "micro-batch-size",
    "train-iters",
    "train-samples",
    "vocab-size",
    "padded-vocab-size",
    "world-size",
    "tensor-model-parallel-size",
    "pipeline-model-parallel-size",
    "context-parallel-size",
    "expert-model-parallel-size",
    "num-layers-per-virtual-pipeline-stage",
    "num-virtual-stages-per-pipeline-rank",
    "num-experts",
    "moe-router-topk",
    "moe-ffn-hidden-size",
    "moe-shared-expert-intermediate-size",
    "kv-lora-rank",
    "q-lora-rank",
    "qk-pos-emb-head-dim",
    "v-head-dim",
    "window-size",
}
"""Arguments that are whole numbers; one whose value cannot be told (a variable of elsewhere) is a problem."""
TEXT_MOST = 1 << 20
"""Characters that a script may grow to as its variables are put in."""
NEEDED = ("num-layers", "hidden-size", "num-attention-heads", "seq-length", "global-batch-size", "micro-batch-size")


@dataclass(frozen=True, slots=True, kw_only=True)
class MegatronRun:
    """The training and how it lies over its cards."""

    task: Training
    layout: Layout


def read_arguments(text: str, path: str, *, vocab: int | None = None, accelerators: int | None = None) -> MegatronRun:
    """`vocab` and `accelerators`: what the arguments may not have. Raises InvalidInput with every problem."""
    found = arguments(text)
    problems: list[Problem] = []

    def problem(name: str, what: Message, remedy: Message) -> None:
        problems.append(Problem(f"{path} --{name}", what, remedy))

    for name in NEEDED:
        if name not in found:
            problem(name, msg("--{name} is not there.", name=name), msg("Give it."))
    for name in sorted(NUMBERS & set(found)):
        if whole(found, name) is None:
            what = msg("the value of --{name} is no whole number: {value!r}.", name=name, value=found[name][:40])
            problem(name, what, msg("Write the number in place of a variable."))
    words = vocab or whole(found, "padded-vocab-size") or whole(found, "vocab-size")
    if words is None:
        problem("vocab-size", msg("the vocabulary is left to the tokenizer."), msg("State it with --vocab."))
    cards = accelerators or whole(found, "world-size")
    if cards is None:
        problem("world-size", msg("the number of cards is left to the launcher."), msg("State it with --cards."))
    joined = degree(found, "tensor") * degree(found, "pipeline") * degree(found, "context")
    if cards is not None and cards % joined:
        what = msg(
            "{cards} cards are no multiple of tensor x pipeline x context = {joined}.", cards=cards, joined=joined
        )
        problem("world-size", what, msg("Correct one of them."))
    if problems or words is None or cards is None:
        raise InvalidInput(problems)
    try:
        model = _model(found, words)
    except ValueError as error:
        remedy = msg("Correct the arguments.")
        raise InvalidInput([Problem(path, msg("such a shape cannot be: {why}", why=str(error)), remedy)]) from error
    return MegatronRun(task=_task(found, model), layout=_layout(found, model, cards // joined))


def arguments(text: str) -> dict[str, str]:
    """Argument -> value ("" for a flag), the last one of a name; variables put in where the text has their value."""
    text = re.sub(r"\\\s*\n", " ", text)
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    values = {m.group(1): m.group(2).strip("()\"'") for m in _ASSIGNMENT.finditer(text)}
    for _ in range(8):
        if len(text) > TEXT_MOST or "$" not in text:
            break
        text = _VARIABLE.sub(lambda m: values.get(m.group(1) or m.group(3), m.group(2) or ""), text)
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        words = text.split()
    words = [part for word in words for part in (word.strip("()").split() if " --" in word else [word.strip("()")])]
    found: dict[str, str] = {}
    for word, following in pairwise([*words, ""]):
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            found[name.replace("_", "-")] = value if equals else ("" if following.startswith("--") else following)
    return found


def whole(found: Mapping[str, str], name: str) -> int | None:
    """A positive whole number, or None."""
    if not re.fullmatch(r"\d[\d_]*", value := found.get(name, "")):
        return None
    number = int(value)
    return number if 0 < number < 10**12 else None


def degree(found: Mapping[str, str], kind: str) -> int:
    """Of tensor, pipeline, context or expert parallel; 1 where it is not there."""
    return whole(found, f"{kind}-model-parallel-size") or whole(found, f"{kind}-parallel-size") or 1


def _model(found: Mapping[str, str], vocab: int) -> ModelSpec:
    hidden, heads = whole(found, "hidden-size") or 0, whole(found, "num-attention-heads") or 0
    gated = "swiglu" in found
    experts = whole(found, "num-experts") or 0
    shared = whole(found, "moe-shared-expert-intermediate-size") or 0
    width = whole(found, "moe-ffn-hidden-size") or 0
    ffn = whole(found, "ffn-hidden-size") or (int(4 * hidden * 2 / 3 / 64) * 64 if gated else 4 * hidden)
    latent = "multi-latent-attention" in found
    grouped = "group-query-attention" in found
    return ModelSpec(
        id="megatron",
        layers=whole(found, "num-layers") or 0,
        hidden=hidden,
        heads=heads,
        kv_heads=(whole(found, "num-query-groups") or 1) if grouped else 0,
        head_size=(whole(found, "v-head-dim") or 128) if latent else (whole(found, "kv-channels") or 0),
        ffn=ffn,
        vocab=vocab,
        gated=gated,
        tied_embeddings="untie-embeddings-and-output-weights" not in found,
        context=whole(found, "max-position-embeddings") or 0,
        sliding_window=whole(found, "window-size") or 0,
        experts=experts,
        experts_per_token=(whole(found, "moe-router-topk") or 2) if experts else 0,
        shared_experts=max(round(shared / (width or ffn)), 1) if experts and shared else 0,
        expert_ffn=(width or ffn) if experts else 0,
        kv_latent=(whole(found, "kv-lora-rank") or 512) if latent else 0,
        query_latent=(whole(found, "q-lora-rank") or 0) if latent else 0,
        rope_size=(whole(found, "qk-pos-emb-head-dim") or 64) if latent else 0,
    )


def _task(found: Mapping[str, str], model: ModelSpec) -> Training:
    length, batch = whole(found, "seq-length") or 0, whole(found, "global-batch-size") or 0
    sequences = whole(found, "train-samples") or (whole(found, "train-iters") or 1) * batch
    dtype = "fp8" if "fp8-format" in found or "fp8-hybrid" in found else "bf16" if "bf16" in found else "fp16"
    if not {"fp8-format", "fp8-hybrid", "bf16", "fp16"} & set(found):
        dtype = "fp32"
    return Training(
        model=model, tokens=float(sequences * length), sequence_length=length, global_batch=batch, dtype=dtype
    )


def _layout(found: Mapping[str, str], model: ModelSpec, dp: int) -> Layout:
    pp = degree(found, "pipeline")
    per_chunk = whole(found, "num-layers-per-virtual-pipeline-stage")
    chunks = whole(found, "num-virtual-stages-per-pipeline-rank")
    if per_chunk:
        chunks = max(model.layers // pp // per_chunk, 1)
    recompute = found.get("recompute-granularity", "selective" if "recompute-activations" in found else "")
    sharding = "optimizer" if {"use-distributed-optimizer", "overlap-param-gather"} & set(found) else "none"
    if {"use-torch-fsdp2", "use-megatron-fsdp", "use-custom-fsdp"} & set(found):
        sharding = "full"
    return Layout(
        tp=degree(found, "tensor"),
        pp=pp,
        dp=dp,
        cp=degree(found, "context"),
        ep=degree(found, "expert"),
        micro_batch=whole(found, "micro-batch-size") or 1,
        interleave=chunks or 1,
        # attention is fused today: "none" does not keep the scores either
        recompute=recompute if recompute == "full" else "selective",
        sharding=sharding,
    )
