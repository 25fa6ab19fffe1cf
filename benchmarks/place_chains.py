"""How long a chain and a fan of linked workloads take to place, as a network. Prints one JSON object.

python -m benchmarks.place_chains [chain] [fan] [repeats]

Every task has costs of its own on every pool; the fan joins again. CPU seconds, medians.
"""

import json
import platform
import sys
from statistics import median
from time import process_time

import numpy as np

from suanwang.place.network import Edge, solve

POOLS = (20, 40, 100)


def measure(shape: str, tasks: int, pools: int, repeats: int) -> float:
    """Median CPU seconds of one solution, which must be exact."""
    random = np.random.default_rng(0)
    own, between = list(random.random((tasks, pools))), random.random((pools, pools))
    ends = [(i - 1, i) for i in range(1, tasks)]
    if shape == "fan":
        ends = [(0, i) for i in range(1, tasks - 1)] + [(i, tasks - 1) for i in range(1, tasks - 1)]
    times = []
    for _ in range(repeats):
        begin = process_time()
        found = solve(own, [Edge(a=a, b=b, between=between) for a, b in ends])
        times.append(process_time() - begin)
        if not found.exact:
            raise SystemExit("a chain or fan was not solved exactly")
    return round(median(times), 4)


def main() -> None:
    chain, fan, repeats = (int(a) for a in [*sys.argv[1:], *["10000", "1000", "3"][len(sys.argv) - 1 :]])
    result: dict[str, object] = {
        "benchmark": "place_chains",
        "python": platform.python_version(),
        "unit": "CPU s, median",
    }
    for pools in POOLS:
        result[f"chain of {chain}, {pools} pools"] = measure("chain", chain, pools, repeats)
        result[f"fan of {fan} that joins again, {pools} pools"] = measure("fan", fan + 2, pools, repeats)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
