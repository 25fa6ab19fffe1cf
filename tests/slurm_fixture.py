"""Real Slurm clusters for tests: started once a session, on ports that are free; see tools/slurm_clusters.py."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tools.slurm_clusters import PATHS, THREE, Cluster, SlurmClusters, free_ports

PROGRAMS = ("slurmctld", "slurmd", "munged", "slurmrestd")


@pytest.fixture(scope="session")
def slurm_clusters() -> Iterator[SlurmClusters]:
    """The three clusters, with slurmrestd; without slurmdbd."""
    yield from clusters_with(Path(tempfile.mkdtemp(prefix="slurm-")), THREE, rest=True)


def clusters_with(
    root: Path, clusters: Sequence[Cluster], *, accounting: bool = False, rest: bool = False
) -> Iterator[SlurmClusters]:
    """Clusters while they are needed. Without Slurm the test is left out, or fails where it is required."""
    wanted = [*PROGRAMS, *(("slurmdbd", "mariadbd") if accounting else ())]
    lacking = [name for name in wanted if shutil.which(name, path=PATHS) is None]
    why = (
        f"Slurm is not installed ({', '.join(lacking)})" if lacking else "" if os.geteuid() == 0 else "Slurm needs root"
    )
    if why and os.environ.get("SUANWANG_REQUIRE_INTEGRATION") == "1":
        pytest.fail(f"{why}, and SUANWANG_REQUIRE_INTEGRATION=1 asks for it")
    if why:
        pytest.skip(why)
    made = SlurmClusters(root, free_ports(), clusters, accounting=accounting, rest=rest)
    try:
        made.start()
        yield made
    finally:
        made.wipe()
