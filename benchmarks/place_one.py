"""How long it takes to place one workload on a grid of many pools over a week. Prints one JSON object.

python -m benchmarks.place_one [pools] [pools_per_site] [repeats]
"""

import json
import platform
import sys
from statistics import median
from time import perf_counter

from suanwang.domain.placement import Occupancy, Placement, Promise
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid
from suanwang.place.outlook import Outlooks
from suanwang.place.place import place
from tests.small_grid import MONDAY, book, cny, estimate, grid, hour, pool, site, tariff, workload

HORIZON_H = 168


def build(pools: int, pools_per_site: int, *, hourly_carbon: bool) -> Grid:
    """Each site with its own three-period tariff; pools of a site share a price book."""
    carbon = Signal.constant("kg/kWh", "0.55")
    if hourly_carbon:
        carbon = Signal.of("kg/kWh", [(hour(h), f"0.{400 + (h * 37) % 250}") for h in range(400)])
    sites, made = [], []
    for s in range(-(-pools // pools_per_site)):
        hours = {"valley": [(s % 12, s % 12 + 6)], "peak": [(s % 12 + 8, s % 12 + 11)]}
        own = tariff({"flat": "0.6", "valley": f"0.{300 + s}", "peak": "0.9"}, hours, id=f"t{s}")
        sites.append(site(f"s{s}", tariff=own, carbon_location=carbon))
        made += [pool(f"p{s}-{i}", f"s{s}") for i in range(pools_per_site)]
    return grid(sites, made[:pools], carbon_price_per_t=cny("80"), price_books=(book(),))


def measure(grid_: Grid, repeats: int, *, occupied: bool, kept: bool = False) -> float:
    """Median milliseconds of one placement."""
    estimates = [estimate(p.id, hours=3.3 + i / 100, kwh=100) for i, p in enumerate(grid_.pools)]
    promises = tuple(Promise(start=hour(h), end=hour(h + 5), accelerators=30) for h in range(0, 160, 8))
    occupancy = Occupancy(promises={p.id: promises for p in grid_.pools} if occupied else {})
    outlooks = Outlooks(grid_) if kept else None
    times = []
    for _ in range(repeats):
        begin = perf_counter()
        decision = place(workload(), grid_, estimates, [], MONDAY, occupancy, HORIZON_H, outlooks)
        times.append((perf_counter() - begin) * 1000)
        if not isinstance(decision, Placement):
            raise SystemExit("the benchmark's workload was refused")
    return round(median(times), 2)


def main() -> None:
    pools, per_site, repeats = (int(a) for a in [*sys.argv[1:], *["100", "4", "15"][len(sys.argv) - 1 :]])
    plain, carbon = (build(pools, per_site, hourly_carbon=hourly) for hourly in (False, True))
    result = {
        "benchmark": "place_one",
        "pools": pools,
        "pools_per_site": per_site,
        "horizon_h": HORIZON_H,
        "repeats": repeats,
        "python": platform.python_version(),
        "unit": "ms, median",
        "tariffs": measure(plain, repeats, occupied=False),
        "tariffs, occupied": measure(plain, repeats, occupied=True),
        "tariffs, hourly carbon": measure(carbon, repeats, occupied=False),
        "tariffs, hourly carbon, outlooks kept": measure(carbon, repeats, occupied=False, kept=True),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
