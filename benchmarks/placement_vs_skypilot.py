"""Chains and fans of tasks placed by SkyPilot's optimizer and by ours: the same candidates, costs and egress, one run.

python benchmarks/placement_vs_skypilot.py [--python PATH] [--folder FOLDER] [--chains 10,100] [--fans 10,100]

SkyPilot runs in an environment of its own: PATH is the Python of one that has it, else it is installed from PyPI into
FOLDER. It works offline on catalog files that this script writes: five clouds, two accelerators, invented prices. No
cloud account is asked: which clouds are enabled is told to it. What it takes each task to cost on each candidate, and
data to cost between clouds, is then given to our solver, so that both solve one problem; `choose_cpu_seconds` leaves
out what SkyPilot took to look the candidates up. Prints one JSON object.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLOUDS = ("gcp", "azure", "lambda", "runpod", "fluidstack")
ACCELERATORS = {"H100": (24.0, 1.0), "A100": (12.0, 2.6)}
"""Price of 8 of them per hour in USD, and run time over that on H100; invented."""
REGIONS = 2
COLUMNS = ["InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB"]
COLUMNS += ["Price", "Region", "GpuInfo", "SpotPrice"]
TIMEOUT_S = 900


def write_catalogs(home: Path) -> None:
    """The files that SkyPilot reads instead of downloading them."""
    chance = random.Random(0)
    root = home / ".sky" / "catalogs" / "v8"
    for cloud in CLOUDS:
        (root / cloud).mkdir(parents=True, exist_ok=True)
        with (root / cloud / "vms.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            for name, (price, _) in ACCELERATORS.items():
                for region in range(REGIONS):
                    asked = round(price * chance.uniform(0.8, 1.2), 2)
                    rows.writerow([f"{name}-{cloud}", name, 8, 128, 1000, asked, f"region-{region}", "{}", ""])
    (root / "common").mkdir(exist_ok=True)
    lines = ["AcceleratorName,Clouds", *(f"{name},all" for name in ACCELERATORS)]
    (root / "common" / "accelerators.csv").write_text("\n".join(lines) + "\n")


def edges_of(shape: str, tasks: int) -> list[tuple[int, int]]:
    """A chain, or one task that feeds all others."""
    return [(i - 1 if shape == "chain" else 0, i) for i in range(1, tasks)]


def worker(shape: str, tasks: int) -> dict[str, Any]:
    """In SkyPilot's environment: its plan, its times, and the tables that it chose from."""
    import sky
    from sky import check
    from sky.optimizer import Optimizer
    from sky.utils import registry

    enabled = [registry.CLOUD_REGISTRY.from_str(name) for name in CLOUDS]
    check.get_cached_enabled_clouds_or_refresh = lambda *_, **__: enabled
    chance = random.Random(1)
    hours = [chance.uniform(1, 20) for _ in range(tasks)]
    gigabytes = [10 ** chance.uniform(1, 3.5) for _ in range(tasks)]

    def takes(number: int) -> Callable[[Any], float]:
        return lambda resources: 3600 * hours[number] * ACCELERATORS[next(iter(resources.accelerators))][1]

    with sky.Dag() as dag:
        made = []
        for i in range(tasks):
            task = sky.Task(f"t{i}", run="true")
            task.set_resources({sky.Resources(accelerators=f"{name}:8") for name in ACCELERATORS})
            task.set_outputs("out", gigabytes[i])
            task.set_time_estimator(takes(i))
            made.append(task)
        for a, b in edges_of(shape, tasks):
            made[a] >> made[b]
    kept: list[dict[Any, Any]] = []
    looked_up: list[float] = []
    estimate = Optimizer._estimate_nodes_cost_or_time  # noqa: SLF001 - to see what it chooses from

    def keep(*given: Any, **named: Any) -> Any:
        begin = time.process_time()
        answer = estimate(*given, **named)
        looked_up.append(time.process_time() - begin)
        kept.append(answer[0])
        return answer

    Optimizer._estimate_nodes_cost_or_time = staticmethod(keep)  # noqa: SLF001
    wall, cpu = time.perf_counter(), time.process_time()
    Optimizer.optimize(dag, quiet=True)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    chosen = [task.best_resources for task in made]
    costs = kept[-1]
    tables = [{str((r.cloud, r.instance_type, r.region)): c for r, c in costs[task].items()} for task in made]
    names = sorted({(str(r.cloud), str((r.cloud, r.instance_type, r.region))) for task in made for r in costs[task]})
    per_gb = {
        f"{a}>{b}>{i}": Optimizer._egress_cost(  # noqa: SLF001
            registry.CLOUD_REGISTRY.from_str(a), registry.CLOUD_REGISTRY.from_str(b), gigabytes[i]
        )
        for a in CLOUDS
        for b in CLOUDS
        for i in sorted({a for a, _ in edges_of(shape, tasks)})
    }
    return {
        "version": sky.__version__,
        "seconds": wall,
        "cpu_seconds": cpu,
        "choose_cpu_seconds": cpu - sum(looked_up),
        "tables": tables,
        "places": names,
        "egress": per_gb,
        "chosen": [str((r.cloud, r.instance_type, r.region)) for r in chosen],
    }


def ours(shape: str, tasks: int, told: dict[str, Any]) -> dict[str, Any]:
    """The same problem for our solver; what both plans cost in it."""
    import numpy as np

    from suanwang.place.network import Edge, solve

    names = [name for _, name in told["places"]]
    clouds = [cloud.lower() for cloud, _ in told["places"]]
    own = [np.array([table.get(name, np.inf) for name in names]) for table in told["tables"]]
    flows = {
        i: np.array([[told["egress"][f"{a}>{b}>{i}"] if a != b else 0.0 for b in clouds] for a in clouds])
        for i in sorted({a for a, _ in edges_of(shape, tasks)})
    }
    wall, cpu = time.perf_counter(), time.process_time()
    edges = [Edge(a=a, b=b, between=flows[a]) for a, b in edges_of(shape, tasks)]
    found = solve(own, edges)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    theirs = [names.index(name) for name in told["chosen"]]
    cost = sum(float(own[i][p]) for i, p in enumerate(theirs))
    cost += sum(float(e.between[theirs[e.a], theirs[e.b]]) for e in edges)
    return {"seconds": wall, "cpu_seconds": cpu, "cost": found.cost, "exact": found.exact, "cost_of_skypilot": cost}


def compare(python: Path, home: Path, shape: str, tasks: int) -> dict[str, Any]:
    """One case: both in the same run."""
    environment = {**os.environ, "HOME": str(home), "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"}
    command = [str(python), __file__, "--worker", shape, str(tasks)]
    case: dict[str, Any] = {"shape": shape, "tasks": tasks, "candidates": len(CLOUDS) * len(ACCELERATORS)}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    except subprocess.TimeoutExpired:
        return {**case, "skypilot": f"not done after {TIMEOUT_S} s"}
    told = json.loads(done.stdout.splitlines()[-1])
    mine = ours(shape, tasks, told)
    return {
        **case,
        "skypilot": {
            "version": told["version"],
            "seconds": round(told["seconds"], 3),
            "cpu_seconds": round(told["cpu_seconds"], 3),
            "choose_cpu_seconds": round(told["choose_cpu_seconds"], 5),
            "cost": round(mine["cost_of_skypilot"], 2),
        },
        "suanwang": {
            "seconds": round(mine["seconds"], 5),
            "cpu_seconds": round(mine["cpu_seconds"], 5),
            "cost": round(mine["cost"], 2),
            "exact": mine["exact"],
        },
        "choose_times_faster": round(told["choose_cpu_seconds"] / max(mine["cpu_seconds"], 1e-9), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="")
    parser.add_argument("--folder", default="/tmp/placement-vs-skypilot")
    parser.add_argument("--chains", default="10,100,1000")
    parser.add_argument("--fans", default="10,100")
    parser.add_argument("--worker", nargs=2)
    given = parser.parse_args()
    if given.worker:
        print()
        print(json.dumps(worker(given.worker[0], int(given.worker[1]))))
        return
    folder, python = Path(given.folder), Path(given.python)
    if not given.python:
        python = folder / "venv" / "bin" / "python"
        if not python.exists():
            venv.create(folder / "venv", with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", "skypilot"], check=True)
    write_catalogs(folder / "home")
    cases = [("chain", int(n)) for n in given.chains.split(",")] + [("fan", int(n)) for n in given.fans.split(",")]
    results = [compare(python, folder / "home", *case) for case in cases]
    print(
        json.dumps({"benchmark": "placement_vs_skypilot", "python": sys.version.split()[0], "cases": results}, indent=1)
    )


if __name__ == "__main__":
    main()
