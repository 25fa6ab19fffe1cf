"""The Slurm engine beyond its contract: arrays, lost answers and jobs, requeues, gangs, outages, options."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.slurm import open_engines
from suanwang.adapters.engines.slurm.cluster import Ask, Row, unreachable
from suanwang.adapters.engines.slurm.commands import Commands
from suanwang.adapters.engines.slurm.engine import SlurmEngine
from suanwang.domain.order import Capacity, EndCause, Order, OrderState
from suanwang.errors import InvalidInput, Never, NotNow
from suanwang.settings import read_settings
from tests.contract.engine_rig import POOL
from tests.contract.slurm_rig import SITE, SlurmRig, slurm_pools
from tools.slurm_clusters import SlurmClusters

pytestmark = pytest.mark.integration


class UniqueRig(SlurmRig):
    """Names of orders differ between tests, as these look jobs up by their name."""

    def order(self, *command: str, environment: Mapping[str, str] | None = None) -> Order:
        made = super().order(*command, environment=environment)
        self.submitted[-1] = f"{made.id}-{uuid4().hex[:8]}"
        return replace(made, id=self.submitted[-1])


@pytest.fixture
def rig(slurm_clusters: SlurmClusters, tmp_path: Path) -> Iterator[SlurmRig]:
    made = UniqueRig(tmp_path, slurm_clusters)
    yield made
    made.close()


def jobs(rig: SlurmRig, name: str) -> list[Row]:
    return rig.cluster().named(name)


def test_equal_orders_are_one_array_and_each_has_its_own_end(rig: SlurmRig) -> None:
    script = 'echo "$SUANWANG_JOB_ID"; exit "${SUANWANG_JOB_ID#job-}"'
    orders = [replace(rig.order("sh", "-c", script), job_id=f"job-{i}") for i in range(5)]
    rig.engine.submit_array(orders)
    rig.engine.submit_array(orders)
    rig.engine.submit(orders[2])
    ends = [rig.wait(order.id) for order in orders]
    assert [end.exit_code for end in ends] == list(range(5))
    assert [rig.engine.logs(order.id) for order in orders] == [f"job-{i}\n".encode() for i in range(5)]
    assert len({end.evidence["job"].partition("_")[0] for end in ends}) == 1
    assert [end.evidence["job"].partition("_")[2] for end in ends] == list("01234")


def test_an_array_that_does_not_fit_is_not_begun(rig: SlurmRig) -> None:
    with pytest.raises(NotNow) as full:
        rig.engine.submit_array([replace(rig.runs(), accelerators=3) for _ in range(3)])
    assert full.value.code == "engine-full"
    assert {rig.see(order_id).state for order_id in rig.submitted} == {OrderState.UNKNOWN}


class Deaf(Commands):
    """Slurm takes the job, and its answer is lost."""

    def submit(self, ask: Ask) -> str:
        super().submit(ask)
        raise unreachable("the answer was lost")


class Stammering(Commands):
    """Submits everything twice."""

    def submit(self, ask: Ask) -> str:
        super().submit(ask)
        return super().submit(ask)


def test_a_job_whose_answer_was_lost_is_found_by_its_name(rig: SlurmRig) -> None:
    deaf = Deaf(str(rig.clusters.conf(SITE)))
    engine = SlurmEngine(rig.folder / "root", deaf, slurm_pools(), SystemClock(), poll_share=0.5)
    order = rig.exits(3)
    with pytest.raises(NotNow):
        engine.submit(order)
    rig.engine = engine
    engine.submit(order)
    assert rig.wait(order.id).exit_code == 3
    assert len(jobs(rig, order.id)) == 1


def test_a_job_that_was_submitted_twice_runs_once(rig: SlurmRig) -> None:
    order = rig.order("sh", "-c", f"echo once >> {rig.folder}/tally; sleep 0.5")
    rig.engine = SlurmEngine(
        rig.folder / "root", Stammering(str(rig.clusters.conf(SITE))), slurm_pools(), SystemClock(), poll_share=0.5
    )
    rig.engine.submit(order)
    end = rig.wait(order.id)
    assert (end.cause, end.exit_code) == (EndCause.EXITED, 0)
    while not all(row.over for row in jobs(rig, order.id)):
        rig.pause()
    assert len(jobs(rig, order.id)) == 2
    assert (rig.folder / "tally").read_text() == "once\n"


def test_a_job_that_slurmctld_lost_before_it_began_is_sent_again(rig: SlurmRig) -> None:
    order = rig.exits(3)
    real = rig.cluster()

    class Forgetful(Commands):
        lost = 1

        def submit(self, ask: Ask) -> str:
            if self.lost:
                self.lost -= 1
                return "999999"  # slurmctld died before it had written the job down
            return super().submit(ask)

    rig.engine = SlurmEngine(
        rig.folder / "root", Forgetful(str(rig.clusters.conf(SITE))), slurm_pools(), SystemClock(), poll_share=0.5
    )
    rig.engine.submit(order)
    end = rig.wait(order.id)
    assert (end.cause, end.exit_code) == (EndCause.EXITED, 3)
    assert len(real.named(order.id)) == 1


def test_another_process_takes_up_where_one_was_killed(rig: SlurmRig) -> None:
    order = rig.runs()
    rig.engine.submit(order)
    started = rig.wait(order.id, OrderState.RUNNING).started
    rig.engine = SlurmEngine(rig.folder / "root", rig.cluster(), slurm_pools(), SystemClock(), poll_share=0.5)
    assert rig.wait(order.id, OrderState.RUNNING).started == started
    assert rig.engine.capacity(POOL).free == 7
    rig.engine.cancel(order.id)
    assert rig.wait(order.id).cause is EndCause.CANCELLED


def test_a_new_attempt_waits_until_the_old_one_is_gone(rig: SlurmRig) -> None:
    stubborn = f"trap 'sleep 1; echo old >> {rig.folder}/tally; exit' TERM; echo up; while :; do sleep 0.1; done"
    first = rig.order("sh", "-c", stubborn)
    rig.engine.submit(first)
    rig.wait(first.id, OrderState.RUNNING)
    while b"up" not in rig.engine.logs(first.id):
        rig.pause()
    second = replace(rig.order("sh", "-c", f"echo new >> {rig.folder}/tally"), job_id=first.job_id, attempt=2, fence=2)
    rig.engine.submit(second)
    assert rig.wait(second.id).exit_code == 0
    assert (rig.folder / "tally").read_text() == "old\nnew\n"


def test_a_requeued_job_does_not_run_its_program_twice(rig: SlurmRig) -> None:
    order = rig.order("sh", "-c", f"echo once >> {rig.folder}/tally; sleep 600")
    rig.engine = SlurmEngine(
        rig.folder / "root", rig.cluster(), slurm_pools(sbatch="--requeue"), SystemClock(), poll_share=0.5
    )
    rig.engine.submit(order)
    job = rig.wait(order.id, OrderState.RUNNING).evidence["job"]
    while not (rig.folder / "tally").exists():
        rig.pause()
    rig.clusters.run(SITE, "scontrol", "requeue", job)
    end = rig.wait(order.id)
    assert end.cause in (EndCause.LOST, EndCause.SIGNALLED)  # as it was seen between its two lives, or after
    while not all(row.over for row in jobs(rig, order.id)):
        rig.pause()
    assert (rig.folder / "tally").read_text() == "once\n"


def test_a_job_that_never_began_has_no_start(rig: SlurmRig) -> None:
    rig.engine = SlurmEngine(
        rig.folder / "root", rig.cluster(), slurm_pools(sbatch="--hold"), SystemClock(), poll_share=0.5
    )
    order = rig.runs()
    rig.engine.submit(order)
    rig.wait(order.id, OrderState.PENDING)
    rig.clusters.run(SITE, "scancel", "--name", order.id)
    end = rig.wait(order.id)
    assert (end.cause, end.started, end.exit_code) == (EndCause.CANCELLED, None, None)


def test_billed_times_are_slurms_within_a_second(rig: SlurmRig) -> None:
    order = rig.order("sleep", "1.2")
    end = rig.run(order)
    account = rig.cluster().accounts([end.evidence["job"]])[end.evidence["job"]].row
    assert end.started is not None
    assert end.ended is not None
    assert account.start is not None
    assert account.end is not None
    assert 0 <= end.started.timestamp() - account.start < 1
    assert 0 <= end.ended.timestamp() - account.end < 1
    assert end.cpu_s is not None


def test_a_gang_runs_on_every_node_and_knows_its_head(rig: SlurmRig) -> None:
    wide = [replace(p, pool=replace(p.pool, nodes=2)) for p in slurm_pools()]
    rig.engine = SlurmEngine(rig.folder / "root", rig.cluster(), wide, SystemClock(), poll_share=0.5)
    shown = "$SLURM_PROCID $SLURM_NODEID $SUANWANG_HEAD $SUANWANG_NODES $SLURM_GPUS_ON_NODE"
    script = f"echo {shown}; exit $((SLURM_PROCID * 5))"
    order = replace(rig.order("sh", "-c", script), accelerators=16)
    end = rig.run(order)
    assert end.exit_code == 5
    lines = [
        line for line in rig.engine.logs(order.id).decode().splitlines() if not line.startswith(("srun:", "slurmstepd"))
    ]
    assert sorted(lines) == ["0 0 ga1 2 8", "1 1 ga1 2 8"]
    with pytest.raises(Never, match="spread evenly"):
        rig.engine.submit(replace(rig.runs(), accelerators=11))


def test_a_vendors_variable_names_the_devices(rig: SlurmRig) -> None:
    huawei = [
        replace(p, pool=replace(p.pool, accelerator=replace(p.pool.accelerator, vendor="Huawei")))
        for p in slurm_pools()
    ]
    rig.engine = SlurmEngine(rig.folder / "root", rig.cluster(), huawei, SystemClock(), poll_share=0.5)
    order = replace(rig.order("sh", "-c", "echo $ASCEND_RT_VISIBLE_DEVICES"), accelerators=3)
    rig.run(order)
    devices = rig.engine.logs(order.id).decode().strip().split(",")
    assert len(devices) == 3
    assert {int(device) for device in devices} <= set(range(8))


def test_what_slurm_refuses_was_never_taken(rig: SlurmRig) -> None:
    nowhere = replace(rig.runs(), queue="no-such-partition")
    with pytest.raises(Never, match="partition") as refused:
        rig.engine.submit(nowhere)
    assert refused.value.code == "engine-refused"
    assert rig.see(nowhere.id).state is OrderState.UNKNOWN
    rig.engine.submit(replace(nowhere, queue="main"))
    rig.wait(nowhere.id, OrderState.RUNNING)


def test_drains_and_reservations_are_outages(rig: SlurmRig) -> None:
    clusters = rig.clusters
    wide = [replace(p, pool=replace(p.pool, nodes=2)) for p in slurm_pools()]

    def capacity() -> Capacity:
        engine = SlurmEngine(rig.folder / "other", rig.cluster(), wide, SystemClock())
        return engine.capacity(POOL)

    assert capacity().accelerators == 16
    clusters.run(SITE, "scontrol", "update", "nodename=ga2", "state=drain", "reason=fans")
    clusters.run(
        SITE, "scontrol", "create", "reservation=upkeep", "starttime=now+1hour", "duration=60", "nodes=ga1",
        "users=root", "flags=maint",
    )  # fmt: skip
    try:
        seen = capacity()
        assert (seen.accelerators, seen.free) == (8, 8)
        drain, upkeep = seen.outages
        assert (drain.accelerators, drain.end) == (8, None)
        assert "fans" in drain.why
        assert (upkeep.accelerators, upkeep.why) == (8, "upkeep")
        assert upkeep.end is not None
        assert (upkeep.end - upkeep.start).total_seconds() == 3600
    finally:
        clusters.run(SITE, "scontrol", "delete", "reservation=upkeep")
        clusters.run(SITE, "scontrol", "update", "nodename=ga2", "state=resume")


def test_other_peoples_jobs_take_room(rig: SlurmRig) -> None:
    theirs = "sbatch --parsable --gres=gpu:ascend910b:8 --nodes=2 --ntasks-per-node=1 --output=/dev/null --wrap"
    job = rig.clusters.run(SITE, *theirs.split(), "sleep 60").strip()
    try:
        while "R" not in rig.clusters.run(SITE, "squeue", "-h", "-j", job, "-o", "%t"):
            time.sleep(0.05)
        capacity = rig.engine.capacity(POOL)
        assert (capacity.accelerators, capacity.free) == (8, 0)
    finally:
        rig.clusters.run(SITE, "scancel", job)


def test_wrong_options_are_told_all_at_once(tmp_path: Path) -> None:
    (pool, _) = slurm_pools()
    wrong = replace(pool.pool, options={"gress": "gpu", "cpus": "many", "containers": "docker"})
    settings = read_settings({"SUANWANG_HOME": str(tmp_path)})
    with pytest.raises(InvalidInput) as found:
        open_engines([wrong], settings, SystemClock())
    assert {p.place for p in found.value.problems} == {
        f"grid.pools[{POOL}].options.{name}" for name in ("gress", "cpus", "containers")
    }


def test_an_image_runs_in_the_sites_container_program(rig: SlurmRig) -> None:
    double = rig.folder / "apptainer"
    double.write_text('#!/bin/sh\necho "apptainer $*"\nshift 4\nexec "$@"\n')
    double.chmod(0o755)
    options = {"containers": "apptainer", "setup": f"PATH={rig.folder}:$PATH"}
    rig.engine = SlurmEngine(rig.folder / "root", rig.cluster(), slurm_pools(**options), SystemClock(), poll_share=0.5)
    order: Order = rig.order("echo", "inside", environment={"SUANWANG_IMAGE": "/images/torch.sif"})
    assert rig.run(order).exit_code == 0
    outer, inner = rig.engine.logs(order.id).decode().splitlines()
    assert outer == f"apptainer exec --bind {rig.folder}/root /images/torch.sif echo inside"
    assert inner == "inside"


def test_a_controller_that_is_down_does_not_answer(rig: SlurmRig) -> None:
    order = rig.order("sleep", "1")
    rig.engine.submit(order)
    rig.wait(order.id, OrderState.RUNNING)
    rig.clusters.kill_controller(SITE)
    time.sleep(0.1)
    with pytest.raises(NotNow) as silent:
        rig.wait(order.id)
    assert silent.value.code == "engine-unreachable"
    rig.clusters.start(SITE)
    assert rig.wait(order.id).exit_code == 0
