"""Laws of the network of linked things: never below the best of all choices, equal to it where it says so."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.place import network
from suanwang.place.instance import Floats
from suanwang.place.network import Edge, Solution, solve

PLACES = 3
seeds = st.integers(0, 10**6)
quickly = settings(max_examples=60, deadline=None, derandomize=True)


def build(seed: int, things: int, density: float) -> tuple[list[Floats], list[Edge]]:
    random = np.random.default_rng(seed)
    kinds = [random.integers(0, 9, PLACES).astype(float) for _ in range(3)]
    kinds[0][random.integers(PLACES)] = np.inf
    arrays = [random.integers(0, 9, (PLACES, PLACES)).astype(float) for _ in range(2)]
    own = [kinds[random.integers(3)] for _ in range(things)]
    pairs = [(i, j) for i in range(things) for j in range(i + 1, things) if random.random() < density]
    turned = [(j, i) if random.random() < 0.5 else (i, j) for i, j in pairs]
    edges = [Edge(a=a, b=b, between=arrays[random.integers(2)]) for a, b in turned]
    return own, edges


def cost(place: tuple[int, ...], own: list[Floats], edges: list[Edge]) -> float:
    pairs = sum(e.between[place[e.a], place[e.b]] for e in edges)
    return float(sum(own[i][p] for i, p in enumerate(place)) + pairs)


def check(found: Solution, own: list[Floats], edges: list[Edge]) -> None:
    best = min(cost(choice, own, edges) for choice in product(range(PLACES), repeat=len(own)))
    assert found.cost == cost(tuple(found.place), own, edges)
    assert found.cost >= best
    if found.exact:
        assert found.cost == best


@quickly
@given(seed=seeds, things=st.integers(1, 6), density=st.sampled_from([0.2, 0.5, 1.0]))
def test_no_choice_is_better_where_it_is_exact(seed: int, things: int, density: float) -> None:
    own, edges = build(seed, things, density)
    check(solve(own, edges), own, edges)


@quickly
@given(seed=seeds, things=st.integers(2, 6), fan=st.booleans())
def test_chains_and_fans_are_exact(seed: int, things: int, fan: bool) -> None:
    own, _ = build(seed, things, 0.0)
    between = np.random.default_rng(seed).integers(0, 9, (PLACES, PLACES)).astype(float)
    ends = [(0, i) if fan else (i - 1, i) for i in range(1, things)]
    ends += [(i, things - 1) for i in range(1, things - 1)] if fan else []
    edges = [Edge(a=a, b=b, between=between) for a, b in ends]
    answer = solve(own, edges)
    assert answer.exact
    check(answer, own, edges)


def test_what_cannot_be_together_costs_without_end() -> None:
    never = np.full((PLACES, PLACES), np.inf)
    assert solve([np.zeros(PLACES)] * 2, [Edge(a=0, b=1, between=never)]).cost == np.inf
    with pytest.raises(ValueError, match="two things"):
        solve([np.zeros(PLACES)], [Edge(a=0, b=0, between=never)])


@quickly
@given(seed=seeds, kept=st.booleans())
def test_a_ring_of_many_places_is_exact(seed: int, *, kept: bool) -> None:
    """Things with two neighbours, and so many places that dear ones are passed over; sums kept or added up again."""
    random = np.random.default_rng(seed)
    places = int(random.integers(2, 40))
    own = list(random.random((3, places)) * random.integers(1, 4) - 0.5)
    for thing in own[1:]:  # they can be at one place alone, so that the first is to be right for any choice of theirs
        thing[np.arange(places) != random.integers(places)] = np.inf
    between = random.random((places, places))
    between[random.random(between.shape) < 0.1 * (seed % 2)] = np.inf
    edges = [Edge(a=a, b=b, between=between) for a, b in ((0, 1), (0, 2), (1, 2))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "SUMS_MAX", network.SUMS_MAX if kept else 0)
        found = solve(own, edges)
    x, y, z = own[0][:, None, None], own[1][None, :, None], own[2][None, None, :]
    every = x + y + z + between[:, :, None] + between[:, None, :] + between[None, :, :]
    assert found.exact
    assert found.cost == pytest.approx(float(every.min()))
