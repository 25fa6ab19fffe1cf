"""AccaSim on a trace, as a program of its own for a Python that has AccaSim 1.1.3: `bench replay --accasim PYTHON`.

Prints JSON: CPU seconds of the simulation alone, and the start of each job. It needs nothing of suanwang.
"""

import collections
import collections.abc
import json
import re
import sys
import tempfile
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import process_time

DISPATCHERS = {"fcfs": "FirstInFirstOut", "sjf": "ShortestJobFirst", "first_fit": "EASYBackfilling"}
"""What each of our policies is called there; its EASY reserves no accelerators, and is our first_fit."""
WHEN = re.compile(r"__(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")


def main(trace: str, policy: str, processors: str) -> None:
    """Run it in a folder of its own; its log goes to stderr."""
    for name in ("Mapping", "MutableMapping", "Sequence", "Iterable", "Callable"):
        setattr(collections, name, getattr(collections.abc, name))  # it was written for Python 3.9 and older
    scheduler = getattr(import_module("accasim.base.scheduler_class"), DISPATCHERS[policy])
    allocator = import_module("accasim.base.allocator_class").FirstFit()
    simulator = import_module("accasim.base.simulator_class").Simulator
    with tempfile.TemporaryDirectory() as folder:
        system = Path(folder) / "system.json"
        group = {"core": int(processors)}
        system.write_text(
            json.dumps({"equivalence": {"processor": {"core": 1}}, "groups": {"g": group}, "resources": {"g": 1}}),
            encoding="utf-8",
        )
        simulation = simulator(
            trace, str(system), scheduler(allocator), RESULTS_FOLDER_PATH=folder, RESULTS_FOLDER_NAME="out"
        )
        began = process_time()
        files = simulation.start_simulation()
        cpu_s = process_time() - began
        schedule = Path(files["sched-"]).read_text(encoding="utf-8")
    lines = (line for line in schedule.splitlines() if line)
    starts = {line.partition(";")[0]: _seconds(WHEN.findall(line)[-1]) for line in lines}
    sys.stdout.write("\n" + json.dumps({"cpu_s": cpu_s, "starts": starts}) + "\n")


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


if __name__ == "__main__":
    main(*sys.argv[1:])
