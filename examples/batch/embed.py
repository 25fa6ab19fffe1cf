"""Embed the paragraphs of a text and find each one's nearest neighbours: a batch job.

A paragraph's words and pairs of words are hashed into a long vector of TF-IDF
weights. Projections on random signs make it short; they keep the cosine of two
paragraphs on average, and ``--repeat`` of them, averaged, keep it ever more
closely. Two files go to the output directory: ``embeddings.npy``, of the last
projection, and ``neighbours.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

TEXT = Path(__file__).parents[1] / "char_model" / "text.txt"


def say(**report: object) -> None:
    print(json.dumps(report), flush=True)


def terms(paragraph: str) -> list[str]:
    words = re.findall(r"[\w']+", paragraph.lower())
    return words + [" ".join(pair) for pair in pairwise(words)]


def unit_rows(rows: Array) -> Array:
    lengths: Array = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Array = rows / np.maximum(lengths, 1e-12)
    return unit


def tf_idf(paragraphs: list[str], buckets: int) -> Array:
    """Hashed term weights: rare terms count more, repeated ones less than in proportion."""
    counts = np.zeros((len(paragraphs), buckets), dtype=np.float32)
    for row, paragraph in enumerate(paragraphs):
        for term in terms(paragraph):
            counts[row, zlib.crc32(term.encode()) % buckets] += 1
    spread = (counts > 0).sum(axis=0)
    rarity = np.log((1 + len(paragraphs)) / (1 + spread)).astype(np.float32)
    return unit_rows(np.log1p(counts) * rarity)


def project(weights: Array, dimensions: int, rng: np.random.Generator) -> Array:
    buckets = weights.shape[1]
    bits = np.unpackbits(np.frombuffer(rng.bytes(buckets * dimensions // 8), dtype=np.uint8))
    signs = bits.reshape(buckets, dimensions).astype(np.float32) * 2 - 1
    return unit_rows(weights @ signs)


def write(out: Path, paragraphs: list[str], embeddings: Array, similarity: Array, neighbours: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "embeddings.npy", embeddings)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, 1 : neighbours + 1]  # the first is itself
    with (out / "neighbours.jsonl").open("w", encoding="utf-8") as file:
        for row, found in enumerate(nearest.tolist()):
            near = [{"paragraph": n, "similarity": round(float(similarity[row, n]), 4)} for n in found]
            line = {"paragraph": row, "starts": paragraphs[row].splitlines()[0], "nearest": near}
            file.write(json.dumps(line) + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Embed the paragraphs of a text and find their nearest neighbours.")
    out = os.environ.get("SUANWANG_OUTPUT_DIR")
    parser.add_argument("--text", type=Path, default=TEXT)
    parser.add_argument("--out", type=Path, default=Path(out) if out else None, required=not out)
    parser.add_argument("--buckets", type=int, default=16384, help="length of the hashed vectors")
    parser.add_argument("--dimensions", type=int, default=512, help="length of the embeddings; a multiple of 8")
    parser.add_argument("--neighbours", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    started = time.monotonic()
    text = options.text.read_text(encoding="utf-8")
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    weights = tf_idf(paragraphs, options.buckets)
    exact = weights @ weights.T
    rng = np.random.default_rng(options.seed)
    flops = 2 * weights.size * options.dimensions
    say(paragraphs=len(paragraphs), buckets=options.buckets, dimensions=options.dimensions, flops_a_round=flops)
    similarity = np.zeros_like(exact)
    for done in range(1, options.repeat + 1):
        embeddings = project(weights, options.dimensions, rng)
        similarity += (embeddings @ embeddings.T - similarity) / done
        if done % 10 == 0 or done == options.repeat:
            error = float(np.abs(similarity - exact).mean())
            say(round=done, rounds=options.repeat, error=error, elapsed_s=round(time.monotonic() - started, 3))
    write(options.out, paragraphs, embeddings, similarity, options.neighbours)
    say(done=True, out=str(options.out), elapsed_s=round(time.monotonic() - started, 3))


if __name__ == "__main__":
    main()
