"""Few large gangs: the planner against HiGHS, which is given ten minutes and the planner's own plan to start from.

python -m benchmarks.place_against_highs [workloads] [pools] [load] [gang_max] [seed] [minutes]

Prints one JSON object. Needs highspy (development dependencies); one thread each.
"""

import json
import sys
from time import perf_counter, process_time

from suanwang.place.instance import problems
from suanwang.place.plan import plan
from suanwang.place.synthetic import Case, synthetic
from tests.place_oracle import solve


def main() -> None:
    given = [float(a) for a in sys.argv[1:]]
    workloads, pools, load, gang_max, seed, minutes = [*given, *[100, 20, 0.65, 0.3, 0, 10][len(given) :]]
    case = Case(workloads=int(workloads), pools=int(pools), load=load, gang_max=gang_max, seed=int(seed))
    instance = synthetic(case)
    wall, cpu = perf_counter(), process_time()
    made = plan(instance)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    if problems(instance, made.assignment):
        raise SystemExit("the plan is not valid")
    best = solve(instance, whole=True, time_limit_s=minutes * 60, begin=made.assignment)
    shown = {
        "benchmark": "place_against_highs",
        "case": [int(workloads), int(pools), case.hours, load, gang_max, int(seed)],
        "cost": round(made.cost, 2),
        "bound": round(made.bound, 2),
        "seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "refused": made.assignment.refused,
        "highs_minutes": minutes,
        "highs_cost": round(best.cost, 2),
        "highs_bound": round(best.bound, 2),
        "above_highs": made.cost / best.cost - 1,
        "gap": made.gap,
        "gap_at_highs_bound": made.cost / best.bound - 1,
    }
    print(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
