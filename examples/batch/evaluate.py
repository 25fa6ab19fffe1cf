"""Measure a character model on held-out text, in bits per character: an evaluation job.

With a checkpoint of ``char_model/train.py`` the last tenth of the text is read
character by character, each judged with the model's whole context before it.
Without one, a bigram model of the first nine tenths gives the baseline. The
95 % interval comes from drawing the judged characters again with replacement.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

CHAR_MODEL = Path(__file__).parents[1] / "char_model"
WINDOWS_AT_ONCE = 64
SMOOTHING = 0.1


def say(**report: object) -> None:
    print(json.dumps(report), flush=True)


def char_model() -> Any:
    """The training program as a module: it is a script beside this one, not an installed package."""
    sys.path.insert(0, str(CHAR_MODEL))
    return importlib.import_module("train")


def model_losses(train: Any, checkpoint: Path, corpus: Any) -> Array:
    state = train.State.load(checkpoint)
    if state.vocabulary != corpus.vocabulary:
        raise SystemExit(f"{checkpoint} was trained on a text with other characters")
    context = state.shape.context
    tokens = np.concatenate([corpus.train[-context:], corpus.held_out])
    starts = np.arange(len(corpus.held_out))
    losses = np.empty(len(starts))
    for at in range(0, len(starts), WINDOWS_AT_ONCE):
        chosen = starts[at : at + WINDOWS_AT_ONCE]
        inputs, targets = train.windows(tokens, chosen, context)
        losses[chosen] = train.losses_of(state.parameters, state.shape, inputs, targets)[:, -1]
        if at // WINDOWS_AT_ONCE % 10 == 0:
            say(judged=int(chosen[-1]) + 1, characters=len(starts))
    return losses


def bigram_losses(corpus: Any) -> Array:
    size = len(corpus.vocabulary)
    counts = np.full((size, size), SMOOTHING)
    np.add.at(counts, (corpus.train[:-1], corpus.train[1:]), 1)
    probabilities = counts / counts.sum(axis=1, keepdims=True)
    before = np.concatenate([corpus.train[-1:], corpus.held_out[:-1]])
    losses: Array = -np.log(probabilities[before, corpus.held_out])
    return losses


def interval(values: Array, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    means = [float(values[rng.integers(0, len(values), len(values))].mean()) for _ in range(draws)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Bits per character of a model on held-out text.")
    stored = os.environ.get("SUANWANG_CHECKPOINT_DIR")
    parser.add_argument("--text", type=Path, default=CHAR_MODEL / "text.txt")
    parser.add_argument("--checkpoint-dir", type=Path, default=Path(stored) if stored else None)
    parser.add_argument("--draws", type=int, default=50_000, help="samples behind the interval")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    started = time.monotonic()
    train = char_model()
    train.keep_freed_memory()
    corpus = train.Corpus.read(options.text)
    directory: Path | None = options.checkpoint_dir
    found = directory is not None and train.checkpoint_file(directory).exists()
    losses = model_losses(train, train.checkpoint_file(directory), corpus) if found else bigram_losses(corpus)
    bits = losses / math.log(2)
    say(
        done=True,
        model="char_model" if found else "bigram",
        characters=len(bits),
        bits_per_character=float(bits.mean()),
        interval_95=interval(bits, options.draws, np.random.default_rng(options.seed)),
        elapsed_s=round(time.monotonic() - started, 3),
    )


if __name__ == "__main__":
    main()
