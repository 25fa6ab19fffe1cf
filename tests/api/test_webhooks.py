"""Webhooks hear of every move of their organisation's jobs, signed, and again until they have heard."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from suanwang.adapters.calling import Caller
from suanwang.domain.signal import EPOCH
from suanwang.schedule.policies import find_policy
from suanwang.service.tick import tick
from suanwang.service.webhooks import ATTEMPTS_MAX, _after, deliver, signature
from tests.hub_world import HubWorld


class Receiver(HTTPServer):
    """A server of the tenant's: keeps what it hears, answers with the statuses it was given, then with 204."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = statuses
        self.heard: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((dict(self.headers), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Quietly."""


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    server = Receiver(list(getattr(request, "param", [])))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("receiver", [[503, 301]], indirect=True)
def test_every_move_is_told_signed_and_until_it_is_heard(hub: HubWorld, receiver: Receiver) -> None:
    made = hub.client("admin").post("/v1/webhooks", json={"url": receiver.url}).json()
    job = hub.client("member").post("/v1/jobs", json=hub.workload()).json()
    hub.client("stranger").post("/v1/jobs", json=hub.workload(tenant="poor"))
    tick(hub.house.hub, find_policy("fcfs"))
    caller = Caller()
    told = deliver(hub.house.store, hub.house.hub.clock, caller.send)
    caller.close()
    moves = hub.client("member").get(f"/v1/jobs/{job['id']}/events").json()["events"]
    assert told == len(moves) - 2
    shown = hub.client("admin").get(f"/v1/webhooks/{made['id']}/deliveries").json()["deliveries"]
    assert {d["job_id"] for d in shown} == {job["id"]}
    assert sorted((d["state"], d["status"]) for d in shown)[-2:] == [("waiting", 301), ("waiting", 503)]
    headers, body = receiver.heard[-1]
    seconds, mark = (part.partition("=")[2] for part in headers["Suanwang-Signature"].split(","))
    assert mark == signature(made["secret"], int(seconds), body)
    assert mark != signature("another secret", int(seconds), body)
    assert len({h["Suanwang-Delivery"] for h, _ in receiver.heard}) == len(moves)


def test_the_secret_is_shown_once_and_an_ended_webhook_hears_nothing(hub: HubWorld, receiver: Receiver) -> None:
    admin = hub.client("admin")
    made = admin.post("/v1/webhooks", json={"url": receiver.url}).json()
    assert made["secret"] not in admin.get("/v1/webhooks").text
    assert admin.delete(f"/v1/webhooks/{made['id']}").json()["active"] is False
    hub.client("member").post("/v1/jobs", json=hub.workload())
    tick(hub.house.hub, find_policy("fcfs"))
    assert admin.get(f"/v1/webhooks/{made['id']}/deliveries").json()["deliveries"] == []


def test_it_is_given_up_after_its_attempts(hub: HubWorld) -> None:
    with hub.house.store.reading() as tx:
        delivery = next(iter(tx.webhooks.due(hub.house.hub.clock.now().replace(year=2100))))
    pauses = []
    for _ in range(ATTEMPTS_MAX - delivery.attempts):
        delivery = _after(delivery, None, EPOCH)
        pauses.append((delivery.due - EPOCH).total_seconds())
    assert delivery.state.value == "given-up"
    assert pauses == sorted(pauses)


@pytest.mark.parametrize("url", ["ftp://x/y", "x", "http://", "http://169.254.169.254/latest", "file:///etc/passwd"])
def test_an_address_that_is_not_called_is_refused(hub: HubWorld, url: str) -> None:
    answer = hub.client("admin").post("/v1/webhooks", json={"url": url})
    assert answer.status_code == 422
