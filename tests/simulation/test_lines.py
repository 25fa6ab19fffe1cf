"""Hub, agents and their line as processes in real time: killed alone, cut, slowed, doubled, reordered, with wrong
clocks, full disks and engines that misbehave. Nothing is lost or doubled; what is billed is what the engines say.

SUANWANG_KILLS (500 unless set) says how long this goes on: a fiftieth of it is the number of scenes with kills.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fault_proxy import FAULTS, NONE
from tests.simulation.crash.kills import new_folder, on_every_processor
from tests.simulation.lines.faulty import FULL, FaultyEngine, fill_disk
from tests.simulation.lines.scene import Scene, wanted
from tests.simulation.test_crash_kills import KILLS, in_server

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")  # numpy's threads: not used here

SCENES = max(2, KILLS // 50)
HUB_POINTS, AGENT_POINTS = 1500, 150
"""About how many failpoints each passes until all is settled."""
HOUR_S, DAY_S = 3600.0, 86400.0
Played = tuple[int, list[str], int, Counter[str]]
"""Seed, what is wrong, kills, and what the line did."""


def play(seed: int, prepare: Callable[[Path], str], **more: Any) -> Played:
    """One scene in a folder of its own."""
    with new_folder() as folder:
        scene = Scene(folder=folder, url=prepare(folder), seed=seed, **more)
        wrong = scene.play()
        return seed, wrong, scene.kills, scene.faults_made()


def kills_of(seed: int) -> Mapping[str, Sequence[int]]:
    """One to three kills in all, of any of the three."""
    dice = random.Random(seed)
    stops: dict[str, list[int]] = {"hub": [], "a": [], "b": []}
    for _ in range(dice.randint(1, 3)):
        who = dice.choice(list(stops))
        stops[who].append(dice.randint(1, HUB_POINTS if who == "hub" else AGENT_POINTS))
    return stops


def on_sqlite(_: Path) -> str:
    return ""


def report(capsys: pytest.CaptureFixture[str], what: str, played: Sequence[Played]) -> None:
    faults = sum((line for *_, line in played), Counter[str]())
    with capsys.disabled():
        kills = sum(kills for _, _, kills, _ in played)
        print(f"\n{what}: {len(played)} scenes of 12 jobs, {kills} SIGKILLs, line {dict(sorted(faults.items()))}")
    assert [(seed, wrong) for seed, wrong, *_ in played if wrong] == []


@pytest.mark.timeout(KILLS * 2 + 300)
def test_a_bad_line_and_kills_of_one_alone(capsys: pytest.CaptureFixture[str]) -> None:
    scenes = [partial(play, seed, on_sqlite, stops=kills_of(seed), faults=FAULTS) for seed in range(SCENES)]
    report(capsys, "bad line, one killed alone", list(on_every_processor(scenes)))


@pytest.mark.integration
@pytest.mark.timeout(KILLS * 2 + 300)
def test_a_bad_line_and_kills_on_postgresql(postgres_server: str, capsys: pytest.CaptureFixture[str]) -> None:
    where = partial(in_server, postgres_server)
    scenes = [partial(play, seed, where, stops=kills_of(seed), faults=FAULTS) for seed in range(100, 100 + SCENES // 5)]
    report(capsys, "the same on PostgreSQL", list(on_every_processor(scenes)))


def test_engines_that_answer_late_twice_never_or_for_others(capsys: pytest.CaptureFixture[str]) -> None:
    scenes = [
        partial(play, seed, on_sqlite, faults=NONE, engine=partial(FaultyEngine, seed=seed))
        for seed in range(max(2, SCENES // 5))
    ]
    report(capsys, "faulty engines", list(on_every_processor(scenes)))


@pytest.mark.parametrize("who", ["hub", "a"])
def test_clocks_that_jump_by_an_hour_and_a_day(who: str, capsys: pytest.CaptureFixture[str]) -> None:
    jumps = [(0.5, HOUR_S), (1.0, -2 * HOUR_S), (1.5, DAY_S), (2.0, -2 * DAY_S)]
    played = play(1, on_sqlite, wrong={who: jumps})
    report(capsys, f"clock of {who} jumps by +1 h, -2 h, +1 d, -2 d", [played])


def test_a_full_disk_at_the_agents(capsys: pytest.CaptureFixture[str]) -> None:
    with new_folder() as folder:
        large = wanted(padding="x" * 3000)
        scene = Scene(folder=folder, seed=1, stops={"a": [60]}, jobs=large, each_turn=fill_disk(folder))
        wrong = scene.play()
        assert not (folder / FULL).exists()
        report(capsys, "disk full for a second", [(1, wrong, scene.kills, scene.faults_made())])
