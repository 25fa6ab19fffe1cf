"""`profile`: the extrapolation, and a real program that is run for a second."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.errors import InvalidInput
from suanwang.estimate.extrapolation import Seen, extrapolate
from suanwang.interfaces.cli.main import cli
from suanwang.interfaces.cli.terminal import Terminal
from tests.tiny_home import Home


def steady(rate: float, start: float = 2.0, seconds: int = 60) -> list[Seen]:
    return [Seen(start + s, rate * s) for s in range(seconds + 1)]


def test_a_steady_program_is_told_exactly() -> None:
    found = extrapolate(steady(5.0), 3000)
    assert found.rate.mid == pytest.approx(5)
    assert found.duration_s.mid == pytest.approx(2 + 3000 / 5)
    assert found.duration_s.high - found.duration_s.low < 1e-6
    assert found.start_s == 2


def test_a_slow_start_is_left_out_of_the_rate() -> None:
    seen = [Seen(s, 0.2 * s) for s in range(10)] + [Seen(10 + s, 2 + 4.0 * s) for s in range(60)]
    found = extrapolate(seen, 1e6)
    assert found.rate.mid == pytest.approx(4, rel=0.02)


def test_an_unsteady_program_has_a_wide_band() -> None:
    seen, done = [], 0.0
    for s in range(60):
        done += 2 if (s // 12) % 2 else 6
        seen.append(Seen(float(s), done))
    found = extrapolate(seen, 1e5)
    assert found.rate.low < 4 < found.rate.high
    assert found.duration_s.high > 1.2 * found.duration_s.low


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.floats(0.01, 100), min_size=9, max_size=60), st.floats(1, 1e6))
def test_the_band_holds_the_middle_and_nothing_ends_before_what_was_seen(parts: list[float], more: float) -> None:
    done, seen = 0.0, []
    for second, part in enumerate(parts):
        done += part
        seen.append(Seen(float(second + 1), done))
    found = extrapolate(seen, done + more)
    assert found.duration_s.low >= seen[-1].second
    assert found.rate.low <= found.rate.mid <= found.rate.high


def test_too_little_is_said_so() -> None:
    with pytest.raises(ValueError, match="8 are needed"):
        extrapolate(steady(1.0, seconds=5), 100)


PROGRAM = "import time\nfor i in range(10000):\n    print(f'step {i} of 10000', flush=True)\n    time.sleep(0.01)"


def run(home: Home, path: Path, *options: str) -> Result:
    words = ["profile", str(path), "--grid", str(home.grid), *options]
    return CliRunner().invoke(cli, words, obj=Terminal("en"), env=home.environment)


def test_a_program_is_run_for_a_while_and_its_whole_run_told(tmp_path: Path) -> None:
    home = Home(tmp_path)
    shown = json.loads(run(home, home.workload(PROGRAM, duration="100 s"), "--seconds", "4", "--json").stdout)
    assert (shown["pool"], shown["accelerator"], shown["accelerators"], shown["total"]) == ("toys", "toy", 1, 10000)
    assert 100 <= shown["duration_s"]["mid"] < 400  # a hundredth of a second a step at least, and a busy machine
    assert shown["duration_s"]["low"] <= shown["duration_s"]["mid"] <= shown["duration_s"]["high"]
    assert shown["estimated_s"] == pytest.approx(100)
    assert shown["batch"]["duration_accelerator"] == "toy"


def test_a_silent_program_is_told_of(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert "no progress was seen" in run(home, home.workload("print('hello')"), "--seconds", "2").stdout


def test_a_run_that_no_pool_can_have_says_why(tmp_path: Path) -> None:
    home = Home(tmp_path)
    path = home.workload("print('1 of 2')", more="  dtype: fp8\n").read_text()
    other = home.folder / "other.yaml"
    other.write_text(path.replace("batch: {duration: 1 s, duration_accelerator: toy}", "batch: {flops: 1 TFLOP}"))
    assert "NoAcceleratorFits" in run(home, other, "--seconds", "2").stdout


@pytest.mark.parametrize(
    ("options", "place"),
    [(["--progress", "("], "--progress"), (["--progress", r"(\d+)"], "--progress")],
)
def test_a_pattern_that_cannot_tell_is_refused(options: list[str], place: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    refused = run(home, home.workload("print(1)"), *options).exception
    assert isinstance(refused, InvalidInput)
    assert [p.place for p in refused.problems] == [place]
