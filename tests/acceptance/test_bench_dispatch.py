"""`bench dispatch` measures a real cluster, and leaves nothing on it."""

import json
from pathlib import Path

import pytest

from suanwang.interfaces.cli.main import main
from tools.slurm_clusters import SlurmClusters


@pytest.mark.integration
def test_every_figure_is_there_and_no_job_is_left(
    slurm_clusters: SlurmClusters, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text(slurm_clusters.token("zhongwei"))
    where = ["--conf", str(slurm_clusters.conf("zhongwei")), "--rest-url", slurm_clusters.rest_url("zhongwei")]
    how = [
        "--rest-token-file",
        str(token),
        "--jobs",
        "5",
        "--array",
        "20",
        "--in-flight",
        "50",
        "--seconds",
        "1",
        "--json",
    ]
    assert main(["bench", "dispatch", *where, *how]) == 0
    shown = json.loads(capsys.readouterr().out)
    figures = {name: value for name, value in shown.items() if name != "engine"}
    assert {"submit_ratio", "rest_submit_ratio", "array_ratio", "observe_share", "start_s"} <= set(figures)
    assert all(value > 0 for value in figures.values())
    assert slurm_clusters.run("zhongwei", "squeue", "-h") == ""
