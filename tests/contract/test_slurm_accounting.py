"""The Slurm engine on a cluster with slurmdbd: usage from its books, also when slurmctld has forgotten a job."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.slurm.cluster import Account, Cluster, Row
from suanwang.adapters.engines.slurm.commands import Commands
from suanwang.adapters.engines.slurm.engine import SlurmEngine
from suanwang.adapters.engines.slurm.rest import Rest
from suanwang.domain.order import EndCause
from tests.contract.slurm_rig import SITE, SlurmRig, slurm_pools
from tests.slurm_fixture import clusters_with
from tools.slurm_clusters import THREE, SlurmClusters

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def kept() -> Iterator[SlurmClusters]:
    """One cluster, with slurmdbd and slurmrestd."""
    root = Path(tempfile.mkdtemp(prefix="slurm-"))
    yield from clusters_with(root, THREE[:1], accounting=True, rest=True)


def wait_for_books(rig: SlurmRig, cluster: Cluster, job: str) -> Account:
    """slurmctld tells slurmdbd what it has to tell in batches."""
    for _ in range(1000):
        found = cluster.books([job])
        if job in found and found[job].row.name in rig.submitted:
            return found[job]
        rig.pause()
    raise AssertionError(f"job {job} did not come to the books")


def test_usage_is_that_of_slurms_books(kept: SlurmClusters, tmp_path: Path) -> None:
    rig = SlurmRig(tmp_path, kept)
    burn = "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done; sleep 1; exit 3"
    by_commands, by_rest = rig.order("sh", "-c", burn), rig.order("sh", "-c", burn)
    end = rig.run(by_commands)
    token = kept.token(SITE)
    rest = Rest(kept.rest_url(SITE), lambda: token)
    rig.engine = SlurmEngine(tmp_path / "root", rest, slurm_pools(), SystemClock(), poll_share=0.5)
    other = rig.run(by_rest)
    for seen, books in ((end, "sacct"), (other, "slurmdbd")):
        assert (seen.cause, seen.exit_code) == (EndCause.EXITED, 3)
        cluster: Cluster = Commands(str(kept.conf(SITE))) if books == "sacct" else rest
        booked = wait_for_books(rig, cluster, seen.evidence["job"])
        assert (booked.exit_code, booked.source) == ({"sacct": 3, "slurmdbd": None}[books], books)
        assert "gres/gpu=1" in booked.tres
        assert booked.row.start is not None
        assert seen.started is not None
        assert 0 <= seen.started.timestamp() - booked.row.start < 1
        assert seen.cpu_s is not None
        assert seen.energy_kwh_it is None  # no sensor: it is modelled, never 0
    rest.close()
    rig.close()


def test_a_job_that_slurmctld_forgot_is_in_the_books(kept: SlurmClusters, tmp_path: Path) -> None:
    rig = SlurmRig(tmp_path, kept)
    order = rig.exits(7)
    rig.engine.submit(order)
    commands = Commands(str(kept.conf(SITE)))
    while not all(row.over for row in commands.named(order.id)):
        rig.pause()

    class Forgetful(Commands):
        def jobs(self) -> dict[str, Row]:
            return {}

    rig.engine = SlurmEngine(
        tmp_path / "root", Forgetful(str(kept.conf(SITE))), slurm_pools(), SystemClock(), poll_share=0.5
    )
    end = rig.wait(order.id)
    assert (end.cause, end.exit_code) == (EndCause.EXITED, 7)
    rig.engine = SlurmEngine(tmp_path / "root", commands, slurm_pools(), SystemClock(), poll_share=0.5)
    assert rig.see(order.id) == end
    rig.close()
