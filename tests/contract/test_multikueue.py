"""The MultiKueue dispatcher on a double of Kueue's workloads over real HTTP."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import kubernetes
import pytest

from suanwang.adapters.engines.kubernetes.multikueue import Dispatcher, accelerators_of, cheapest, waits_for_clusters

RESERVED = {"conditions": [{"type": "QuotaReserved", "status": "True"}]}


def workload(name: str, cards: int, status: dict[str, Any]) -> dict[str, Any]:
    container = {"resources": {"requests": {"nvidia.com/gpu": str(cards)}}}
    pods = [{"count": 2, "template": {"spec": {"containers": [container]}}}]
    return {"metadata": {"namespace": "team", "name": name}, "spec": {"podSets": pods}, "status": status}


class Kueue(BaseHTTPRequestHandler):
    """Lists workloads, and merges what is patched into their status."""

    workloads: dict[str, dict[str, Any]]

    def log_message(self, *_: object) -> None:
        """Silent."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer: Any = {"items": list(self.workloads.values())}
        if self.command == "PATCH":
            assert self.path.endswith("/status")
            answer = self.workloads[self.path.split("/")[-2]]
            answer["status"] |= json.loads(body)["status"]
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def __getattr__(self, name: str) -> object:
        if name in ("do_GET", "do_PATCH"):
            return self._serve
        raise AttributeError(name)


@pytest.fixture
def kueue() -> Iterator[tuple[Any, dict[str, dict[str, Any]]]]:
    known = [
        workload("new", 4, dict(RESERVED)),
        workload("large", 100, dict(RESERVED)),
        workload("without-quota", 4, {}),
        workload("placed", 4, {**RESERVED, "clusterName": "west"}),
    ]
    workloads = {one["metadata"]["name"]: one for one in known}
    kind = type("Made", (Kueue,), {"workloads": workloads})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    api = kubernetes.client.ApiClient(kubernetes.client.Configuration(host=f"http://127.0.0.1:{server.server_port}"))
    yield api, workloads
    shut: Callable[[], None] = api.close
    shut()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_workload_with_quota_is_offered_to_the_cheapest_that_fit(kueue: tuple[Any, dict[str, Any]]) -> None:
    api, workloads = kueue
    choose = cheapest(
        {"east": 9.0, "west": 3.0, "north": 5.0, "small": 1.0},
        {"east": 64, "west": 64, "north": 8, "small": 7},
        "nvidia.com/gpu",
        most=2,
    )
    dispatcher = Dispatcher(api, choose)
    assert dispatcher.nominate() == {"team/new": ["west", "north"]}
    assert workloads["new"]["status"]["nominatedClusterNames"] == ["west", "north"]
    assert dispatcher.nominate() == {}
    assert "nominatedClusterNames" not in workloads["without-quota"]["status"]


def test_what_is_asked_for_is_counted_over_all_pods() -> None:
    assert accelerators_of(workload("w", 4, {}), "nvidia.com/gpu") == 8
    assert accelerators_of(workload("w", 4, {}), "amd.com/gpu") == 0
    assert not waits_for_clusters(workload("w", 4, {**RESERVED, "nominatedClusterNames": ["a"]}))
