"""The clocks: speed, mapping of wall times, and that none ever goes backwards."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from suanwang.adapters.clock import FastClock, ManualClock, SystemClock

ORIGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Wall:
    """A wall clock that is set by hand, forwards and backwards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: float) -> None:
        self.at = at
        monkeypatch.setattr(time, "time", lambda: self.at)


def test_system_clock_is_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    Wall(monkeypatch, 1_772_352_000.25)
    assert SystemClock().now() == datetime(2026, 3, 1, 8, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize("speed", [1, 60, 3600.0, 1e6])
def test_fast_clock_runs_faster(monkeypatch: pytest.MonkeyPatch, speed: float) -> None:
    wall = Wall(monkeypatch, 1000.0)
    clock = FastClock(ORIGIN, speed, wall_start=1000.0)
    assert clock.now() == ORIGIN
    wall.at += 10
    assert clock.now() == ORIGIN + timedelta(seconds=10 * speed)
    assert clock.from_wall(1010.0) == clock.now()
    assert clock.from_wall(990.0) == ORIGIN - timedelta(seconds=10 * speed)
    assert clock.wall_seconds(speed) == 1.0


def test_now_is_aware_utc_whatever_the_origin() -> None:
    origin = datetime(2026, 3, 1, 16, tzinfo=timezone(timedelta(hours=8)))
    assert FastClock(origin, 1, 0.0).from_wall(0.0).isoformat() == "2026-03-01T08:00:00+00:00"
    assert ManualClock(origin).now().isoformat() == "2026-03-01T08:00:00+00:00"


@pytest.mark.parametrize("fast", [True, False])
def test_time_stands_still_while_the_wall_clock_is_behind(monkeypatch: pytest.MonkeyPatch, *, fast: bool) -> None:
    wall = Wall(monkeypatch, 1000.0)
    clock = FastClock(ORIGIN, 60, wall_start=1000.0) if fast else SystemClock()
    seen = []
    for step in (5.0, -100.0, 20.0, 60.0, 14.0, 7.0):
        wall.at += step
        seen.append(clock.now())
    assert seen == sorted(seen)
    assert seen[0] == seen[1] == seen[2] == seen[3] < seen[5] == clock.from_wall(1006.0)


def test_two_processes_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(monkeypatch, 1000.0)
    first = FastClock(ORIGIN, 60, 1000.0)
    wall.at = 1500.0
    assert FastClock(ORIGIN, 60, 1000.0).now() == first.now()


def test_sleep_waits_grid_time() -> None:
    clock = FastClock(ORIGIN, 1000, FastClock.wall_now())
    before, began = clock.now(), time.monotonic()
    clock.sleep(50)
    clock.sleep(-1)
    assert clock.now() - before >= timedelta(seconds=50)
    assert 0.05 <= time.monotonic() - began < 5


def test_manual_clock_moves_when_told() -> None:
    clock = ManualClock(ORIGIN)
    assert clock.now() == clock.now() == ORIGIN
    clock.sleep(60)
    clock.sleep(-60)
    assert clock.advance(1) == clock.now() == ORIGIN + timedelta(seconds=61)
    assert clock.from_wall(ORIGIN.timestamp()) == ORIGIN
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_must_be_positive(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        FastClock(ORIGIN, speed, 0.0)


def test_an_origin_needs_a_zone() -> None:
    naive = ORIGIN.replace(tzinfo=None)
    with pytest.raises(ValueError, match="zone"):
        FastClock(naive, 1, 0.0)
    with pytest.raises(ValueError, match="zone"):
        ManualClock(naive)
