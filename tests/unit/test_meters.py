"""The DCGM meter on a double of Prometheus: what it asks, its unit, and that it never stands in the way."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from suanwang.adapters.meters.dcgm import Dcgm


class Prometheus(BaseHTTPRequestHandler):
    """Answers every query with `answer`."""

    answer: object = None
    asked: list[dict[str, list[str]]]

    def log_message(self, *_: object) -> None:
        """Silent."""

    def _get(self) -> None:
        self.asked.append(parse_qs(urlsplit(self.path).query))
        text = json.dumps(self.answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def __getattr__(self, name: str) -> object:
        if name == "do_GET":
            return self._get
        raise AttributeError(name)


@pytest.fixture
def prometheus() -> Iterator[tuple[str, type[Prometheus]]]:
    kind = type("Made", (Prometheus,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", kind
    server.shutdown()
    server.server_close()
    thread.join()


def vector(*values: str) -> object:
    result = [{"metric": {}, "value": [1.0, value]} for value in values]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def test_millijoules_of_the_jobs_devices_are_kwh(prometheus: tuple[str, type[Prometheus]]) -> None:
    url, kind = prometheus
    kind.answer = vector("7.2e9")
    assert Dcgm(url, "hpc_job").energy_kwh("42", 1000.0, 4600.5) == 2.0
    (asked,) = kind.asked
    assert asked["query"] == ['sum(increase(DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{hpc_job=~"42"}[3601s]))']
    assert asked["time"] == ["4600.500"]


@pytest.mark.parametrize("answer", [vector(), vector("NaN"), vector("0"), {"status": "error"}, [], None])
def test_without_a_figure_there_is_none(prometheus: tuple[str, type[Prometheus]], answer: object) -> None:
    url, kind = prometheus
    kind.answer = answer
    assert Dcgm(url, "pod").energy_kwh("sw-.*", 0.0, 10.0) is None


def test_a_prometheus_that_is_away_does_not_stand_in_the_way() -> None:
    assert Dcgm("http://127.0.0.1:9", "pod").energy_kwh("x", 0.0, 10.0) is None
