"""The trial with the journalled engine: every way a job can go, in a quarter of a second."""

from collections import Counter
from pathlib import Path

from tests.simulation.crash.journalled_engine import started
from tests.simulation.crash.kills import Trial
from tests.simulation.crash.world import open_hub, wishes


def journal(folder: Path) -> Counter[str]:
    return Counter(started(folder / "engine"))


JOURNALLED = Trial(wishes(), open_hub, journal, left=lambda _: [])
