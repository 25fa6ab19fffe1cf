"""Replicas for a demand that changes: the curve's readers, the fleet, and the command."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.adapters.traces.requests import read_curve
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.signal import Signal
from suanwang.errors import InvalidInput
from suanwang.estimate.demand import Fleet, fleet
from suanwang.interfaces.cli.main import cli
from suanwang.interfaces.cli.terminal import Terminal

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SERVE = """apiVersion: suanwang/v1
kind: Workload
workload:
  name: chat
  kind: serve
  model: llama-3-8b
  serving: {requests_per_s: 1, input_tokens: 1000, output_tokens: 200, duration: 1 h, per_token_max: 50 ms}
"""


def steps(*rates: int) -> Signal:
    return Signal.of("requests/s", [(START + i * MINUTE, r) for i, r in enumerate(rates)], START + len(rates) * MINUTE)


def of(demand: Signal, *, hold: timedelta = timedelta(0), headroom: float = 0.0, each: float = 10.0) -> Fleet:
    return fleet(
        demand,
        demand.edges[0],
        demand.until,
        replica_requests_per_s=each,
        cards_per_replica=2,
        output_tokens=100,
        headroom=headroom,
        hold=hold,
    )


def counts(found: Fleet) -> list[tuple[int, int]]:
    """(minute, replicas) of every change."""
    pairs = zip(found.replicas.edges, found.replicas.micros, strict=True)
    return [((edge - START) // MINUTE, micro // 1_000_000) for edge, micro in pairs]


def test_replicas_follow_the_demand_and_never_go_below_one() -> None:
    found = of(steps(0, 10, 11, 40, 5))
    assert counts(found) == [(0, 1), (2, 2), (3, 4), (4, 1)]
    assert found.peak == 4
    assert found.requests == pytest.approx(66 * 60)
    assert found.following_hours == pytest.approx((1 + 1 + 2 + 4 + 1) * 2 / 60)
    assert found.fixed_hours == pytest.approx(4 * 5 * 2 / 60)
    assert found.hours_per_million_tokens(found.fixed_hours) == pytest.approx(found.fixed_hours / 396_000 * 1e6)


def test_a_replica_is_kept_for_the_hold() -> None:
    assert counts(of(steps(40, 0, 0, 0, 20, 0), hold=2 * MINUTE)) == [(0, 4), (3, 1), (4, 2)]


def test_headroom_is_room_over_the_mean() -> None:
    assert of(steps(10), headroom=0.2).peak == 2
    assert of(steps(10), headroom=0.0).peak == 1


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=30), st.integers(0, 20))
def test_there_is_always_enough_and_no_more_than_the_peak(rates: list[int], hold: int) -> None:
    demand = steps(*rates)
    if not any(rates):
        with pytest.raises(ValueError, match="request"):
            of(demand)
        return
    found = of(demand, hold=hold * MINUTE)
    for i, rate in enumerate(rates):
        assert 10 * found.replicas.at(START + i * MINUTE) >= rate
    assert found.peak == max(1, -(-max(rates) // 10))
    assert found.following_hours <= found.fixed_hours + 1e-9
    assert found.following_hours >= of(demand).following_hours - 1e-9


def test_a_trace_of_requests_is_counted_in_intervals(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.6805900,300,40\n"
        "oops,1,1\n"
        "2023-11-16 18:15:50.9951690,500,80\n"
        "2023-11-16 18:18:00,100,60\n"
    )
    found = read_curve(tmp_path / "trace.csv", MINUTE)
    assert [m / 1_000_000 for m in found.demand.micros] == pytest.approx([2 / 60, 0, 1 / 60], abs=1e-6)
    assert (found.input_tokens, found.output_tokens) == (300, 60)
    assert found.end - found.start == 3 * MINUTE
    assert (found.malformed.count, found.malformed.first[0].place.endswith("trace.csv:3")) == (1, True)


def test_a_table_of_rates_is_read_in_any_zone(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(
        "start,requests_per_s\n2026-01-01T08:00+08:00,2.5\n2026-01-01T01:00Z,nan\n2026-01-01T02:00Z,0\n"
    )
    found = read_curve(tmp_path / "table.csv", MINUTE)
    assert (found.start, found.end) == (START, START + timedelta(hours=2))
    assert found.demand.at(START) == 2.5
    assert found.malformed.count == 1


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "start,requests_per_s\n2026-01-01,3\n", "start,requests_per_s\nx,y\n"]
)
def test_a_file_without_a_demand_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(InvalidInput):
        read_curve(tmp_path / "bad.csv", MINUTE)


def run(tmp_path: Path, curve: str, *options: str, workload: str = SERVE) -> Result:
    (tmp_path / "serve.yaml").write_text(workload)
    (tmp_path / "curve.csv").write_text(curve)
    words = ["estimate", "demand", str(tmp_path / "serve.yaml"), "--curve", str(tmp_path / "curve.csv"), *options]
    return CliRunner().invoke(cli, words, obj=Terminal("en"))


CURVE = "start,requests_per_s\n2026-01-01T00:00Z,5\n2026-01-01T01:00Z,100\n2026-01-01T02:00Z,0\n"


def test_the_command_gives_replicas_hours_and_cost(tmp_path: Path) -> None:
    shown = json.loads(run(tmp_path, CURVE, "--accelerator", "h100-sxm5-80gb", "--json").stdout)
    assert shown["requests"] == 5 * 3600 + 100 * 3600
    assert shown["replicas_peak"] == max(r["replicas"] for r in shown["replicas_over_time"])
    assert shown["accelerator_hours"]["following"] < shown["accelerator_hours"]["fixed"]
    assert shown["replica"]["per_token_s"] <= 0.05
    assert shown["cost_per_million_tokens"]["fixed"] > shown["cost_per_million_tokens"]["following"] > 0


def test_the_command_refuses_what_cannot_be_served(tmp_path: Path) -> None:
    impatient = SERVE.replace("per_token_max: 50 ms", "per_token_max: 1 ms")
    assert "No replica" in run(tmp_path, CURVE, "--accelerator", "h100-sxm5-80gb", workload=impatient).stdout
    assert isinstance(run(tmp_path, CURVE, "--accelerator", "t4").exception, MissingFigure)
    assert isinstance(run(tmp_path, "x\n1\n", "--accelerator", "h100-sxm5-80gb").exception, InvalidInput)
    assert "unknown unit" in run(tmp_path, CURVE, "--accelerator", "t4", "--every", "5 parsecs").output
