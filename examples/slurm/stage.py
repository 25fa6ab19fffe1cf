"""What the show runs on: three Slurm clusters, a hub, three agents; each is a process, and each can be killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

from suanwang.bootstrap import House
from suanwang.domain.identity import Role, User, UserKind
from suanwang.service.identity import add_user, create_token
from tools.slurm_clusters import Cluster, SlurmClusters, free_ports

HERE = Path(__file__).parent
CLUSTERS = (
    Cluster(name="guian", nodes=("ga1", "ga2"), gres="ascend910b", per_node=64),
    Cluster(name="zhongwei", nodes=("zw1", "zw2"), gres="h800", per_node=64),
    Cluster(name="qingpu", nodes=("qp1", "qp2"), gres="mlu370", per_node=64),
)
START_S = 60.0


class Stage:
    """Starts everything, and everything again. `home`: the hub's folder; each agent has one of its own."""

    def __init__(self, root: Path, port: int) -> None:
        self.home = root / "hub"
        self._root = root
        self.clusters = SlurmClusters(root / "slurm", free_ports(port), CLUSTERS)
        self._port = _free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **os.environ,
            "SUANWANG_HOME": str(self.home),
            "SUANWANG_GRID": str(HERE / "grid.yaml"),
            "SUANWANG_TENANT": "lab",
        }

    def start_clusters(self) -> None:
        self.clusters.start()

    def give_tokens(self, house: House) -> None:
        """A service account and a token for the agent of each site."""
        for cluster in CLUSTERS:
            user = User(
                id=f"{cluster.name}-agent",
                kind=UserKind.SERVICE,
                name=cluster.name,
                roles=frozenset({Role.AGENT}),
                site=cluster.name,
                created=house.hub.clock.now(),
            )
            add_user(house.store, house.hub.grid, user)
            new = create_token(house.store, house.hub.clock, user.id, "show", timedelta(days=1), frozenset())
            path = self._root / f"{cluster.name}.token"
            path.touch(mode=0o600)
            path.write_text(new.secret)

    def start_hub(self) -> None:
        self._start("hub", ["up", "--port", str(self._port)], self.environment)
        until = time.monotonic() + START_S
        while not _listening(self._port):
            if time.monotonic() > until or self._processes["hub"].poll() is not None:
                raise SystemExit(f"The hub did not start: {self._root / 'hub.log'}")
            time.sleep(0.1)

    def start_agent(self, site: str) -> None:
        """As an operator starts it; again with the same spool."""
        gres = next(cluster.gres for cluster in CLUSTERS if cluster.name == site)
        words = ["agent", "--hub", f"http://127.0.0.1:{self._port}", "--token-file", str(self._root / f"{site}.token")]
        words += ["--site", site, "--engine", "slurm", "--option", f"slurm_conf={self.clusters.conf(site)}"]
        words += ["--option", f"gres=gpu:{gres}"]
        self._start(f"agent-{site}", words, {**os.environ, "SUANWANG_HOME": str(self._root / f"site-{site}")})

    def kill(self, name: str) -> None:
        """SIGKILL of the hub ("hub") or of an agent ("agent-SITE")."""
        self._processes[name].kill()
        self._processes[name].wait()

    def end(self) -> None:
        """End everything that was started here, the clusters with all their jobs too."""
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self.clusters.wipe()

    def _start(self, name: str, words: list[str], environment: Mapping[str, str]) -> None:
        program = [sys.executable, "-c", "import sys; from suanwang.interfaces.cli.main import main; sys.exit(main())"]
        with (self._root / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*program, *words], env=dict(environment), stdout=log, stderr=log, start_new_session=True
            )


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listening(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
