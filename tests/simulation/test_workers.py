"""A hub of several processes on one address: each serves, one that dies is replaced, none outlives the hub."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.hub_process import START_S, HubProcess
from tests.hub_world import HubWorld, open_hub

WORKERS, CALLS = 3, 60


@pytest.fixture
def world(tmp_path: Path) -> Iterator[HubWorld]:
    with open_hub(tmp_path, rate_limit="0") as made:
        yield made


@pytest.fixture
def hub(world: HubWorld) -> Iterator[HubProcess]:
    made = HubProcess(world, "--workers", str(WORKERS))
    yield made
    made.gone()


def workers_of(hub: HubProcess) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(hub.process.pid).children():
        with suppress(psutil.Error):  # one that has just died
            found += [child] if "suanwang.interfaces.api.workers" in child.cmdline() else []
    return found


def until(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.05)


def ask(hub: HubProcess, path: str) -> httpx.Response:
    """On a connection of its own, which any of the processes may get; a reset one is made anew."""
    headers = {**hub.http.headers, "Connection": "close"}
    return httpx.Client(transport=httpx.HTTPTransport(retries=3)).get(f"{hub.http.base_url}{path}", headers=headers)


def metrics(hub: HubProcess) -> dict[str, float]:
    lines = [line for line in ask(hub, "/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_all_serve_and_whoever_is_asked_counts_for_all(hub: HubProcess) -> None:
    assert len(workers_of(hub)) == WORKERS - 1
    used = {worker.pid: worker.cpu_times().user for worker in workers_of(hub)}
    assert {ask(hub, "/v1/now").status_code for _ in range(CALLS)} == {200}
    shown = metrics(hub)
    assert shown['suanwang_requests_total{status="2xx"}'] == CALLS
    assert shown["suanwang_requests_in_flight"] == 1
    assert all(worker.cpu_times().user > used[worker.pid] for worker in workers_of(hub)), "each had some of them"
    until(lambda: metrics(hub)["suanwang_ticks_total"] > 0, "one of them ticks, and all know")
    assert metrics(hub)["suanwang_tick_leader"] == 1


def test_one_that_dies_is_replaced(hub: HubProcess) -> None:
    first = workers_of(hub)[0]
    first.kill()
    until(lambda: len([w for w in workers_of(hub) if w.pid != first.pid]) == WORKERS - 1, "it is replaced")
    assert ask(hub, "/v1/now").status_code == 200


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_none_outlives_the_hub(hub: HubProcess, how: signal.Signals) -> None:
    workers = workers_of(hub)
    assert hub.end(how) == (-signal.SIGKILL if how is signal.SIGKILL else 0)
    _, alive = psutil.wait_procs(workers, timeout=START_S)
    assert alive == []
