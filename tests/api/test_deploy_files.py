"""The deployment files name only what there is: options of `suanwang up`, metrics that are served."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from suanwang.interfaces.cli.up import up
from tests.hub_world import open_hub

DEPLOY = Path(__file__).parents[2] / "deploy"
METRIC = re.compile(r"\bsuanwang_[a-z_]+")


def test_the_unit_starts_the_hub_with_options_that_there_are() -> None:
    text = (DEPLOY / "suanwang.service").read_text(encoding="utf-8")
    [line] = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    program, command, *options = shlex.split(line)
    assert (Path(program).name, command) == ("suanwang", "up")
    up.make_context("up", list(options), resilient_parsing=False)


def test_chart_values_and_rules_are_yaml() -> None:
    for name in ("helm/suanwang/Chart.yaml", "helm/suanwang/values.yaml", "prometheus-alerts.yaml"):
        assert yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["prometheus-alerts.yaml", "grafana-dashboard.json"])
def test_every_metric_that_is_watched_is_served(name: str, tmp_path: Path) -> None:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        text = "\n".join(t["expr"] for panel in json.loads(text)["panels"] for t in panel["targets"])
    with open_hub(tmp_path, ticking=True) as hub:
        served = set(METRIC.findall(hub.client("auditor").get("/metrics").text))
    assert set(METRIC.findall(text)) <= served


def test_everything_says_that_it_is_unverified() -> None:
    files = [p for p in DEPLOY.rglob("*") if p.is_file()]
    assert len(files) >= 7
    assert [p.name for p in files if "nverified" not in p.read_text(encoding="utf-8")] == []
