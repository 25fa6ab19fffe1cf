"""A hub that serves takes prices of power anew while it runs, in each of its processes; one that it cannot read leaves
what it had."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.hub_process import HubProcess
from tests.hub_world import open_hub

WAIT_S = 30
SIGNALS = "      signals: {pue: {file: pue.csv, value: ratio}, power: {file: spot.csv, value: price}}\n      pue: 1.2\n"


def told(hub: HubProcess) -> dict[str, Any]:
    """The site as one of the hub's processes has it; a new connection may be another's."""
    answer = hub.http.get("/v1/sites/here", headers={"Connection": "close"})
    assert answer.status_code == 200
    return dict(answer.json())


def is_at_last(hub: HubProcess, field: str, value: float) -> bool:
    """Whether ten answers in a row come to have the value."""
    until, alike = time.monotonic() + WAIT_S, 0
    while time.monotonic() < until and alike < 10:
        alike = alike + 1 if told(hub)[field] == value else 0
        time.sleep(0.05)
    return alike == 10


def counted(hub: HubProcess, name: str) -> float:
    lines = hub.http.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}_total "))


def write(path: Path, column: str, value: float) -> None:
    start = datetime.now(UTC) - timedelta(hours=2)
    rows = [f"{(start + timedelta(hours=h)).isoformat()},{value}" for h in range(12)]
    path.write_text("\n".join([f"time,{column}", *rows]) + "\n", encoding="utf-8")


def test_a_hub_takes_new_prices_while_it_serves(tmp_path: Path) -> None:
    with open_hub(tmp_path) as world:
        spot, pue = tmp_path / "spot.csv", tmp_path / "pue.csv"
        write(spot, "price", 0.31)
        write(pue, "ratio", 1.25)
        world.home.grid.write_text(world.home.grid.read_text().replace("      pue: 1.2\n", SIGNALS, 1))
        world.home.environment["SUANWANG_SIGNALS_S"] = "0.3"
        hub = HubProcess(world, "--workers", "2")
        try:
            assert is_at_last(hub, "power_price_per_kwh", 0.31)
            write(spot, "price", 0.52)
            write(pue, "ratio", 1.4)
            assert is_at_last(hub, "power_price_per_kwh", 0.52)
            assert is_at_last(hub, "pue", 1.4)
            assert counted(hub, "suanwang_signal_reads") >= 2
            assert counted(hub, "suanwang_signal_faults") == 0
            spot.write_text("time,price\nyesterday,cheap\n")
            write(pue, "ratio", 1.3)
            assert is_at_last(hub, "pue", 1.3), "one that cannot be read keeps no other from being heard"
            assert told(hub)["power_price_per_kwh"] == 0.52
            assert counted(hub, "suanwang_signal_faults") >= 1
        finally:
            hub.gone()
