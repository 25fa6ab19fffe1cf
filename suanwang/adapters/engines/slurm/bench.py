"""The Slurm engine beside Slurm itself: rates of submission, cost of observation, time to start, on a real cluster."""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.options import read_options
from suanwang.adapters.engines.programs import passed_on
from suanwang.adapters.engines.slurm.cluster import Ask, Cluster
from suanwang.adapters.engines.slurm.commands import Commands
from suanwang.adapters.engines.slurm.engine import SlurmEngine
from suanwang.adapters.engines.slurm.pools import OPTIONS, SlurmPool
from suanwang.adapters.engines.slurm.rest import Rest, token_file
from suanwang.domain.accelerator import Accelerator, AcceleratorKind
from suanwang.domain.order import Order, OrderState
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.site import Pool

BLOCKS = 5
STARTS = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is measured, and where."""

    conf: str = ""
    rest_url: str = ""
    rest_token_file: str = ""
    partition: str = ""
    folder: str = ""
    jobs: int = 250
    array: int = 1000
    in_flight: int = 10_000
    seconds: float = 30.0


@dataclass(slots=True)
class Bench:
    """One run: a folder, the cluster by its commands, and numbers that name what is made."""

    case: Case
    root: Path
    numbers: "count[int]" = field(default_factory=count)

    def engine(self, cluster: Cluster, **options: str) -> SlurmEngine:
        """An engine of its own folder, for jobs without accelerators."""
        nothing = Accelerator(
            id="none",
            vendor="any",
            name="none",
            kind=AcceleratorKind.CPU,
            provenance=Provenance(source="bench", confidence=Confidence.ESTIMATE),
        )
        pool = Pool(
            id="bench",
            site_id="bench",
            accelerator=nothing,
            nodes=1,
            accelerators_per_node=1,
            engine="slurm",
            price_book_id="",
            queue=self.case.partition,
            options=options,
        )
        read = read_options(OPTIONS, [pool])
        folder = self.root / f"engine-{next(self.numbers)}"
        return SlurmEngine(folder, cluster, [SlurmPool(pool=pool, options=read["bench"])], SystemClock())

    def orders(self, number: int) -> list[Order]:
        names = [f"bench-{os.getpid()}-{next(self.numbers)}" for _ in range(number)]
        return [
            Order(
                id=name,
                job_id=name,
                attempt=1,
                fence=1,
                pool_id="bench",
                queue=self.case.partition,
                accelerators=0,
                command=("true",),
                time_limit_s=600,
            )
            for name in names
        ]

    def sbatch(self, *options: str) -> list[str]:
        """The options of a bare sbatch that asks for the same."""
        partition = [f"--partition={self.case.partition}"] if self.case.partition else []
        same = ["--parsable", "--no-requeue", "--output=/dev/null", "--error=/dev/null", "--chdir=/", "--nodes=1"]
        return ["sbatch", *same, "--ntasks-per-node=1", "--time=12", *partition, *options]

    def environment(self) -> dict[str, str]:
        return passed_on() | ({"SLURM_CONF": self.case.conf} if self.case.conf else {})


def measure(case: Case) -> dict[str, float]:
    """All figures. What was submitted is cancelled again."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=case.folder or None, ignore_cleanup_errors=True) as folder:
        bench = Bench(case, Path(folder))
        cluster = Commands(case.conf)
        try:
            shown = one_by_one(bench, cluster) | arrays(bench, cluster)
            shown |= by_rest(bench) if case.rest_url else {}
            shown |= in_flight(bench, cluster) if case.in_flight else {}
            cancel_all(cluster)
            return shown | starts(bench, cluster)
        finally:
            cancel_all(cluster)


def cancel_all(cluster: Cluster) -> None:
    """Cancel what this process has made, and wait until it is gone."""
    mine = f"bench-{os.getpid()}-"
    while left := {
        row.id.partition("_")[0] for row in cluster.jobs().values() if row.name.startswith(mine) and not row.over
    }:
        cluster.cancel(sorted(left))
        time.sleep(0.2)


def one_by_one(bench: Bench, cluster: Cluster) -> dict[str, float]:
    """Submissions a second, one after another: sbatch in a shell's loop, and `Engine.submit`."""
    engine, number = bench.engine(cluster, sbatch="--hold"), bench.case.jobs // BLOCKS
    engine.submit(bench.orders(1)[0])  # the first asks for the site's nodes too

    def bare() -> None:
        script = bench.root / "bare"
        script.write_text("#!/bin/sh\ntrue\n")
        name = f"--job-name=bench-{os.getpid()}-bare"
        loop = f'i=0; while [ $i -lt {number} ]; do "$@" > /dev/null || exit 1; i=$((i + 1)); done'
        command = ["sh", "-c", loop, "sh", *bench.sbatch("--hold", name), str(script)]
        subprocess.run(command, check=True, env=bench.environment())

    def grid() -> None:
        for order in bench.orders(number):
            engine.submit(order)

    times, theirs, ratio = in_turn(grid, bare)
    return {"submit_per_s": number / times, "bare_submit_per_s": number / theirs, "submit_ratio": ratio}


def by_rest(bench: Bench) -> dict[str, float]:
    """The same over slurmrestd: its own interface with one connection kept, and `Engine.submit`."""
    rest = Rest(bench.case.rest_url, token_file(bench.case.rest_token_file))
    engine, number = bench.engine(rest, sbatch="--hold"), bench.case.jobs // BLOCKS
    engine.submit(bench.orders(1)[0])
    options = {"output": "/dev/null", "error": "/dev/null", "chdir": "/", "nodes": "1", "time": "12", "hold": ""}
    options |= {"ntasks-per-node": "1"} | ({"partition": bench.case.partition} if bench.case.partition else {})

    def bare() -> None:
        for _ in range(number):
            rest.submit(Ask(name=f"bench-{os.getpid()}-bare", script="#!/bin/sh\ntrue\n", options=options))

    def grid() -> None:
        for order in bench.orders(number):
            engine.submit(order)

    try:
        times, theirs, ratio = in_turn(grid, bare)
    finally:
        rest.close()
    return {"rest_submit_per_s": number / times, "bare_rest_submit_per_s": number / theirs, "rest_submit_ratio": ratio}


def arrays(bench: Bench, cluster: Cluster) -> dict[str, float]:
    """Time of one array of equal jobs: one sbatch, and `submit_array`."""
    engine = bench.engine(cluster, sbatch="--hold")
    engine.submit(bench.orders(1)[0])
    orders = iter([bench.orders(bench.case.array) for _ in range(BLOCKS)])

    def bare() -> None:
        name = f"--job-name=bench-{os.getpid()}-bare"
        command = bench.sbatch("--hold", name, f"--array=0-{bench.case.array - 1}")
        subprocess.run(
            command, check=True, env=bench.environment(), input=b"#!/bin/sh\ntrue\n", stdout=subprocess.DEVNULL
        )

    times, theirs, ratio = in_turn(lambda: engine.submit_array(next(orders)), bare)
    return {"array_s": times, "bare_array_s": theirs, "array_ratio": ratio}


def in_turn(grid: Callable[[], None], bare: Callable[[], None]) -> tuple[float, float, float]:
    """Median seconds of both over BLOCKS turns, and the median of bare / grid within a turn."""
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(BLOCKS):
        for mine in (True, False) if turn % 2 else (False, True):
            began = time.perf_counter()
            (grid if mine else bare)()
            (ours if mine else theirs).append(time.perf_counter() - began)
    return median(ours), median(theirs), median(b / a for a, b in zip(ours, theirs, strict=True))


def in_flight(bench: Bench, cluster: Cluster) -> dict[str, float]:
    """What it costs to observe many held jobs once a second."""
    engine, orders = bench.engine(cluster, sbatch="--hold"), bench.orders(bench.case.in_flight)
    for i in range(0, len(orders), bench.case.array):
        engine.submit_array(orders[i : i + bench.case.array])
    ids = [order.id for order in orders]
    engine.observe(ids)
    began, spent, asked = time.monotonic(), _spent(), 0
    while time.monotonic() - began < bench.case.seconds:
        seen = engine.observe(ids)
        asked += 1
        if any(one.state is not OrderState.PENDING for one in seen):
            raise RuntimeError("held jobs did not stay pending")
        time.sleep(1.0)
    share = (_spent() - spent) / (time.monotonic() - began)
    return {
        "observed_jobs": float(len(ids)),
        "observe_share": share,
        "observe_memory_mb": _memory_mb(),
        "observed": float(asked),
    }


def starts(bench: Bench, cluster: Cluster) -> dict[str, float]:
    """Median time from submission to start, bare and through the engine, and until the start is seen."""
    engine, mark = bench.engine(cluster), bench.root / "mark"
    clock, bare, grid, seen = SystemClock(), [], [], []
    script = f"#!/bin/sh\ndate +%s.%N > {mark}.part && mv {mark}.part {mark}\n".encode()
    for order in bench.orders(STARTS):
        mark.unlink(missing_ok=True)
        began = clock.now().timestamp()
        name = f"--job-name=bench-{os.getpid()}-bare"
        subprocess.run(bench.sbatch(name), check=True, env=bench.environment(), input=script, stdout=subprocess.DEVNULL)
        while not mark.exists():
            time.sleep(0.01)
        bare.append(float(mark.read_text()) - began)
        began = clock.now().timestamp()
        engine.submit(order)
        while (observation := engine.observe([order.id])[0]).started is None:
            time.sleep(0.02)
        seen.append(clock.now().timestamp() - began)
        grid.append(observation.started.timestamp() - began)
    return {"start_s": median(grid), "bare_start_s": median(bare), "seen_started_s": median(seen)}


def _spent() -> float:
    """Processor time of this process and of the commands that ended, s."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def _memory_mb() -> float:
    """Resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
