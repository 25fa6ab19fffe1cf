"""SIGKILL at the failpoints of hub, agents and spools: nothing is lost, nothing is doubled, at the sites least of all.

A tenth of SUANWANG_KILLS (500 unless set) takes hub and agents at once, at any point of either, on SQLite, and a
fortieth on PostgreSQL. What each process does when it is killed alone is in `test_lines`.
"""

from functools import partial

import pytest

from tests.simulation.crash.agent_world import AGENTS
from tests.simulation.crash.kills import anywhere
from tests.simulation.test_crash_kills import (
    KILLS,
    RECOVERY_S_MAX_SERVER,
    SEED,
    in_server,
    judge_all,
    places_of,
    report,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")  # numpy's threads: not used here


@pytest.mark.timeout(KILLS + 300)
def test_no_kill_of_hub_and_agents_loses_or_doubles_anything(capsys: pytest.CaptureFixture[str]) -> None:
    planned = anywhere(len(places_of(AGENTS)), SEED)
    report(judge_all(AGENTS, planned, kills=KILLS // 10), capsys, RECOVERY_S_MAX_SERVER)


@pytest.mark.integration
@pytest.mark.timeout(KILLS + 300)
def test_no_kill_of_hub_and_agents_on_postgresql(postgres_server: str, capsys: pytest.CaptureFixture[str]) -> None:
    prepare = partial(in_server, postgres_server)
    planned = anywhere(len(places_of(AGENTS, prepare)), SEED)
    report(judge_all(AGENTS, planned, prepare, kills=KILLS // 40), capsys, RECOVERY_S_MAX_SERVER)
