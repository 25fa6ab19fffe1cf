"""SIGKILL at every failpoint of the walk, and again on the way back: nothing is lost, nothing is doubled.

SUANWANG_KILLS says how many processes are killed (500 unless set); a tenth of them with the real local engine.
"""

import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.simulation.crash.journalled_trial import JOURNALLED
from tests.simulation.crash.kills import (
    Stop,
    Trial,
    Verdict,
    anywhere,
    at_places,
    judge,
    keys_of,
    on_every_processor,
    race,
    rehearse,
    warm_up,
)
from tests.simulation.crash.local_trial import LOCAL

KILLS = int(os.environ.get("SUANWANG_KILLS", "500"))
SEED = 1
RECOVERY_S_MAX = 2.0
RECOVERY_S_MAX_SERVER = 10.0
"""A server shares the processors with what it serves. A lock that a killed client left behind would take 30 s."""
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")  # numpy's threads: not used here


@pytest.mark.timeout(KILLS + 120)
def test_no_kill_loses_or_doubles_anything(capsys: pytest.CaptureFixture[str]) -> None:
    points = places_of(JOURNALLED)
    places = list(dict.fromkeys(points))
    verdicts = judge_all(JOURNALLED, at_places(places))
    verdicts += judge_all(JOURNALLED, [(Stop(at=at),) for at in places if at not in _killed_at(verdicts)])
    missing = KILLS - KILLS // 10 - sum(len(v.killed) for v in verdicts)
    verdicts += judge_all(JOURNALLED, anywhere(len(points), SEED), kills=missing)
    with capsys.disabled():
        print(f"\n{len(points)} failpoints at {len(places)} places, killed at {len(_killed_at(verdicts))} of them")
    report(verdicts, capsys, RECOVERY_S_MAX)
    assert _killed_at(verdicts) == set(places)


@pytest.mark.timeout(KILLS + 120)
def test_no_kill_loses_or_doubles_a_real_process(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = judge_all(LOCAL, _any_of(places_of(LOCAL)), kills=KILLS // 10)
    report(verdicts, capsys, RECOVERY_S_MAX)


def test_two_hubs_may_tick_the_same_database(capsys: pytest.CaptureFixture[str]) -> None:
    warm_up(JOURNALLED)
    keys = keys_of(JOURNALLED)
    verdicts = list(on_every_processor(partial(race, JOURNALLED, seed, keys) for seed in range(KILLS // 20)))
    report(verdicts, capsys, RECOVERY_S_MAX)


@pytest.mark.integration
def test_no_kill_loses_or_doubles_anything_on_postgresql(
    postgres_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client is killed; the server goes on, and lets go of what the client had locked."""
    prepare = partial(in_server, postgres_server)
    planned = anywhere(len(places_of(JOURNALLED, prepare)), SEED)
    report(judge_all(JOURNALLED, planned, prepare, kills=KILLS // 10), capsys, RECOVERY_S_MAX_SERVER)


def in_server(server: str, folder: Path) -> str:
    """A new database of the server for the folder; it goes when the server does. Returns its address."""
    name = folder.name.replace("-", "_").lower()
    with psycopg.connect(host=server, user="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = f"postgresql://postgres@/{name}?host={server}"
    (folder / "url").write_text(url)
    return url


def _nothing(_: Path) -> None:
    """SQLite makes its file itself."""


def places_of(trial: Trial, prepare: Callable[[Path], object] = _nothing) -> list[str]:
    warm_up(trial, prepare)
    return rehearse(trial, prepare)


def _any_of(passed: Sequence[str]) -> Iterator[tuple[Stop, ...]]:
    """How often a place is passed depends on how long a real program takes, so these name places and not numbers."""
    dice = random.Random(SEED)
    places = sorted(set(passed))
    while True:
        yield tuple(Stop(at=dice.choice(places), nth=dice.randint(1, 2)) for _ in range(dice.randint(1, 3)))


def _killed_at(verdicts: Sequence[Verdict]) -> set[str]:
    return {stop.at for verdict in verdicts for stop in verdict.killed if isinstance(stop, Stop) and stop.at}


def judge_all(
    trial: Trial,
    planned: Iterable[tuple[Stop, ...]],
    prepare: Callable[[Path], object] = _nothing,
    *,
    kills: int | None = None,
) -> list[Verdict]:
    """Judge every plan, or plan after plan until that many processes were killed."""
    verdicts: list[Verdict] = []
    keys = keys_of(trial)
    if kills is not None and kills <= 0:
        return verdicts
    for verdict in on_every_processor(partial(judge, trial, plan, keys, prepare) for plan in planned):
        verdicts.append(verdict)
        if kills is not None and sum(len(v.killed) for v in verdicts) >= kills:
            break
    return verdicts


def report(verdicts: Sequence[Verdict], capsys: pytest.CaptureFixture[str], recovery_s_max: float) -> None:
    """Print what was done; fail for anything wrong, and for a recovery that is slow."""
    wrong = [(v.plan, v.wrong) for v in verdicts if v.wrong]
    slowest = max(v.recovery_s for v in verdicts)
    kills = sum(len(v.killed) for v in verdicts)
    with capsys.disabled():
        print(
            f"\n{kills} SIGKILLs in {len(verdicts)} databases, {len(wrong)} violated, slowest recovery {slowest:.2f} s"
        )
    assert not wrong
    assert slowest < recovery_s_max
