"""SIGKILL at every failpoint of the walk, and again on the way back: nothing is lost, nothing is doubled.

SUANWANG_KILLS says how many processes are killed (500 unless set); a tenth of them with the real local engine.
"""

import os
import random
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import pytest

from tests.simulation.crash.failpoints import Point
from tests.simulation.crash.journalled_trial import JOURNALLED
from tests.simulation.crash.kills import (
    RECOVERY_S_MAX,
    Stop,
    Trial,
    Verdict,
    judge,
    keys_of,
    on_every_processor,
    plans,
    rehearse,
    warm_up,
)
from tests.simulation.crash.local_trial import LOCAL

KILLS = int(os.environ.get("SUANWANG_KILLS", "500"))
SEED = 1
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")  # numpy's threads: not used here


@pytest.mark.timeout(KILLS + 120)
def test_no_kill_loses_or_doubles_anything(capsys: pytest.CaptureFixture[str]) -> None:
    points = _points(JOURNALLED)
    verdicts = _judge(JOURNALLED, plans(points, SEED), KILLS - KILLS // 10)
    aimed = {points[v.plan[0].number - 1].place for v in verdicts if v.kills}
    places = {p.place for p in points}
    with capsys.disabled():
        print(f"\n{len(points)} failpoints at {len(places)} places, {len(aimed)} of them killed at; {_summary(verdicts)}")
    assert not [(v.plan, v.wrong) for v in verdicts if v.wrong]
    assert max(v.recovery_s for v in verdicts) < RECOVERY_S_MAX
    assert aimed == places or KILLS < 500


@pytest.mark.timeout(KILLS + 120)
def test_no_kill_loses_or_doubles_a_real_process(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = _judge(LOCAL, _any_places(_points(LOCAL)), KILLS // 10)
    with capsys.disabled():
        print(f"\nlocal engine: {_summary(verdicts)}")
    assert not [(v.plan, v.wrong) for v in verdicts if v.wrong]
    assert max(v.recovery_s for v in verdicts) < RECOVERY_S_MAX


def _points(trial: Trial) -> list[Point]:
    warm_up(trial)
    return rehearse(trial)


def _any_places(points: Sequence[Point]) -> Iterator[tuple[Stop, ...]]:
    """How often a place is passed depends on how long a real program takes, so these name places and not numbers."""
    dice = random.Random(SEED)
    places = sorted({p.place for p in points})
    while True:
        yield tuple(Stop(place=dice.choice(places), nth=dice.randint(1, 2)) for _ in range(dice.randint(1, 3)))


def _judge(trial: Trial, planned: Iterable[tuple[Stop, ...]], kills: int) -> list[Verdict]:
    """Judge plan after plan until that many processes were killed."""
    verdicts: list[Verdict] = []
    keys = keys_of(trial)
    for verdict in on_every_processor(partial(judge, trial, plan, keys) for plan in planned):
        verdicts.append(verdict)
        if sum(v.kills for v in verdicts) >= kills:
            break
    return verdicts


def _summary(verdicts: Sequence[Verdict]) -> str:
    wrong = sum(len(v.wrong) for v in verdicts)
    slowest = max(v.recovery_s for v in verdicts)
    kills = sum(v.kills for v in verdicts)
    return f"{kills} SIGKILLs in {len(verdicts)} databases, {wrong} violations, slowest recovery {slowest:.2f} s"
