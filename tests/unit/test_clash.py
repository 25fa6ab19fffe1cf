"""Limits that leave a workload no pool are named, with what leaving them out would cost."""

import json
from pathlib import Path

import pytest

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.workload import Demand, Limits, Workload
from suanwang.interfaces.cli.main import main
from suanwang.service.clash import clashes
from suanwang.service.hub import Hub
from tests.small_grid import CARD, MONDAY, SHANGHAI_CITY, cny, grid, hour, pool, site, workload


def hub() -> Hub:
    sites = [site("near", latitude=31.2, longitude=121.4, province="CN-SH"), site("far", province="CN-GZ")]
    plan = grid(sites, [pool("n", "near"), pool("f", "far")], cities=(SHANGHAI_CITY,))
    return Hub(store=MemoryStore(), clock=ManualClock(MONDAY), grid=plan, engines={}, accelerators={CARD.id: CARD})


def named(asked: Workload) -> set[tuple[tuple[str, ...], str]]:
    return {(found.limits, found.pool_id) for found in clashes(hub(), asked)}


def test_two_limits_that_clash_are_both_named() -> None:
    asked = workload(requires={"province": ("CN-GZ",)}, limits=Limits(city="shanghai", latency_ms_max=5.0))
    assert named(asked) == {(("latency",), "f"), (("requires.province",), "n")}


def test_a_limit_that_nothing_keeps_is_named_alone() -> None:
    assert {limits for limits, _ in named(workload(limits=Limits(budget=cny("0"))))} == {("budget",)}
    late = workload(limits=Limits(earliest_start=hour(1), deadline=hour(1.0001)), demand=Demand(count=1))
    assert ("deadline",) in {limits for limits, _ in named(late)}


def test_pairs_are_named_where_no_single_one_is_enough() -> None:
    asked = workload(requires={"province": ("CN-XX",)}, demand=Demand(vendors=("nobody",)))
    assert {limits for limits, _ in named(asked)} == {("requires.province", "accelerators.vendors")}


def test_they_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SUANWANG_HOME", str(tmp_path / "home"))
    text = Path("examples/workloads/serve-8b.yaml").read_text()
    (tmp_path / "w.yaml").write_text(text.rstrip() + "\n  requires: {province: CN-GZ}\n")
    common = ["place", str(tmp_path / "w.yaml"), "--grid", "examples/grids/three-hubs.yaml"]
    assert main([*common, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["clashes"]
    assert [found["limits"] for found in told] == [["latency"], ["requires.province"]]
    assert main(common) == 1
    assert "Without requires.province, qingpu-a800" in capsys.readouterr().out
