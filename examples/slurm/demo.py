"""Three real Slurm clusters as three sites, an agent each, one hub; 300 mixed jobs while things are killed.

    python examples/slurm/demo.py [--jobs 300] [--port 17000] [--keep FOLDER]

Needs root and Slurm's packages (see tools/slurm_clusters.py). Accelerators are fake devices: what is shown is the way
of the jobs, the money and the faults, not computing. The exit status is 0 only when hub and Slurm agree on every job.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # for tools/

from jobs import Planned, plan
from outcome import show
from stage import Stage

from suanwang.bootstrap import House, open_house
from suanwang.domain.job import Job, JobState
from suanwang.domain.money import Money
from suanwang.schemas.workload import read_workload
from suanwang.service.submit import cancel, submit
from suanwang.service.tenants import pay_in
from tools.slurm_clusters import PATHS

NEEDED = ("slurmctld", "slurmd", "munged", "sbatch")
SEED = 1
PATIENCE_S = 900.0
CONTROLLER_DOWN_S = 8.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the show; 0 when all agreed, 1 when not, 2 where it cannot run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=300, help="how many (300)")
    parser.add_argument("--port", type=int, default=17000, help="first port that Slurm may take (17000)")
    parser.add_argument("--keep", default="", help="folder that stays, with every log")
    wanted = parser.parse_args(arguments)
    lacking = [name for name in NEEDED if shutil.which(name, path=PATHS) is None]
    if lacking or os.geteuid() != 0:
        why = f"{', '.join(lacking)} not found" if lacking else "not root"
        print(f"This show needs Slurm and root: {why}. Debian: apt-get install slurmctld slurmd slurm-client munge")
        return 2
    root = Path(wanted.keep or tempfile.mkdtemp(prefix="suanwang-slurm-")).absolute()
    root.mkdir(parents=True, exist_ok=True)
    stage = Stage(root, wanted.port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _play(stage, plan(wanted.jobs, SEED))
    except KeyboardInterrupt:
        print("Ending everything that was started …")
        return 130
    finally:
        stage.end()
        if not wanted.keep:
            shutil.rmtree(root, ignore_errors=True)


def _play(stage: Stage, planned: Sequence[Planned]) -> int:
    began = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    stage.start_clusters()
    tell("3 Slurm clusters answer, 2 nodes with 64 fake accelerators each")
    house = open_house(stage.environment)
    try:
        stage.give_tokens(house)
        pay_in(house.hub, "lab", Money.parse("100000", "CNY"), "first")
        stage.start_hub()
        for cluster in stage.clusters.clusters:
            stage.start_agent(cluster)
        tell("the hub serves; an agent of each site calls it")
        for job in planned:
            now = house.hub.clock.now()
            workload = read_workload(job.document(), f"{job.key}.yaml", house.catalog, now, "lab", house.hub.grid)
            submit(house.hub, workload, job.key)
        tell(f"{len(planned)} jobs are submitted: {dict(Counter(job.kind for job in planned))}")
        _until_settled(stage, house, planned, tell)
        return show(stage, house, planned, time.monotonic() - began)
    finally:
        house.close()


def _until_settled(stage: Stage, house: House, planned: Sequence[Planned], tell: Callable[[str], None]) -> None:
    """Follow the jobs, cancel those that are to be, and kill one thing after another on the way."""
    to_cancel = {job.key for job in planned if job.cancel}
    faults = _faults(stage, tell)
    until, told = time.monotonic() + PATIENCE_S, -1
    while time.monotonic() < until:
        with house.store.reading() as tx:
            jobs = tx.jobs.find(limit=100_000)
        for job in jobs:
            if job.key in to_cancel and job.state is JobState.RUNNING and not job.cancel_requested:
                cancel(house.hub, job.id)
        settled = sum(job.state is JobState.SETTLED for job in jobs)
        if settled == len(planned) and not faults:
            return
        if settled // 50 != told:
            told = settled // 50
            tell(f"{settled} settled, {dict(_states(jobs))}")
        if faults and settled >= faults[0][0] * len(planned):
            faults.pop(0)[1]()
        time.sleep(0.5)
    tell(f"not all jobs came to their end: {dict(_states(jobs))}")


def _states(jobs: Sequence[Job]) -> Counter[str]:
    return Counter(job.state.value for job in jobs if job.state is not JobState.SETTLED)


def _faults(stage: Stage, tell: Callable[[str], None]) -> list[tuple[float, Callable[[], None]]]:
    """At which share of settled jobs what is killed."""

    def controller() -> None:
        tell("KILL slurmctld of guian (SIGKILL)")
        stage.clusters.kill_controller("guian")
        time.sleep(CONTROLLER_DOWN_S)
        stage.clusters.start_controller("guian")
        tell(f"slurmctld of guian is started again after {CONTROLLER_DOWN_S:.0f} s")

    def node() -> None:
        tell("KILL node zw2 of zhongwei with all that runs there")
        stage.clusters.kill_node("zhongwei", "zw2")

    def agent() -> None:
        tell("KILL agent of qingpu (SIGKILL), and start it again")
        stage.kill("agent-qingpu")
        stage.start_agent("qingpu")

    def hub() -> None:
        tell("KILL hub (SIGKILL), and start it again")
        stage.kill("hub")
        stage.start_hub()

    def node_back() -> None:
        stage.clusters.start_node("zhongwei", "zw2")
        tell("node zw2 is back")

    return [(0.05, node), (0.15, controller), (0.3, agent), (0.45, hub), (0.6, node_back)]


if __name__ == "__main__":
    sys.exit(main())
