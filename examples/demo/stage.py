"""The demo's stage: a card with the speed of this machine, a clock that makes hours of seconds, a temporary home."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from suanwang.adapters.catalog import load_catalog

HERE = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
CARD = "demo-card"
PLAYED = "ascend-910b3"
ORIGIN = "2026-11-23T11:00+08:00"
"""A Monday: in Ningxia power is in its valley (9-17 h), in Guizhou at its peak until 13 h."""
STEPS_AN_HOUR = 260
"""Training steps in an hour of the grid: so the plan is the same on a quick machine and on a slow one."""
HOUR_S_LEAST, HOUR_S_MOST = 1.5, 15.0


@dataclass(frozen=True)
class Speeds:
    """What `measure.py` found, per second of the wall."""

    flops_per_s: float
    memory_bytes_per_s: float
    step_s: float
    memory_bytes: float

    @property
    def hour_s(self) -> float:
        """Seconds of the wall that an hour of the grid takes."""
        return min(max(STEPS_AN_HOUR * self.step_s, HOUR_S_LEAST), HOUR_S_MOST)

    @property
    def clock_speed(self) -> float:
        return 3600 / self.hour_s


def measure() -> Speeds:
    """In a process of its own, on one thread, as the workloads run."""
    program = [sys.executable, str(HERE / "measure.py")]
    found = subprocess.run(program, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=True, timeout=60)
    return Speeds(**json.loads(found.stdout))


def write_overlay(folder: Path, speeds: Speeds) -> None:
    """The card's row of the catalog. Speeds are per second of the grid's clock, so that plans and meters agree."""
    folder.mkdir(parents=True)
    row = {
        "id": CARD,
        "vendor": "this machine",
        "name": "One thread of this machine",
        "kind": "cpu",
        "peak_fp32_tflops": f"{speeds.flops_per_s / speeds.clock_speed / 1e12:.9f}",
        "memory_gb": f"{speeds.memory_bytes / 1e9:.3f}",
        "memory_gb_per_s": f"{speeds.memory_bytes_per_s / speeds.clock_speed / 1e9:.9f}",
        "power_w": f"{load_catalog().accelerator(PLAYED).power_or_raise():g}",
        "source": f"speed: measured by the demo, per second of its clock; power: that of {PLAYED}, which it plays",
        "date": "undated",
        "confidence": "measured",
    }
    with (folder / "accelerators.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(row))
        table.writeheader()
        table.writerow(row)


@contextmanager
def staged(speeds: Speeds, keep: Path | None) -> Iterator[Mapping[str, str]]:
    """The environment of the demo's grid. Its home is removed at the end unless it is to be kept.

    Programs find this interpreter as `python`: the local engine passes this process's PATH on.
    """
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    with TemporaryDirectory(prefix="suanwang-demo-", ignore_cleanup_errors=True) as temporary:
        home = (keep or Path(temporary)).absolute()
        write_overlay(home / "catalog", speeds)
        yield {
            "SUANWANG_HOME": str(home),
            "SUANWANG_CATALOG": str(home / "catalog"),
            "SUANWANG_GRID": str(HERE / "grid.yaml"),
            "SUANWANG_TENANT": "lab",
            "SUANWANG_CLOCK_SPEED": repr(speeds.clock_speed),
            "SUANWANG_CLOCK_ORIGIN": ORIGIN,
        }
