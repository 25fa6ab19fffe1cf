"""Uncertain inputs: Latin-hypercube or Sobol samples of their distributions, with the rank correlations asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.feasibility.levers import Array
from suanwang.feasibility.sobol import sobol

METHODS = ("latin", "sobol")
SHAPES = ("uniform", "triangular", "normal")
_P90 = NormalDist().inv_cdf(0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What is known of a figure: low, likely, high. For `normal`, low and high are its P10 and P90.

    `floor` and `ceiling` cut the tails of a normal one at what is possible.
    """

    name: str
    low: float
    likely: float
    high: float
    shape: str = "triangular"
    floor: float = -np.inf
    ceiling: float = np.inf


def quantiles(spread: Spread, chance: Array) -> Array:
    """The value that is not exceeded with each chance in (0, 1)."""
    low, likely, high = spread.low, spread.likely, spread.high
    if high == low:
        return np.full(chance.shape, low)
    if spread.shape == "uniform":
        return low + (high - low) * chance
    if spread.shape == "normal":
        score = np.array([NormalDist().inv_cdf(c) for c in chance])
        side = np.where(score < 0, likely - low, high - likely)
        return np.clip(likely + score / _P90 * side, spread.floor, spread.ceiling)
    rising, falling = (high - low) * (likely - low), (high - low) * (high - likely)
    bend = (likely - low) / (high - low)
    return np.where(chance < bend, low + np.sqrt(chance * rising), high - np.sqrt((1 - chance) * falling))


def correlation_matrix(names: Sequence[str], pairs: Mapping[tuple[str, str], float]) -> Array:
    """Symmetric, 1 on the diagonal. Raises InvalidInput where the pairs contradict one another."""
    matrix = np.eye(len(names))
    for (a, b), value in pairs.items():
        i, j = names.index(a), names.index(b)
        matrix[i, j] = matrix[j, i] = value
    if len(names) and np.linalg.eigvalsh(matrix).min() <= 1e-9:
        what = msg("the correlations of {names} contradict one another.", names=", ".join(names))
        raise InvalidInput([Problem("correlations", what, msg("Bring them nearer to 0."))])
    return matrix


def latin_hypercube(random: np.random.Generator, draws: int, inputs: int) -> Array:
    """Chances (draws, inputs): each of `draws` equal parts of (0, 1) is met once in every column (McKay 1979)."""
    order = np.argsort(random.random((draws, inputs)), axis=0)
    return np.asarray((order + random.random((draws, inputs))) / draws)


def sample(
    spreads: Sequence[Spread],
    pairs: Mapping[tuple[str, str], float],
    draws: int,
    seed: int,
    method: str = "latin",
) -> dict[str, Array]:
    """`draws` values of each figure; the same seed gives the same draws.

    `latin`: the values of a figure are those of its Latin hypercube; only their order is changed to reach the rank
    correlations (Iman and Conover 1982, by normal scores). `sobol`: points of a Sobol sequence, moved by the seed, and
    correlated through a normal copula.
    """
    if not spreads:
        return {}
    names = [spread.name for spread in spreads]
    matrix = correlation_matrix(names, pairs)
    random = np.random.default_rng(seed)
    if method == "sobol":
        chances = _correlated((sobol(draws, len(spreads)) + random.random(len(spreads))) % 1, matrix if pairs else None)
        return {s.name: quantiles(s, chances[:, i]) for i, s in enumerate(spreads)}
    wanted = np.linalg.cholesky(matrix)
    chances = latin_hypercube(random, draws, len(spreads))
    values = np.column_stack([quantiles(s, chances[:, i]) for i, s in enumerate(spreads)])
    if pairs and draws > len(spreads) + 1:
        scores = np.array([NormalDist().inv_cdf((i + 1) / (draws + 1)) for i in range(draws)])
        shuffled = np.column_stack([random.permutation(scores) for _ in spreads])
        present = np.linalg.cholesky(np.corrcoef(shuffled, rowvar=False).reshape(len(spreads), -1))
        ranks = np.argsort(np.argsort(shuffled @ np.linalg.inv(present).T @ wanted.T, axis=0), axis=0)
        values = np.take_along_axis(np.sort(values, axis=0), ranks, axis=0)
    return {name: values[:, i] for i, name in enumerate(names)}


def _correlated(chances: Array, matrix: Array | None) -> Array:
    """Chances with rank correlations, within (0, 1): of a normal copula whose correlations are 2 sin(pi r / 6)."""
    chances = np.clip(chances, 1e-12, 1 - 1e-12)
    if matrix is None:
        return chances
    normal = NormalDist()
    scores = np.array([[normal.inv_cdf(c) for c in row] for row in chances])
    pearson = 2 * np.sin(np.pi * matrix / 6)
    np.fill_diagonal(pearson, 1.0)
    together = scores @ np.linalg.cholesky(pearson).T
    return np.asarray(np.clip([[normal.cdf(z) for z in row] for row in together], 1e-12, 1 - 1e-12))
