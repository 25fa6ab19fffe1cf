"""Train a small character language model on one text: a real workload.

Every report is one JSON line on standard output. With a checkpoint directory,
a run killed at any moment and started again with the same arguments goes on
from its checkpoint and, on the same machine with one thread, ends in bitwise
the same state. SIGTERM saves a checkpoint and ends the run with status 143.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from transformer import Array, Shape, Tokens, initial_parameters, loss_and_gradient, losses_of, sample

HELD_OUT_PART = 0.1
SAMPLE_CHARACTERS = 120
WARM_UP_STEPS = 20
TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True)
class Corpus:
    """A text as token numbers; its last tenth is never trained on."""

    vocabulary: str
    train: Tokens
    held_out: Tokens

    @staticmethod
    def read(path: Path) -> Corpus:
        text = path.read_text(encoding="utf-8")
        vocabulary = "".join(sorted(set(text)))
        number = {character: n for n, character in enumerate(vocabulary)}
        tokens = np.array([number[character] for character in text], dtype=np.int64)
        cut = len(tokens) - int(len(tokens) * HELD_OUT_PART)
        return Corpus(vocabulary, tokens[:cut], tokens[cut:])


def windows(tokens: Tokens, starts: Tokens, context: int) -> tuple[Tokens, Tokens]:
    """The inputs from each start on, and as targets the same shifted by one."""
    index = starts[:, None] + np.arange(context)
    return tokens[index], tokens[index + 1]


@dataclass
class State:
    """All that a run carries from step to step, and so all that a checkpoint holds."""

    shape: Shape
    vocabulary: str
    rng: np.random.Generator
    parameters: Array
    mean: Array
    square: Array
    step: int = 0
    loss_first: float = math.nan
    loss: float = math.nan

    @staticmethod
    def new(shape: Shape, vocabulary: str, seed: int) -> State:
        rng = np.random.default_rng(seed)
        parameters = initial_parameters(shape, rng)
        return State(shape, vocabulary, rng, parameters, np.zeros_like(parameters), np.zeros_like(parameters))

    def train(self, tokens: Tokens, batch: int, learning_rate: float) -> None:
        """One step of Adam on one random batch."""
        starts = self.rng.integers(0, len(tokens) - self.shape.context, size=batch)
        inputs, targets = windows(tokens, starts, self.shape.context)
        self.loss, gradient = loss_and_gradient(self.parameters, self.shape, inputs, targets)
        self.step += 1
        if self.step == 1:
            self.loss_first = self.loss
        self.mean += 0.1 * (gradient - self.mean)
        self.square += 0.01 * (gradient * gradient - self.square)
        rate = learning_rate * min(1.0, self.step / WARM_UP_STEPS)
        unbiased = np.sqrt(self.square / (1 - 0.99**self.step)) + 1e-8
        self.parameters -= rate / (1 - 0.9**self.step) * self.mean / unbiased

    def save(self, path: Path) -> None:
        """Whole or not at all: a killed run leaves the old file or the new one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {
            "shape": asdict(self.shape),
            "vocabulary": self.vocabulary,
            "rng": self.rng.bit_generator.state,
            "progress": {"step": self.step, "loss_first": self.loss_first, "loss": self.loss},
        }
        unfinished = path.with_suffix(".tmp")
        with unfinished.open("wb") as file:
            text = np.array(json.dumps(about))
            np.savez(file, about=text, parameters=self.parameters, mean=self.mean, square=self.square)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    @staticmethod
    def load(path: Path) -> State:
        with np.load(path) as stored:
            about = json.loads(str(stored["about"]))
            rng = np.random.default_rng()
            rng.bit_generator.state = about["rng"]
            arrays = (stored["parameters"], stored["mean"], stored["square"])
            return State(Shape(**about["shape"]), about["vocabulary"], rng, *arrays, **about["progress"])


def say(**report: object) -> None:
    print(json.dumps(report), flush=True)


def held_out_loss(state: State, tokens: Tokens) -> float:
    """Mean loss over windows that follow each other without overlap."""
    context = state.shape.context
    starts = np.arange(0, len(tokens) - context, context)
    return float(losses_of(state.parameters, state.shape, *windows(tokens, starts, context)).mean())


class Run:
    """One process's part of a training run."""

    def __init__(self, options: argparse.Namespace, state: State, corpus: Corpus) -> None:
        self.options = options
        self.state = state
        self.corpus = corpus
        self.tokens_a_step = options.batch * options.context
        self.first_step = state.step
        self.started = time.monotonic()

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def describe(self) -> None:
        say(
            parameters=self.state.shape.size(),
            vocabulary=self.state.shape.vocabulary,
            tokens_a_step=self.tokens_a_step,
            flops_a_step=self.state.shape.flops(self.tokens_a_step),
            steps=self.options.steps,
        )

    def report(self) -> None:
        """Speed and time are those of this process; steps and tokens are those of the whole run."""
        elapsed = self.elapsed()
        say(
            step=self.state.step,
            steps=self.options.steps,
            loss=self.state.loss,
            loss_held_out=held_out_loss(self.state, self.corpus.held_out),
            tokens=self.state.step * self.tokens_a_step,
            tokens_per_s=round((self.state.step - self.first_step) * self.tokens_a_step / elapsed, 1),
            elapsed_s=round(elapsed, 3),
        )

    def checkpoint(self) -> None:
        if self.options.checkpoint_dir is not None:
            self.state.save(checkpoint_file(self.options.checkpoint_dir))
            say(checkpoint_step=self.state.step)

    def train(self, terminated: threading.Event) -> int:
        """Steps until the last one, the time limit or SIGTERM; the exit status."""
        options, state = self.options, self.state
        while state.step < options.steps and self.elapsed() < options.stop_after_seconds:
            if terminated.is_set():
                self.checkpoint()
                say(terminated_at_step=state.step)
                return TERMINATED
            state.train(self.corpus.train, options.batch, options.learning_rate)
            if state.step == 1 or state.step % options.report_every == 0 or state.step == options.steps:
                self.report()
            if state.step % options.checkpoint_every == 0 and state.step < options.steps:
                self.checkpoint()
        self.checkpoint()
        return 0

    def finish(self) -> None:
        """``done`` is false where the time limit came before the last step."""
        state = self.state
        say(
            done=state.step >= self.options.steps,
            step=state.step,
            loss_first=state.loss_first,
            loss_last=state.loss,
            held_out=held_out_loss(state, self.corpus.held_out),
        )
        rng = np.random.default_rng(self.options.seed)  # not the run's own: sampling must not change it
        say(sample=sample(state.parameters, state.shape, state.vocabulary, SAMPLE_CHARACTERS, rng))


def checkpoint_file(directory: Path) -> Path:
    return directory / "checkpoint.npz"


def begin_or_resume(options: argparse.Namespace, corpus: Corpus) -> State:
    shape = Shape(len(corpus.vocabulary), options.layers, options.hidden, options.heads, options.context)
    if options.checkpoint_dir is None or not checkpoint_file(options.checkpoint_dir).exists():
        return State.new(shape, corpus.vocabulary, options.seed)
    state = State.load(checkpoint_file(options.checkpoint_dir))
    if (state.shape, state.vocabulary) != (shape, corpus.vocabulary):
        raise SystemExit(f"the checkpoint in {options.checkpoint_dir} is of another model or text: {state.shape}")
    say(resumed_from=state.step)
    return state


def positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a small character language model on one text.")
    stored = os.environ.get("SUANWANG_CHECKPOINT_DIR")
    parser.add_argument("--text", type=Path, default=Path(__file__).with_name("text.txt"))
    for name, default in (("layers", 2), ("hidden", 64), ("heads", 4), ("context", 64), ("batch", 16)):
        parser.add_argument(f"--{name}", type=positive, default=default)
    parser.add_argument("--steps", type=positive, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--learning-rate", type=float, default=5e-3)
    parser.add_argument("--checkpoint-dir", type=Path, default=Path(stored) if stored else None)
    parser.add_argument("--checkpoint-every", type=positive, default=50, metavar="STEPS")
    parser.add_argument("--report-every", type=positive, default=20, metavar="STEPS")
    parser.add_argument("--stop-after-seconds", type=float, default=math.inf)
    return parser.parse_args()


def keep_freed_memory() -> None:
    """Let the C library reuse the memory of a step in the next one.

    By default glibc gives arrays of this size back to the system at once, and
    half of the run's time goes into page faults. Freeing one large block makes
    it raise its limit; elsewhere this does nothing.
    """
    np.empty(30 << 20, dtype=np.uint8)


def main() -> int:
    keep_freed_memory()
    terminated = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    options = parse_arguments()
    corpus = Corpus.read(options.text)
    if min(len(corpus.train), len(corpus.held_out)) <= options.context + 1:
        raise SystemExit(f"{options.text} is too short for a context of {options.context}")
    run = Run(options, begin_or_resume(options, corpus), corpus)
    run.describe()
    status = run.train(terminated)
    if status == 0:
        run.finish()
    return status


if __name__ == "__main__":
    sys.exit(main())
