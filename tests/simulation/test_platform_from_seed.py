"""The whole platform from one seed: random tenants, engines that fail, crashes between any two calls of a port.

SUANWANG_SEEDS says how many seeds are run (30 unless set). A failing one is named, and plays again exactly.
"""

import os
from pathlib import Path

import pytest

from suanwang.adapters.store.memory import MemoryStore
from suanwang.adapters.store.sql import open_store
from suanwang.domain.job import JobState
from suanwang.ports import Store
from tests.simulation.seeded.invariants import always, at_the_end
from tests.simulation.seeded.world import Platform

SEEDS = int(os.environ.get("SUANWANG_SEEDS", "30"))
STEPS = 300
TURNS_MAX = 400


def play(seed: int, store: Store) -> Platform:
    """Random steps with faults, then a quiet time until every job is settled; looks after every step."""
    platform = Platform(seed, store)
    for step in range(STEPS):
        _nothing_wrong(f"step {step}", always(platform, ticked=platform.act()), seed)
    platform.faults.stop()
    for turn in range(TURNS_MAX):
        platform.clock.advance(900)
        _nothing_wrong(f"turn {turn}", always(platform, ticked=platform.tick()), seed)
        if platform.settled():
            break
    left = [f"{job.key} is {job.state}, {job.reason}" for job in platform.jobs() if job.state is not JobState.SETTLED]
    _nothing_wrong("the end", left or at_the_end(platform), seed)
    return platform


def _nothing_wrong(when: str, wrong: list[str], seed: int) -> None:
    assert not wrong, f"seed {seed}, {when}: {wrong}"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_seed_comes_to_a_sound_end(seed: int) -> None:
    platform = play(seed, MemoryStore())
    assert platform.ordered


@pytest.mark.parametrize("seed", range(0, SEEDS, 10))
def test_a_seed_plays_again_exactly_on_every_store(seed: int, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'grid.db'}")
    in_memory, again, in_a_file = (play(seed, s) for s in (MemoryStore(), MemoryStore(), store))
    assert in_memory.log_hash() == again.log_hash() == in_a_file.log_hash()
    store.close()
