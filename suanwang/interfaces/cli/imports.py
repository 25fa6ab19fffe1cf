"""`import`: shapes and runs of other programs as workload files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.domain.model import ModelSpec

SHAPE = [
    "layers",
    "hidden",
    "heads",
    "kv_heads",
    "head_size",
    "ffn",
    "vocab",
    "gated",
    "tied_embeddings",
    "context",
    "sliding_window",
    "experts",
    "experts_per_token",
    "shared_experts",
    "expert_ffn",
    "dense_layers",
    "kv_latent",
    "query_latent",
    "rope_size",
]
"""Fields of a workload file's model, in the order they are written."""


@click.group(name="import")
def imports() -> None:
    """Shapes and runs as other programs write them: a config.json of Hugging Face, arguments of Megatron-LM.

    \b
    Examples:
      suanwang import hf config.json
      suanwang import megatron train.sh --cards 64 --vocab 128256 > workload.yaml
    """


@imports.command()
@click.argument("config", type=click.Path(dir_okay=False, path_type=Path))
@json_option
@click.pass_obj
def hf(terminal: Terminal, config: Path, as_json: bool) -> int:
    """The `model:` of a workload file from a Hugging Face config.json, with the parameters that it comes to.

    \b
    Example:
      suanwang import hf config.json
    """
    from suanwang.bootstrap import read_text
    from suanwang.estimate.flops import parameters
    from suanwang.schemas.imports.hugging_face import read_config

    model = read_config(read_text(str(config)), str(config))
    counts = parameters(model)
    if as_json:
        terminal.json({"model": shape(model), "parameters": counts.total, "parameters_active": counts.active})
        return 0
    terminal.note(
        msg(
            "{total} parameters, {active} of them for a token.",
            total=f"{counts.total:,.0f}",
            active=f"{counts.active:,.0f}",
        )
    )
    for line in written(model, "model:"):
        terminal.say(line)
    return 0


@imports.command()
@click.argument("script", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--cards", type=click.IntRange(min=1), help="How many cards it is started on.")
@click.option("--vocab", type=click.IntRange(min=1), help="Tokens in the vocabulary, where a tokenizer has them.")
@json_option
@click.pass_obj
def megatron(terminal: Terminal, script: Path, cards: int | None, vocab: int | None, as_json: bool) -> int:
    """A workload file from the arguments of a Megatron-LM training: a shell script, or the arguments alone.

    The layout of the script goes to stderr in the form that `suanwang estimate --layout` takes.

    \b
    Example:
      suanwang import megatron train.sh --cards 64 --vocab 128256 > workload.yaml
    """
    from suanwang.bootstrap import read_text
    from suanwang.interfaces.cli.layout_option import written_layout
    from suanwang.schemas.imports.megatron import read_arguments
    from suanwang.schemas.wire import plain

    found = read_arguments(read_text(str(script)), str(script), vocab=vocab, accelerators=cards)
    task = found.task
    if as_json:
        figures = {"tokens": task.tokens, "sequence_length": task.sequence_length, "global_batch": task.global_batch}
        terminal.json({"model": shape(task.model), **figures, "dtype": task.dtype, "layout": plain(found.layout)})
        return 0
    terminal.note(msg("--layout {layout}", layout=written_layout(found.layout)))
    lines = [
        "apiVersion: suanwang/v1",
        "kind: Workload",
        "workload:",
        "  name: megatron",
        "  kind: pretrain",
        *(f"  {line}" for line in written(task.model, "model:")),
        f"  tokens: {task.tokens:.0f}",
        f"  sequence_length: {task.sequence_length}",
        f"  global_batch: {task.global_batch}",
        f"  dtype: {task.dtype}",
        "  accelerators:",
        f"    count: {found.layout.accelerators}",
    ]
    for line in lines:
        terminal.say(line)
    return 0


def shape(model: "ModelSpec") -> dict[str, object]:
    """The fields of a workload file's model that are not their default."""
    every = {"id": model.id} | {name: getattr(model, name) for name in SHAPE}
    return {name: value for name, value in every.items() if value or name in ("ffn", "gated")}


def written(model: "ModelSpec", head: str) -> list[str]:
    """Lines of YAML."""
    texts = {name: str(v).lower() if isinstance(v, bool) else str(v) for name, v in shape(model).items()}
    return [head, *(f"  {name}: {text}" for name, text in texts.items())]
