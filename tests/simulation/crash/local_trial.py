"""The trial with the real local engine: every program is a process of this machine, and notes in a file that it ran."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.local import LocalEngine
from suanwang.adapters.engines.local_supervisor import MARK
from suanwang.domain.job import JobState
from suanwang.domain.reason import Reason
from suanwang.domain.workload import DataSet, Program
from suanwang.service.hub import Hub
from tests.simulation.crash.kills import Trial
from tests.simulation.crash.world import POOLS, Wish, database, small_world, wishes, workload
from tests.small_grid import CARD

NOTE = "echo started >> note"
"""In the order's own folder."""
PAUSE_S = 0.02


class RestlessClock(SystemClock):
    """The wall's time; an idle hub waits only as long as a quick program needs."""

    def sleep(self, grid_seconds: float) -> None:
        super().sleep(PAUSE_S)


def programs() -> Mapping[str, Wish]:
    """What runs to its end, what needs its data first, what fails, what is cancelled while it runs, what the engine
    refuses, what none can pay."""

    def wish(name: str, script: str, pool_id: str = "east", **rest: Any) -> Wish:
        program = Program(command=("sh", "-c", f"{NOTE}; {script}"))
        return Wish(workload=replace(workload(name, pool_id, 0.1), program=program), **rest)

    refused = wish("refused", "true", outcome=JobState.FAILED, reason=Reason.ENGINE_REFUSED, starts=0)
    assert refused.workload.program is not None
    nowhere = replace(refused.workload.program, directory="not/absolute")
    paid = wish("paid", "true", outcome=JobState.SUCCEEDED)
    brings = wish("brings", 'cmp "$SUANWANG_DATA_DIR/this" ' + __file__, "west", outcome=JobState.SUCCEEDED)
    this = DataSet(name="this", at="b", size_bytes=1e3, uri=Path(__file__).as_uri())
    return {
        "brings": replace(brings, workload=replace(brings.workload, data=(this,))),
        "paid": replace(paid, workload=replace(paid.workload, vouchers=("help",))),
        "fails": wish("fails", "exit 3", outcome=JobState.FAILED, reason=Reason.EXIT_NONZERO),
        "stop": wish(
            "stop",
            "exec sleep 600",
            cancel_in=JobState.RUNNING,
            outcome=JobState.CANCELLED,
            reason=Reason.CANCELLED_BY_TENANT,
        ),
        "refused": replace(refused, workload=replace(refused.workload, program=nowhere)),
        "poor": wishes()["poor"],
    }


def open_local(folder: Path) -> Hub:
    clock = RestlessClock()
    engine = LocalEngine(folder / "runs", POOLS, clock, grace_s=0.5)
    engines = dict.fromkeys(("east", "west"), engine)
    return Hub(store=database(folder), clock=clock, grid=small_world(), engines=engines, accelerators={CARD.id: CARD})


def noted(folder: Path) -> Counter[str]:
    """What the programs themselves wrote. One that was cancelled before it could has started all the same."""
    notes = {order.name: order / "work" / "note" for order in (folder / "runs" / "orders").glob("*")}
    lines = {name: note.read_text().count("\n") if note.exists() else 0 for name, note in notes.items()}
    return Counter({name: max(n, (notes[name].parents[1] / "started.json").exists()) for name, n in lines.items()})


def orphans(folder: Path) -> list[str]:
    """Programs and supervisors that are still there."""
    left = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get(MARK, "").startswith(str(folder)) or str(folder) in " ".join(process.cmdline())
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                left.append(f"process {process.pid} is left: {process.cmdline()}")
        except psutil.Error:
            continue
    return left


LOCAL = Trial(programs(), open_local, noted, orphans)
