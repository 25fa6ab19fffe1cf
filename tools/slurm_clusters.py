"""Real Slurm clusters on one machine, wholly under one folder: for tests, the demo and trying things out.

    python tools/slurm_clusters.py start|stop|status|env [--root DIR] [--port N] [--accounting] [--rest] [CLUSTER …]
    python tools/slurm_clusters.py controller-kill|controller-start CLUSTER
    python tools/slurm_clusters.py node-kill|node-start CLUSTER NODE
    python tools/slurm_clusters.py token CLUSTER

Each cluster is a slurmctld of its own with two slurmd, several on one host, each with a port. Accelerators are fake:
character devices like /dev/null. Nothing outside the folder is read or written, the munge key included. There is no
confinement: jobs share the machine's processors and memory, whatever they asked for. Needs root and Debian's packages:
slurmctld slurmd slurm-client munge, slurmrestd slurm-wlm-jwt-plugin (--rest), slurmdbd mariadb-server (--accounting).
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PORTS_EACH, DBD_PORT, REST_PORT = 100, 90, 80
"""Ports of a cluster from its first one on; slurmrestd's; slurmdbd's is `DBD_PORT` of the first cluster."""
KILL_WAIT_S = 2
PATHS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster to be: its nodes with as many fake accelerators each, of a gres type."""

    name: str
    nodes: tuple[str, ...]
    gres: str
    per_node: int = 8
    cpus: int = 64
    memory_mb: int = 512_000


THREE = (
    Cluster(name="guian", nodes=("ga1", "ga2"), gres="ascend910b"),
    Cluster(name="zhongwei", nodes=("zw1", "zw2"), gres="h800"),
    Cluster(name="qingpu", nodes=("qp1", "qp2"), gres="mlu590"),
)

SLURM_CONF = """\
ClusterName={name}
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={root}/munge/socket,cred_expire=6
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=5
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmdSpoolDir={folder}/spool/%n
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
MaxJobCount=120000
MaxArraySize=20001
MinJobAge=600
ReturnToService=2
PriorityType=priority/multifactor
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1,sched_min_interval=20000,bf_max_job_test=500,\
default_queue_depth=500
SlurmctldTimeout=30
SlurmdTimeout=5
KillWait={kill_wait_s}
MessageTimeout=5
InactiveLimit=0
CompleteWait=0
EpilogMsgTime=200
{more}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO DefMemPerCPU=100
"""
LIGHT = "AccountingStorageType=accounting_storage/none\nJobCompType=jobcomp/filetxt\nJobCompLoc={folder}/jobcomp.txt"
KEPT = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={root}/munge/socket
AccountingStorageTRES=gres/gpu"""
JWT = "AuthAltTypes=auth/jwt\nAuthAltParameters=jwt_key={root}/jwt.key"
SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={root}/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
PidFile={root}/db/slurmdbd.pid
LogFile={root}/db/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""


def free_ports(first: int = 17000, count: int = 3 * PORTS_EACH) -> int:
    """The first of so many ports, one after another, of which nobody listens on those that clusters use."""
    used = [offset for i in range(0, count, PORTS_EACH) for offset in (i, i + 1, i + 2, i + REST_PORT, i + DBD_PORT)]
    for port in range(first, 32000, count):
        if not any(_listening(port + offset) for offset in used):
            return port
    raise RuntimeError("no free ports for Slurm below 32000")


class SlurmClusters:
    """Clusters in a folder, from a first port on. Every verb may be repeated: what is up stays up."""

    def __init__(
        self,
        root: Path,
        port: int,
        clusters: Sequence[Cluster] = THREE,
        *,
        accounting: bool = False,
        rest: bool = False,
    ) -> None:
        self.root = root.absolute()
        self.clusters = {cluster.name: cluster for cluster in clusters}
        self._ports = {cluster.name: port + PORTS_EACH * i for i, cluster in enumerate(clusters)}
        self._dbd_port = port + DBD_PORT
        self._accounting = accounting
        self._rest = rest

    def start(self, *names: str) -> None:
        """Bring the clusters up (all unless named); returns when every node can take a job."""
        wanted = names or tuple(self.clusters)
        for name in wanted:
            self._write_configuration(self.clusters[name])
        self._start_munge()
        if self._accounting:
            self._start_database(wanted[0])
        for name in wanted:
            self.start_controller(name)
            for node in self.clusters[name].nodes:
                self.start_node(name, node)
            if self._rest:
                self._start_rest(name)
        for name in wanted:
            _until(lambda name=name: self._all_up(name), 30, f"nodes of {name}, see {self.folder(name)}/log")

    def stop(self, *names: str) -> None:
        """End the clusters with their jobs; with all of them, munge and the database too."""
        for name in names or tuple(self.clusters):
            _end(self.folder(name) / "run" / "slurmrestd.pid", "slurmrestd")
            _end(self.folder(name) / "run" / "slurmctld.pid", "slurmctld")
            for node in self.clusters[name].nodes:
                self.kill_node(name, node)
        if not names:
            _end(self.root / "db" / "slurmdbd.pid", "slurmdbd")
            _end(self.root / "db" / "mariadbd.pid", "mariadbd")
            _end(self.root / "munge" / "pid", "munged")

    def wipe(self) -> None:
        """Stop, and remove the folder."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def folder(self, name: str) -> Path:
        return self.root / name

    def conf(self, name: str) -> Path:
        """The file that SLURM_CONF names."""
        return self.folder(name) / "slurm.conf"

    def run(self, name: str, *command: str) -> str:
        """What a Slurm command prints. Raises CalledProcessError."""
        environment = {**os.environ, "SLURM_CONF": str(self.conf(name)), "PATH": PATHS}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return done.stdout

    def rest_url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name] + REST_PORT}"

    def token(self, name: str, seconds: int = 3600) -> str:
        """A JWT of root's for slurmrestd."""
        return self.run(name, "scontrol", "token", "username=root", f"lifespan={seconds}").strip().partition("=")[2]

    def start_controller(self, name: str) -> None:
        pid_file = self.folder(name) / "run" / "slurmctld.pid"
        if not _alive(pid_file):
            pid_file.unlink(missing_ok=True)
            if self._accounting:
                with suppress(subprocess.CalledProcessError):  # it is there already
                    self.run(name, "sacctmgr", "-i", "-Q", "add", "cluster", name)
            self.run(name, "slurmctld")
        _until(lambda: "UP" in self.run(name, "scontrol", "ping"), 20, f"slurmctld of {name}")

    def kill_controller(self, name: str) -> None:
        """SIGKILL, as when its machine dies."""
        _end(self.folder(name) / "run" / "slurmctld.pid", "slurmctld", signal.SIGKILL)

    def kill_daemon(self, name: str, node: str) -> None:
        """SIGKILL of a node's slurmd alone: what runs there goes on."""
        _end(self.folder(name) / "run" / f"slurmd.{node}.pid", "slurmd", signal.SIGKILL)

    def start_node(self, name: str, node: str) -> None:
        pid_file = self.folder(name) / "run" / f"slurmd.{node}.pid"
        if not _alive(pid_file):
            pid_file.unlink(missing_ok=True)
            (self.folder(name) / "spool" / node).mkdir(parents=True, exist_ok=True)
            self.run(name, "slurmd", "-N", node)

    def kill_node(self, name: str, node: str) -> None:
        """SIGKILL of a node's slurmd and of all that runs there, as when its machine dies: all are stopped before the
        first dies, so that none sees another's end."""
        self.kill_daemon(name, node)
        stepds = _holders(self.folder(name) / "spool" / node)
        there = [pid for stepd in stepds for pid in (stepd, *_descendants(stepd))]
        for each in (signal.SIGSTOP, signal.SIGKILL):
            for pid in there:
                _signal(pid, each)

    def _all_up(self, name: str) -> bool:
        states = "idle,mixed,allocated,completing"
        names = self.run(name, "sinfo", "-h", "-N", "-t", states, "-o", "%N").split()
        return set(names) == set(self.clusters[name].nodes)

    def _write_configuration(self, cluster: Cluster) -> None:
        folder = self.folder(cluster.name)
        for part in ("state", "log", "spool", "run", "dev"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o755)
        key = self.root / "jwt.key"
        if not key.exists():
            _secret(key, 32)
        for i in range(cluster.per_node):
            device = folder / "dev" / f"{cluster.gres}{i}"
            if not device.exists():
                os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
        last = cluster.per_node - 1
        gres = [
            f"NodeName={node} Name=gpu Type={cluster.gres} File={folder}/dev/{cluster.gres}[0-{last}]"
            for node in cluster.nodes
        ]
        port = self._ports[cluster.name]
        nodes = [
            f"NodeName={node} NodeAddr=127.0.0.1 Port={port + i} CPUs={cluster.cpus} RealMemory={cluster.memory_mb} "
            f"Gres=gpu:{cluster.gres}:{cluster.per_node} State=UNKNOWN"
            for i, node in enumerate(cluster.nodes, start=1)
        ]
        accounting = KEPT if self._accounting else LIGHT
        more = [accounting.format(folder=folder, root=self.root, port=self._dbd_port)]
        if self._rest:
            more.append(JWT.format(root=self.root))
        values = {"folder": folder, "root": self.root, "name": cluster.name, "port": port, "kill_wait_s": KILL_WAIT_S}
        (folder / "gres.conf").write_text("\n".join(gres) + "\n")
        (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
        (folder / "jobcomp.txt").touch()
        self.conf(cluster.name).write_text(SLURM_CONF.format(**values, more="\n".join([*more, *nodes])))

    def _start_munge(self) -> None:
        folder = self.root / "munge"
        folder.mkdir(exist_ok=True)
        if not (folder / "key").exists():
            _secret(folder / "key", 1024)
        if _alive(folder / "pid"):
            return
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={folder / name}" for option, name in files.items()]
        (folder / "socket.lock").unlink(missing_ok=True)
        _run(["munged", "--force", "--num-threads=4", *options])
        check = ["munge", "-S", str(folder / "socket"), "-n", "-o", os.devnull]
        _until(lambda: subprocess.run(check, check=False, capture_output=True).returncode == 0, 10, "munged")

    def _start_database(self, name: str) -> None:
        folder = self.root / "db"
        folder.mkdir(exist_ok=True)
        data, sock = folder / "data", folder / "socket"
        if not (data / "mysql").exists():
            option = ["--no-defaults", "--user=root", f"--datadir={data}", "--auth-root-authentication-method=normal"]
            _run(["mysql_install_db", *option, "--skip-test-db"])
        if not _alive(folder / "mariadbd.pid"):
            server = [
                *("mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={sock}"),
                *("--skip-networking", f"--pid-file={folder}/mariadbd.pid", "--innodb-buffer-pool-size=64M"),
                *("--innodb-lock-wait-timeout=900", "--innodb-flush-log-at-trx-commit=2", "--skip-log-bin"),
            ]
            _spawn(server, folder / "mariadbd.log")
            client = ["mysql", "--no-defaults", "-S", str(sock), "-uroot", "-e"]
            grant = (
                "create user if not exists slurm@localhost identified by 'slurm'; "
                "grant all on slurm_acct_db.* to slurm@localhost"
            )
            _until(lambda: subprocess.run([*client, grant], check=False, capture_output=True).returncode == 0, 30, "db")
        shutil.copy(self.conf(name), folder / "slurm.conf")
        conf = folder / "slurmdbd.conf"
        more = JWT.format(root=self.root) + "\n" if self._rest else ""
        conf.write_text(SLURMDBD_CONF.format(root=self.root, port=self._dbd_port) + more)
        conf.chmod(0o600)
        if not _alive(folder / "slurmdbd.pid"):
            # slurmdbd looks for its file beside SLURM_CONF, its database client for the socket in a variable
            _run(["slurmdbd"], {"SLURM_CONF": str(folder / "slurm.conf"), "MYSQL_UNIX_PORT": str(sock)})
        _until(lambda: _listening(self._dbd_port), 30, f"slurmdbd, see {folder}/slurmdbd.log")

    def _start_rest(self, name: str) -> None:
        folder, port = self.folder(name), self._ports[name] + REST_PORT
        if not _alive(folder / "run" / "slurmrestd.pid"):
            # it refuses to run as root or as Slurm's own user; the token says who one is
            plugins = [] if self._accounting else ["-s", ",".join(_rest_plugins())]  # others ask for slurmdbd
            who = ["-u", "nobody", "-g", "nogroup", "-a", "rest_auth/jwt"]
            command = ["slurmrestd", *who, *plugins, f"127.0.0.1:{port}"]
            environment = {"SLURM_CONF": str(self.conf(name)), "SLURM_JWT": "daemon"}
            pid = _spawn(command, folder / "log" / "slurmrestd.log", environment)
            (folder / "run" / "slurmrestd.pid").write_text(str(pid))
        _until(lambda: _listening(port), 20, f"slurmrestd of {name}")


def _rest_plugins() -> list[str]:
    """slurmrestd's plugins for slurmctld: openapi/v0.0.38 for openapi_v0_0_38.so, openapi/slurmctld since 23.11."""
    names = [path.stem.removeprefix("openapi_") for path in Path("/usr/lib").glob("*/slurm*/openapi_*.so")]
    return [f"openapi/{name.replace('_', '.')}" for name in sorted(names) if "db" not in name]


def _secret(path: Path, size: int) -> None:
    path.touch(mode=0o600)
    path.write_bytes(os.urandom(size))


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    whole = {**os.environ, "PATH": PATHS, **(environment or {})}
    subprocess.run(command, check=True, env=whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _spawn(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> int:
    """Start a program that outlives this one; its process id."""
    whole = {**os.environ, "PATH": PATHS, **(environment or {})}
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, env=whole, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    child.returncode = 0  # not waited for: it is to outlive us
    return child.pid


def _until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(subprocess.CalledProcessError):
            if ready():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not up after {seconds} s: {what}")
        time.sleep(0.05)


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _living(pid: int) -> bool:
    """Whether the process exists and is no zombie (where nobody reaps, a dead daemon stays as one)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def _alive(pid_file: Path) -> bool:
    try:
        return _living(int(pid_file.read_text()))
    except (OSError, ValueError):
        return False


def _end(pid_file: Path, name: str, how: signal.Signals = signal.SIGTERM) -> None:
    """End the program whose pid we keep, if it is still that program: the signal, and SIGKILL after 10 s."""
    try:
        pid = int(pid_file.read_text())
        ours = Path(f"/proc/{pid}/comm").read_text().strip() == name[:15]
    except (OSError, ValueError):
        return
    if ours:
        _signal(pid, how)
        deadline = time.monotonic() + 10
        while _living(pid):
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL)
            time.sleep(0.02)
    pid_file.unlink(missing_ok=True)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _holders(spool: Path) -> Iterator[int]:
    """Processes that hold a socket of this spool folder: its slurmstepd's."""
    table = Path("/proc/net/unix").read_text().splitlines()
    sockets = {f"socket:[{line.split()[6]}]" for line in table if f"{spool}/" in line}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(os.readlink(link) in sockets for link in (folder / "fd").iterdir()):  # noqa: PTH115 - no path
                yield int(folder.name)


def _descendants(pid: int) -> list[int]:
    found = []
    for child in (c for t in Path(f"/proc/{pid}/task").glob("*/children") for c in _read(t).split()):
        found += [*_descendants(int(child)), int(child)]
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--root", type=Path, default=Path("/tmp/suanwang-slurm"))  # noqa: S108 - a demonstration's
    parser.add_argument("--port", type=int, default=17000)
    parser.add_argument("--accounting", action="store_true", help="with MariaDB and slurmdbd")
    parser.add_argument("--rest", action="store_true", help="with slurmrestd and JWT")
    given = parser.parse_args()
    made = SlurmClusters(given.root, given.port, accounting=given.accounting, rest=given.rest)
    verbs: dict[str, Callable[..., object]] = {
        "start": made.start,
        "stop": made.stop,
        "wipe": made.wipe,
        "env": lambda *names: print("\n".join(str(made.conf(name)) for name in names or made.clusters)),
        "status": lambda *names: print(*(made.run(name, "sinfo") for name in names or made.clusters), sep="\n"),
        "token": lambda name: print(made.token(name)),
        "controller-kill": made.kill_controller,
        "controller-start": made.start_controller,
        "node-kill": made.kill_node,
        "node-start": made.start_node,
    }
    if given.verb not in verbs:
        parser.error(f"{given.verb} is not one of {', '.join(verbs)}")
    verbs[given.verb](*given.names)


if __name__ == "__main__":
    sys.exit(main())
