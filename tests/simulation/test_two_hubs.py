"""Two hubs on one PostgreSQL: one ticks, both serve; when the one that ticks is killed, the other goes on, and nothing
is doubled."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.hub_process import START_S, HubProcess
from tests.hub_world import HubWorld, open_hub

pytestmark = pytest.mark.integration
HAND_OVER_S_MAX = 10.0


@pytest.fixture
def world(tmp_path: Path, postgres_server: str) -> Iterator[HubWorld]:
    with psycopg.connect(host=postgres_server, user="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE two_hubs")
    with open_hub(tmp_path, f"postgresql://postgres@/two_hubs?host={postgres_server}") as made:
        yield made
    with psycopg.connect(host=postgres_server, user="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE two_hubs WITH (FORCE)")


def holder(world: HubWorld) -> str:
    with psycopg.connect(world.home.environment["SUANWANG_DATABASE_URL"]) as connection:
        row = connection.execute("SELECT holder FROM leases WHERE name = 'tick'").fetchone()
    return str(row[0]) if row else ""


def submit(hub: HubProcess, world: HubWorld, key: str) -> str:
    body = world.workload("import time; time.sleep(0.2)", tenant="me", time_limit="9 s")
    answer = hub.http.post("/v1/jobs", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def await_settled(hub: HubProcess, job_ids: list[str]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if all(hub.http.get(f"/v1/jobs/{j}").json()["state"] == "settled" for j in job_ids):
            return
        time.sleep(0.1)
    raise AssertionError("the jobs do not settle")


def test_the_second_hub_takes_over_and_nothing_is_doubled(world: HubWorld) -> None:
    first, second = HubProcess(world), HubProcess(world)
    try:
        job_ids = [submit((first, second)[n % 2], world, f"k{n}") for n in range(2)]
        assert submit(second, world, "k0") == job_ids[0]
        ticking = holder(world)
        assert ticking
        first.end(signal.SIGKILL)
        killed = time.monotonic()
        while holder(world) == ticking:
            assert time.monotonic() - killed < HAND_OVER_S_MAX
            time.sleep(0.1)
        await_settled(second, job_ids)
        job_ids.append(submit(second, world, "after"))
        await_settled(second, job_ids)
        for job_id in job_ids:
            events = second.http.get(f"/v1/jobs/{job_id}/events").json()["events"]
            assert [e["sequence"] for e in events] == list(range(1, len(events) + 1))
            assert [e["after"] for e in events].count("running") <= 1
            assert second.http.get(f"/v1/jobs/{job_id}").json()["attempt"] == 1
            assert second.http.get(f"/v1/jobs/{job_id}/invoice").status_code == 200
        counts = second.http.get("/v1/ledger/check").json()["counts"]
        assert counts["sum_micro:CNY"] == 0
        assert counts["holds_open"] == 0
        assert second.end(signal.SIGTERM) == 0
        assert holder(world) == ""
    finally:
        first.gone()
        second.gone()


def test_a_hub_that_is_told_to_end_answers_what_it_has_begun(world: HubWorld) -> None:
    hub = HubProcess(world)
    try:
        job_id = submit(hub, world, "k")
        with hub.http.stream("GET", f"/v1/jobs/{job_id}/stream") as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if line.startswith("event: "))
            hub.process.send_signal(signal.SIGTERM)
            assert list(lines) is not None
        assert hub.process.wait(START_S) == 0
    finally:
        hub.gone()
