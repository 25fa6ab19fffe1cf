"""SIGKILL at every failpoint of the walk, and again on the way back: nothing is lost, nothing is doubled.

SUANWANG_KILLS says how many processes are killed (500 unless set); a tenth of them with the real local engine.
"""

import os
import random
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import pytest

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
    race,
    rehearse,
    warm_up,
)
from tests.simulation.crash.local_trial import LOCAL

KILLS = int(os.environ.get("SUANWANG_KILLS", "500"))
SEED = 1
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")  # numpy's threads: not used here


@pytest.mark.timeout(KILLS + 120)
def test_no_kill_loses_or_doubles_anything(capsys: pytest.CaptureFixture[str]) -> None:
    places = _places(JOURNALLED)
    verdicts = _judge(JOURNALLED, plans(places, SEED), KILLS - KILLS // 10)
    firsts = [v.plan[0] for v in verdicts if v.kills]
    aimed = {places[stop.number - 1] for stop in firsts if isinstance(stop, Stop)}
    with capsys.disabled():
        print(f"\n{len(places)} failpoints at {len(set(places))} places, {len(aimed)} of them aimed at")
    _report(JOURNALLED, verdicts, capsys)
    assert aimed == set(places) or KILLS < 500


@pytest.mark.timeout(KILLS + 120)
def test_no_kill_loses_or_doubles_a_real_process(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = _judge(LOCAL, _any_of(_places(LOCAL)), KILLS // 10)
    _report(LOCAL, verdicts, capsys)


def test_two_hubs_may_tick_the_same_database(capsys: pytest.CaptureFixture[str]) -> None:
    warm_up(JOURNALLED)
    keys = keys_of(JOURNALLED)
    verdicts = list(on_every_processor(partial(race, JOURNALLED, seed, keys) for seed in range(KILLS // 20)))
    _report(JOURNALLED, verdicts, capsys)


def _places(trial: Trial) -> list[str]:
    warm_up(trial)
    return rehearse(trial)


def _any_of(passed: Sequence[str]) -> Iterator[tuple[Stop, ...]]:
    """How often a place is passed depends on how long a real program takes, so these name places and not numbers."""
    dice = random.Random(SEED)
    places = sorted(set(passed))
    while True:
        yield tuple(Stop(at=dice.choice(places), nth=dice.randint(1, 2)) for _ in range(dice.randint(1, 3)))


def _judge(trial: Trial, planned: Iterable[tuple[Stop, ...]], kills: int) -> list[Verdict]:
    """Judge plan after plan until that many processes were killed."""
    verdicts: list[Verdict] = []
    keys = keys_of(trial)
    for verdict in on_every_processor(partial(judge, trial, plan, keys) for plan in planned):
        verdicts.append(verdict)
        if sum(v.kills for v in verdicts) >= kills:
            break
    return verdicts


def _report(trial: Trial, verdicts: Sequence[Verdict], capsys: pytest.CaptureFixture[str]) -> None:
    """Print what was done; fail for anything wrong, and for a recovery that is slow also when nothing runs beside it."""
    wrong = [(v.plan, v.wrong) for v in verdicts if v.wrong]
    slowest = max(v.recovery_s for v in verdicts)
    kills = sum(v.kills for v in verdicts)
    with capsys.disabled():
        print(
            f"\n{kills} SIGKILLs in {len(verdicts)} databases, {len(wrong)} violated, slowest recovery {slowest:.2f} s"
        )
    assert not wrong
    slow = [v for v in verdicts if v.recovery_s >= RECOVERY_S_MAX]
    again = [judge(trial, v.plan, {}).recovery_s for v in sorted(slow, key=lambda v: -v.recovery_s)[:3]]
    assert max(again, default=0.0) < RECOVERY_S_MAX
