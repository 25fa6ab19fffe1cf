"""More processes that serve a hub's address beside the one that ticks: an interpreter uses one processor.

Each is a hub of its own on the same database, and listens on the same port; the system shares new connections out. A
worker ends when its standard input does, so that none outlives the process that started it; one that dies is replaced.
"""

import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import click

from suanwang.bootstrap import open_house
from suanwang.interfaces.api.serve import GRACE_S, listen, serve
from suanwang.interfaces.serving.logs import log_to_stderr
from suanwang.interfaces.serving.served import Board, Served

log = logging.getLogger("suanwang.workers")
LOOK_S = 0.5
"""How often it is looked whether all are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a worker is told: where to listen, on which grid, and its row of the board."""

    host: str
    port: int
    grid: str
    board: str
    rows: int
    number: int
    log_level: str


class Workers:
    """`count` further processes, as long as the block lasts. `served`: the counters of this process, row 0."""

    def __init__(self, count: int, host: str, port: int, grid: str, log_level: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="suanwang-")
        board = Path(self._folder.name) / "board"
        self.served = Served(Board(board, count + 1), 0)
        self._tasks = [
            Task(host=host, port=port, grid=grid, board=str(board), rows=count + 1, number=n, log_level=log_level)
            for n in range(1, count + 1)
        ]
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._keep, name="workers", daemon=True)

    def __enter__(self) -> Self:
        for task in self._tasks:
            self._processes[task.number] = _start(task)
        for process in self._processes.values():
            assert process.stdout is not None
            process.stdout.readline()  # it listens, or it has ended
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._watch.join()
        _end(list(self._processes.values()))
        self._folder.cleanup()

    def _keep(self) -> None:
        while not self._stop.wait(LOOK_S):
            for task in self._tasks:
                process = self._processes[task.number]
                if process.poll() is not None:
                    log.error("worker %d ended with %d; another takes its place", task.number, process.returncode)
                    _end([process])
                    self._processes[task.number] = _start(task)


def _start(task: Task) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", __name__, json.dumps(asdict(task))]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def _end(processes: Sequence["subprocess.Popen[str]"]) -> None:
    """Ask all, then wait; open requests are answered first."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        try:
            process.wait(GRACE_S + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def work(task: Task) -> None:
    """Be a worker until standard input ends."""
    log_to_stderr(task.log_level.upper())
    with listen(task.host, task.port, shared=True) as listener, open_house(grid=task.grid) as house:
        served = Served(Board(Path(task.board), task.rows), task.number)
        serve(house, listener, lambda: click.echo("ready"), ticking=False, served=served, until=sys.stdin)


if __name__ == "__main__":
    work(Task(**json.loads(sys.argv[1])))
