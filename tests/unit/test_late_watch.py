"""The watch over a time limit that Slurm's and Ray's scripts start beside the program."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from suanwang.adapters.engines.shell import late_watch


def watch_over(program: subprocess.Popen[bytes], folder: Path, limit_s: float) -> subprocess.Popen[bytes]:
    command = ["sh", "-c", late_watch(limit_s), "late", str(folder), str(program.pid)]
    return subprocess.Popen(command, start_new_session=True)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def program() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], start_new_session=True)


def test_at_the_limit_the_mark_is_left_and_the_group_hears_term(
    tmp_path: Path, program: subprocess.Popen[bytes]
) -> None:
    watch = watch_over(program, tmp_path, 0.1)
    try:
        assert program.wait(timeout=10) == -signal.SIGTERM
        assert (tmp_path / "late").exists()
    finally:
        os.killpg(watch.pid, signal.SIGKILL)
        watch.wait()


def test_a_watch_whose_sleep_is_ended_from_outside_says_nothing(
    tmp_path: Path, program: subprocess.Popen[bytes]
) -> None:
    watch = watch_over(program, tmp_path, 60)
    try:
        until = time.monotonic() + 10
        while not (asleep := children(watch.pid)):
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(asleep[0], signal.SIGTERM)
        assert watch.wait(timeout=10) == 0
        assert not (tmp_path / "late").exists()
        assert program.poll() is None
    finally:
        program.kill()
        program.wait()
