"""Real Slurm clusters for tests: started once a session, on ports that are free; see tools/slurm_clusters.py."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.slurm_clusters import PATHS, SlurmClusters, free_ports


@pytest.fixture(scope="session")
def slurm_clusters() -> Iterator[SlurmClusters]:
    """The three clusters, with slurmrestd; without slurmdbd."""
    lacking = [
        name for name in ("slurmctld", "slurmd", "munged", "slurmrestd") if shutil.which(name, path=PATHS) is None
    ]
    why = (
        f"Slurm is not installed ({', '.join(lacking)})" if lacking else "" if os.geteuid() == 0 else "Slurm needs root"
    )
    if why and os.environ.get("SUANWANG_REQUIRE_INTEGRATION") == "1":
        pytest.fail(f"{why}, and SUANWANG_REQUIRE_INTEGRATION=1 asks for it")
    if why:
        pytest.skip(why)
    root = Path(tempfile.mkdtemp(prefix="slurm-"))
    clusters = SlurmClusters(root, free_ports(), rest=True)
    try:
        clusters.start()
        yield clusters
    finally:
        clusters.wipe()
