"""How long a feasibility study takes, beside SAM's single-owner model of the same projects. Prints one JSON object.

python -m benchmarks.feasibility [repeats]

The peer is `PySAM.Singleowner`, one project at a time, as it is called; its time for 10,000 is that of 50, scaled.
"""

import json
import platform
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from suanwang.adapters.catalog import load_catalog
from suanwang.feasibility.cashflow import evaluate
from suanwang.feasibility.montecarlo import monte_carlo
from suanwang.feasibility.outcome import outcome
from suanwang.feasibility.plan import MONTHS, Debt
from suanwang.feasibility.sampling import Spread
from suanwang.interfaces.reports.html import html_page
from suanwang.interfaces.reports.pdf import pdf_file
from suanwang.interfaces.reports.study import study_report
from suanwang.interfaces.reports.workbook import study_workbook
from suanwang.schemas.model_plan import read_model_plan
from suanwang.schemas.site_plan import read_site_plan
from suanwang.service.model_study import answer_model
from suanwang.service.studies import answer
from tests.small_plan import small_plan

EXAMPLES = Path(__file__).parents[1] / "examples"
DRAWS = 10_000
PEER_RUNS = 50
SPREADS = [
    Spread(name="price", low=8, likely=12, high=15),
    Spread(name="utilisation", low=0.3, likely=0.6, high=0.9),
    Spread(name="tariff", low=0.35, likely=0.45, high=0.6, shape="normal"),
    Spread(name="pue", low=1.15, likely=1.25, high=1.4),
    Spread(name="capital_cost", low=2.5e8, likely=2.8e8, high=3.2e8),
    Spread(name="occupancy_delay", low=0, likely=3, high=12),
]


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median of the wall clock."""
    took = []
    for _ in range(repeats):
        began = perf_counter()
        work()
        took.append(perf_counter() - began)
    return round(median(took), 4)


def whole_report(path: Path) -> None:
    """Read, answer with 10,000 draws, and make page, PDF and workbook."""
    catalog = load_catalog()
    found = answer(read_site_plan(path.read_text(encoding="utf-8"), path.name, catalog), catalog, draws=DRAWS)
    document = study_report(found, "en", str)
    html_page(document)
    pdf_file(document)
    study_workbook(found, "en", str)


def whole_model(path: Path) -> None:
    catalog = load_catalog()
    answer_model(read_model_plan(path.read_text(encoding="utf-8"), path.name, catalog), catalog)


def peer() -> dict[str, float]:
    """SAM's and our seconds for a project, and the largest relative difference in NPV."""
    from tests.reference.test_feasibility_pysam import ACCELERATORS, FIXED, ORACLE, draw, run

    model = __import__(ORACLE, fromlist=["default"]).default("CustomGenerationProfileSingleOwner")
    for group, values in FIXED.items():
        for name, value in values.items():
            setattr(getattr(model, group), name, value)
    random = np.random.default_rng(2026)
    projects = [draw(random) for _ in range(PEER_RUNS)]
    theirs, ours, worst = [], [], 0.0
    for given in projects:
        began = perf_counter()
        npv, _ = run(model, given)
        theirs.append(perf_counter() - began)
        began = perf_counter()
        worth = outcome(evaluate(small_plan(**given, accelerators=ACCELERATORS))).npv
        ours.append(perf_counter() - began)
        worst = max(worst, abs(worth / npv - 1))
    return {
        "sam_s_a_project": round(median(theirs), 6),
        "ours_s_a_project": round(median(ours), 6),
        "sam_s_10000_projects_scaled": round(median(theirs) * DRAWS, 1),
        "npv_relative_difference_max": float(f"{worst:.1e}"),
    }


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    plan = replace(
        small_plan(years=10, timing="monthly"), debt=Debt(share=0.5, rate=0.04, tenor_years=8, payments_per_year=MONTHS)
    )
    pairs = {("price", "utilisation"): 0.5}
    result = {
        "benchmark": "feasibility",
        "draws": DRAWS,
        "repeats": repeats,
        "python": platform.python_version(),
        "monte_carlo_10_years_monthly_s": {
            method: seconds(lambda method=method: monte_carlo(plan, SPREADS, pairs, DRAWS, 7, method), repeats)
            for method in ("latin", "sobol")
        },
        "whole_report_s": {
            path.stem: seconds(lambda path=path: whole_report(path), repeats)
            for path in sorted((EXAMPLES / "sites").glob("*.yaml"))
        },
        "model_study_s": seconds(lambda: whole_model(EXAMPLES / "models" / "assistant.yaml"), repeats),
        "peer": peer() if find_spec("PySAM") else "nrel-pysam is not installed",
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
