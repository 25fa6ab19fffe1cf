"""A real Ray cluster of one node for tests, from an environment of its own: .ray/, or where SUANWANG_RAY is."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

CARDS = 9
START_S = 120
PORTS = (
    "port",
    "dashboard-port",
    "ray-client-server-port",
    "node-manager-port",
    "object-manager-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "metrics-export-port",
    "runtime-env-agent-port",
)


def program() -> Path:
    """Ray's own program; the test is left out, or fails where it is required, when it is not there."""
    folder = os.environ.get("SUANWANG_RAY", str(Path(__file__).parents[1] / ".ray"))
    found = Path(folder) / "bin" / "ray"
    if found.exists():
        return found
    if os.environ.get("SUANWANG_REQUIRE_INTEGRATION") == "1":
        pytest.fail("Ray is not installed (make ray), and SUANWANG_REQUIRE_INTEGRATION=1 asks for it")
    pytest.skip("Ray is not installed: make ray")


def free_port(first: int = 21200) -> int:
    """The first of 100 ports that are free; each process that tests beside others looks in a range of its own."""
    mine = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", ""))) or 0)
    for port in range(first + 1000 * mine, 31000, 100):
        if all(_free(port + i) for i in range(len(PORTS))):
            return port
    raise RuntimeError("no free ports for Ray")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.fixture(scope="session")
def ray_url() -> Iterator[str]:
    """The dashboard of a head with 9 `card`s."""
    ray, port = program(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    ports = [f"--{name}={port + i}" for i, name in enumerate(PORTS)]
    workers = [f"--min-worker-port={port + 20}", f"--max-worker-port={port + 99}"]
    size = ["--num-cpus=16", "--object-store-memory=100000000", f'--resources={{"card": {CARDS}}}']
    where = ["--head", "--disable-usage-stats", "--dashboard-host=127.0.0.1", f"--temp-dir={folder}"]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    url = f"http://127.0.0.1:{port + 1}"
    try:
        start = [str(ray), "start", *where, *ports, *workers, *size]
        subprocess.run(start, check=True, capture_output=True, timeout=START_S, env=environment)
        _await(url)
        yield url
    finally:
        _end(folder)


def _await(url: str) -> None:
    """Until the node's resources are there, which is later than the dashboard."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError, ValueError, KeyError):
            answer = httpx.get(f"{url}/api/v0/nodes", timeout=10).json()
            nodes = answer["data"]["result"]["result"]
            if any(node["resources_total"].get("card") == CARDS for node in nodes):
                return
        time.sleep(0.2)
    pytest.fail("Ray did not start")


def _end(folder: Path) -> None:
    """Every process that has the folder of this session in its command line: `ray stop` would end others' too."""
    for _ in range(50):
        left = [entry for entry in Path("/proc").glob("[0-9]*") if str(folder) in _command(entry)]
        if not left:
            return
        for entry in left:
            with suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)
        time.sleep(0.1)


def _command(entry: Path) -> str:
    try:
        seen = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
    except OSError:
        return ""
    return "" if int(entry.name) == os.getpid() else seen.decode(errors="replace")
