"""Measure what one processor of this machine does, for a second: the figures of the demo's card, as one JSON line.

Matrix products in the shapes of `char_model`, a pass over an array that no cache holds, and steps of the training
itself. Medians, in seconds of the wall.
"""

import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

CHAR_MODEL = Path(__file__).parents[1] / "char_model"
TOKENS, HIDDEN, CONTEXT, BATCH = 1024, 64, 64, 16
LARGE = 1 << 23


def median_s(work: Callable[[], object], for_s: float) -> float:
    work()
    times: list[float] = []
    end = time.perf_counter() + for_s
    while (begun := time.perf_counter()) < end or not times:
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    sys.path.insert(0, str(CHAR_MODEL))
    train = importlib.import_module("train")  # a script beside this one, not an installed package
    large = np.ones(LARGE, dtype=np.float32)
    memory_s = median_s(lambda: large * 1.5, 0.2)  # into fresh memory, as numpy programs do
    train.keep_freed_memory()
    rows = np.ones((TOKENS, HIDDEN), dtype=np.float32)
    wide = np.ones((HIDDEN, 4 * HIDDEN), dtype=np.float32)
    corpus = train.Corpus.read(CHAR_MODEL / "text.txt")
    shape = train.Shape(len(corpus.vocabulary), 2, HIDDEN, 4, CONTEXT)
    state = train.State.new(shape, corpus.vocabulary, 0)
    report = {
        "flops_per_s": 2 * rows.size * 4 * HIDDEN / median_s(lambda: rows @ wide, 0.2),
        "memory_bytes_per_s": 2 * large.nbytes / memory_s,
        "step_s": median_s(lambda: state.train(corpus.train, BATCH, 5e-3), 0.5),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
