"""What more capacity is worth, and what new work costs at the prices of what waits."""

import json
from pathlib import Path

import pytest

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.site import Tenant
from suanwang.domain.workload import Batch, Demand, Limits, Program, Workload
from suanwang.interfaces.cli.main import main
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.hub import Hub
from suanwang.service.pricing import prices
from suanwang.service.submit import submit
from suanwang.service.tenants import open_accounts
from suanwang.service.tick import tick
from suanwang.service.worth import quote_at_prices, worth_of_pool
from tests.small_grid import CARD, MONDAY, cny, grid, hour, pool, site, workload

HOURS = 30


def wanted(name: str, hours: float, count: int = 32, until: float = 30) -> Workload:
    """Cheap power is from hour 16 to 24: the night of the site."""
    task = Batch(dtype="bf16", duration_s=hours * 3600, duration_accelerator=CARD.id, duration_accelerators=count)
    program = Program(command=("x",), environment={"SUANWANG_SIM_DURATION": str(hours * 3600)})
    limits = Limits(time_limit_s=hours * 3600, earliest_start=hour(14), deadline=hour(until))
    return workload(name=name, task=task, demand=Demand(count=count), limits=limits, program=program)


def hub_with(jobs: int) -> Hub:
    clock = ManualClock(MONDAY)
    tenant = Tenant(id="me", name="Me", credit_limit=cny("100000"))
    plan = grid([site("a")], [pool("p", "a")], tenants=(tenant,))
    engine = SimulatedEngine({"p": 32}, clock)
    hub = Hub(store=MemoryStore(), clock=clock, grid=plan, engines={"p": engine}, accelerators={CARD.id: CARD})
    open_accounts(hub)
    for number in range(jobs):
        submit(hub, wanted(f"w{number}", 6), str(number))
        tick(hub, FirstComeFirstServed())
    return hub


def test_one_more_pool_saves_what_the_second_pays_for_the_day() -> None:
    """Both want the night; one more pool lets both have it, and the prices allow for at least that."""
    worth = worth_of_pool(hub_with(2), "p", HOURS)
    assert worth.accelerators == 32
    assert cny("1") < worth.saved <= worth.at_most
    assert worth_of_pool(hub_with(1), "p", HOURS).saved == cny("0")


def test_a_quote_at_the_prices_holds_what_it_makes_others_pay() -> None:
    hub = hub_with(2)
    congestion = prices(hub, HOURS).congestion[0]
    assert congestion[16:24].max() > 0
    new = wanted("new", 2, count=8, until=23)
    found = quote_at_prices(hub, new, HOURS)
    alone = quote_at_prices(hub_with(0), new, HOURS)
    assert found is not None
    assert alone is not None
    assert alone.congestion == cny("0")
    assert alone.start >= hour(16)
    begin = (found.start - MONDAY).total_seconds() / 3600
    asked = sum(congestion[t] * max(0.0, min(begin + 2, t + 1) - max(begin, t)) for t in range(HOURS)) * 8
    assert float(found.congestion.decimal) == pytest.approx(asked, abs=1e-3)
    assert found.own + found.congestion >= alone.own
    assert quote_at_prices(hub, wanted("huge", 2, count=64), HOURS) is None


def test_both_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SUANWANG_HOME", str(tmp_path))
    common = ["prices", "--grid", "examples/grids/three-hubs.yaml", "--hours", "48"]
    asked = ["--one-more", "guian-910b3", "--quote", "examples/workloads/finetune-8b-lora.yaml"]
    assert main([*common, *asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["worth"]["accelerators"] == 256
    assert float(told["quote"]["congestion"]["amount"]) == 0
    assert main([*common, *asked]) == 0
    assert "accelerators more in guian-910b3" in capsys.readouterr().out
    assert main([*common, "--one-more", "none"]) == 1
