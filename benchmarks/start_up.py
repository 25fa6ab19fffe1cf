"""How long `suanwang --help` takes from a fresh interpreter, beside the bare interpreter; prints JSON.

Run: python benchmarks/start_up.py [--runs 20]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
HELP = [sys.executable, "-m", "suanwang", "--help"]
BARE = [sys.executable, "-c", "pass"]


def seconds(command: list[str]) -> float:
    """Wall seconds of one run of a command."""
    begun = time.perf_counter()
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = max(1, parser.parse_args().runs)
    seconds(HELP)  # the first run writes the byte code
    times = measured(runs)
    medians = {f"{name}_s_median": round(statistics.median(found), 4) for name, found in times.items()}
    print(json.dumps({**medians, "runs": runs, "python": platform.python_version(), "processors": os.cpu_count()}))


def measured(runs: int) -> dict[str, list[float]]:
    """Both commands in turn, so that a busy machine slows both alike."""
    pairs = [(seconds(HELP), seconds(BARE)) for _ in range(runs)]
    return {"help": [pair[0] for pair in pairs], "bare_python": [pair[1] for pair in pairs]}


if __name__ == "__main__":
    main()
