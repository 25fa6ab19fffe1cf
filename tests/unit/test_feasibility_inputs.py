"""What a study can rest on beside a plan in YAML: a replayed trace, a table, a workbook; and rarer parts of a plan."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.catalog import Catalog
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.errors import InvalidInput, Never
from suanwang.feasibility.cashflow import evaluate
from suanwang.feasibility.levers import LEVERS
from suanwang.feasibility.montecarlo import monte_carlo
from suanwang.feasibility.outcome import outcome
from suanwang.feasibility.plan import MONTHS
from suanwang.feasibility.pricing import marginal_cost
from suanwang.feasibility.regional import Effect, brought
from suanwang.feasibility.sampling import Spread, sample
from suanwang.feasibility.scenarios import Change, Ways, gain, ways
from suanwang.feasibility.sobol import INPUTS_MAX, sobol
from suanwang.feasibility.variance import Actual, review
from suanwang.interfaces.cli.main import main
from suanwang.interfaces.reports.html import html_page
from suanwang.interfaces.reports.study import study_report
from suanwang.replay.engine import Jobs
from suanwang.replay.scenario import Case, Ground, play_case
from suanwang.schedule.snapshot import PoolState
from suanwang.schemas.plan_table import read_plan_table
from suanwang.schemas.site_plan import read_site_plan, study_of
from suanwang.schemas.xlsx_file import xlsx_as_csv
from suanwang.service.replayed import busy_hours, from_replay
from suanwang.service.studies import answer, price_elsewhere
from tests.small_plan import small_plan

SITES = Path(__file__).parents[2] / "examples" / "sites"
TABLE = (SITES / "university.csv").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def jobs(*rows: tuple[float, float, int]) -> Jobs:
    """(submitted at hour, hours, accelerators) of each job."""
    submit, run, size = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    return Jobs(
        job_ids=tuple(map(str, range(len(rows)))),
        submit_s=submit * 3600,
        run_s=run * 3600,
        size=size.astype(np.int64),
        estimate_s=run * 3600,
        user=("u",) * len(rows),
    )


# ---- from a replay


def test_utilisation_of_a_replay_by_hand() -> None:
    """Ten cards: 5 for 4 h, then 10 for 2 h from hour 4 on (they wait), and a last job at hour 8."""
    trace = jobs((0, 4, 5), (1, 2, 10), (8, 1, 1))
    plan, found = from_replay(small_plan(accelerators=10), trace, "t.swf", "fcfs")
    assert found.utilisation == pytest.approx((20 + 20) / 80)
    assert (found.jobs, found.never_started, found.days) == (3, 0, 8 / 24)
    assert found.wait_s_median == 0
    assert LEVERS["utilisation"].base(plan) == pytest.approx(0.5)
    assert "replay of t.swf under fcfs" in plan.sources["demand"].source
    assert outcome(evaluate(plan)).utilisation == pytest.approx(0.5)


def test_the_policy_decides() -> None:
    """A small job passes the gang that waits under easy backfill; what is used before the last submission is more."""
    trace = jobs((0, 10, 6), (1, 10, 10), (2, 8, 4), (12, 1, 1))
    easy, fcfs = (from_replay(small_plan(accelerators=10), trace, "t", policy)[1] for policy in ("easy", "fcfs"))
    assert easy.utilisation > fcfs.utilisation


@given(
    st.lists(st.tuples(st.floats(0, 40), st.floats(0.1, 9), st.integers(1, 8)), min_size=2, max_size=25),
    st.sampled_from(["fcfs", "easy", "las(quantum=2h)"]),
)
@settings(max_examples=40)
def test_hours_of_a_replay_are_those_of_its_jobs(rows: list[tuple[float, float, int]], policy: str) -> None:
    trace, pool = jobs(*sorted(rows)), PoolState(pool_id="p", accelerators=8, free=8)
    begin = datetime(2027, 1, 1, tzinfo=UTC)
    played = play_case(Ground(jobs=trace, pools=(pool,), begin=begin), Case(policy=policy))
    horizon = int(np.ceil((played.end_s.max() - trace.submit_s[0]) / 3600)) + 1
    used = busy_hours(played, horizon)
    assert used.sum() == pytest.approx(float((trace.run_s * trace.size).sum()) / 3600)
    assert (used <= 8 + 1e-9).all()
    assert (used >= -1e-9).all()


def test_marginal_prices_are_the_power_of_an_idle_site_and_the_price_elsewhere_of_a_full_one() -> None:
    plan = small_plan(accelerators=10)
    own = marginal_cost(plan)
    idle = from_replay(plan, jobs(*((h, 1, 2) for h in range(48))), "t", "easy", outside=20.0)[1].marginal
    full = from_replay(plan, jobs(*((h, 2, 9) for h in range(48))), "t", "easy", outside=20.0, patience_hours=1)
    assert idle is not None
    assert (idle.price, idle.congested_share) == pytest.approx((own, 0))
    assert full[1].marginal is not None
    assert full[1].marginal.price == pytest.approx(
        20, rel=0.05
    )  # of 18 cards wanted 10 are there: the rest go elsewhere
    assert own <= full[1].marginal.least <= full[1].marginal.most <= 20
    assert LEVERS["price"].base(full[0]) == pytest.approx(full[1].marginal.price)


def test_a_trace_that_cannot_be_used_is_named(catalog: Catalog) -> None:
    with pytest.raises(InvalidInput, match="no hour of jobs that fit on 4 accelerators"):
        from_replay(small_plan(accelerators=4), jobs((0, 1, 8), (9, 1, 8)), "t", "fcfs")
    with pytest.raises(InvalidInput, match="costs no more than the power"):
        from_replay(small_plan(), jobs((0, 1, 8), (9, 1, 8)), "t", "fcfs", outside=0.1)
    study = read_site_plan((SITES / "university.yaml").read_text(encoding="utf-8"), "u", catalog)
    bare = replace(study, ways=Ways(), plan=replace(study.plan, accelerator_id="none"))
    with pytest.raises(Never, match="no such price"):
        price_elsewhere(bare, catalog)


def test_a_replay_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "log.swf"
    lines = [f"{i} {i * 1800} -1 {7200} 16 -1 -1 16 7200 -1 1 {i % 5} 1 -1 -1 -1 -1 -1" for i in range(200)]
    trace.write_text("; MaxProcs: 64\n" + "\n".join(lines) + "\n")
    site = str(SITES / "university.yaml")
    assert main(["feasibility", site, "--replay", str(trace), "--marginal", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["replayed"]["utilisation"] == pytest.approx(0.985, abs=0.01)
    assert found["replayed"]["marginal"]["outside"] == 1.44
    assert any("replay of log.swf" in s["source"] for s in found["rests_on"][0]["sources"])
    assert main(["feasibility", site, "--replay", str(trace), "--policy", "easyy"]) == 1
    assert "no policy" in capsys.readouterr().err


# ---- tables and workbooks


def test_a_table_is_the_plan_that_yaml_is(catalog: Catalog) -> None:
    table = study_of(read_plan_table(TABLE, "u.csv"), catalog)
    assert table == read_site_plan((SITES / "university.yaml").read_text(encoding="utf-8"), "u.yaml", catalog)


def workbook(rows: list[list[object]]) -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


def test_an_excel_workbook_is_the_same_table(catalog: Catalog) -> None:
    rows: list[list[object]] = [[cell or None for cell in row] for row in csv.reader(io.StringIO(TABLE))]
    rows = [[float(c) if isinstance(c, str) and c.replace(".", "", 1).isdigit() else c for c in row] for row in rows]
    study = study_of(read_plan_table(xlsx_as_csv(workbook(rows), "u.xlsx"), "u.xlsx"), catalog)
    assert study.plan == study_of(read_plan_table(TABLE, "u.csv"), catalog).plan


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("years,6", "years,-6", "u.csv:7 plan.years", "at least 1"),
        ("capital[0].life_years,6", "capital[0].life_years,-1", "u.csv:20 plan.capital[0].life_years", "at least 0"),
        ("years,6", "yeers,6", "u.csv:7 plan.yeers", "unknown"),
        ("years,6", "years 6,6", "u.csv:7", "is not a field"),
        ("years,6", "years,6\nyears,7", "u.csv:8", "given twice (first on line 7)"),
        ("capital[1].name", "capital[4].name", "u.csv:22", "does not follow"),
        ("[{month: 0, share: 30 %}", "[{month: 0 share: 30 %}", "u.csv:", "YAML"),
        ("[{month: 0, share: 30 %}", "[{month: 0, share: 130 %}", "demand[0].ramp[0].share", "out of range"),
        ("field,value,source", "field,wert,source", "u.csv:1", "the column value is missing"),
    ],
)
def test_what_is_wrong_in_a_table_is_told_by_its_row(
    old: str, new: str, place: str, message: str, catalog: Catalog
) -> None:
    assert old in TABLE
    with pytest.raises(InvalidInput) as raised:
        study_of(read_plan_table(TABLE.replace(old, new, 1), "u.csv"), catalog)
    told = [f"{p.place}: {p.message} {p.remedy}" for p in raised.value.problems]
    assert any(place in line and message in line for line in told), told


def zipped(**parts: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 and no more",
        zipped(other="x"),
        zipped(xl__worksheets__sheet1_xml="<not closed"),
        zipped(xl__worksheets__sheet1_xml='<!DOCTYPE a [<!ENTITY b "c">]><worksheet/>'),
    ],
)
def test_what_is_no_workbook_is_named(content: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"workbook.*\.xlsx or as CSV"):
        xlsx_as_csv(content, "u.xlsx")


def test_months_and_assumptions_come_from_a_workbook_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = str(SITES / "university.yaml")
    assumed, months = tmp_path / "a.xlsx", tmp_path / "m.xlsx"
    assumed.write_bytes(workbook([["variable", "value"], ["price", 3.5]]))
    months.write_bytes(workbook([["month", "accelerator_hours", "revenue"], [1, 0, 0], [2, 0, 0], [3, 900, 1800]]))
    assert main(["feasibility", site, "--assumptions", str(assumed), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pricing"]["planned"] == pytest.approx(3.5)
    assert main(["feasibility", site, "--actual", str(months), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["months"]) == 3
    assert found["rests_on"]


# ---- parts of a plan and of its answers


def test_sobol_fills_every_column_evenly() -> None:
    points = sobol(1024, INPUTS_MAX)
    for column in points.T:
        assert sorted((column * 1024).astype(int)) == list(range(1024))
    assert points[4, :4].tolist() == [0.375, 0.375, 0.625, 0.875]  # as in the published tables
    with pytest.raises(ValueError, match="at most 20 inputs"):
        sobol(4, INPUTS_MAX + 1)


def test_sobol_samples_reach_their_correlations_and_nearer_means() -> None:
    spreads = [
        Spread(name="price", low=8, likely=12, high=14),
        Spread(name="utilisation", low=0.3, likely=0.6, high=0.8, shape="normal"),
    ]
    found = sample(spreads, {("price", "utilisation"): 0.6}, 8192, 3, "sobol")
    ranks = [np.argsort(np.argsort(values)) for values in found.values()]
    assert np.corrcoef(ranks[0], ranks[1])[0, 1] == pytest.approx(0.6, abs=0.02)
    assert found["price"].mean() == pytest.approx((8 + 12 + 14) / 3, abs=0.01)
    plan = small_plan()
    latin, other = (monte_carlo(plan, spreads, {}, 4096, 1, method) for method in ("latin", "sobol"))
    assert other.npv_mean == pytest.approx(latin.npv_mean, abs=0.01 * abs(latin.npv.p90 or 0 - (latin.npv.p10 or 0)))
    assert (latin.method, other.method) == ("latin", "sobol")


def test_idle_cards_pay_only_their_power() -> None:
    plan = small_plan(utilisation=0.5, tax=0.0)
    found = dict(ways(plan, Ways(idle_accelerators=10, grid_fee=0.1)))["idle"]
    hours = 10 * 0.5 * 8760 * 5
    assert found.capital == 0
    discount = sum(1.1**-year for year in range(1, 6)) / 5
    assert found.npv == pytest.approx(hours * (12 * 0.9 - 1.28 * 1.25 * 0.45) * discount)


def test_another_cooling_by_month() -> None:
    plan = small_plan(tax=0.0, salvage=0.0)
    months = (1.05,) * 6 + (1.15,) * 6
    change = Change(name="immersion", values={}, cost=0.0, cooling="immersion", pue=months, fixed_share=0.0)
    found = gain(plan, change)
    it = 1000 * 0.6 * 8760 * 1.28
    assert found.energy_kwh_after == pytest.approx(it * 1.10)
    assert found.cooling_after == "immersion"
    assert found.pue_after == pytest.approx(1.10)
    assert found.peak_kw_before - found.peak_kw_after == pytest.approx(1000 * 1.28 * 0.1)


def test_regional_effects_are_products_of_inputs() -> None:
    source = Provenance(source="s", confidence=Confidence.PRESS)
    flows = evaluate(small_plan())
    effect = Effect(name="jobs", of="capital", multiplier=8.0, unit="jobs", per=1e6, source=source)
    (found,) = brought(flows, [effect])
    assert (found.base, found.amount) == pytest.approx((280e6, 2240))


def test_the_forecast_follows_the_power_that_was_metered() -> None:
    plan = small_plan()
    flows = evaluate(plan)
    rows = zip(*(flow[0, 1:13].tolist() for flow in (flows.hours, flows.revenue, flows.power)), strict=True)
    months = [Actual(month=m, hours=h, revenue=r, power_cost=1.5 * p) for m, (h, r, p) in enumerate(rows, start=1)]
    found = review(plan, months)
    assert (found.utilisation_ratio, found.price_ratio) == pytest.approx((1, 1))
    assert found.power_ratio == pytest.approx(1.5)
    assert LEVERS["tariff"].base(found.forecast_plan) == pytest.approx(1.5 * 0.45)
    assert len(months) == MONTHS
    assert found.forecast.npv < found.planned.npv


def test_a_plan_s_regional_effects_reach_the_report(catalog: Catalog) -> None:
    text = (SITES / "university.yaml").read_text(encoding="utf-8")
    item = 'name: posts, of: running, multiplier: 3, per: 1000000 CNY, unit: posts, source: {text: "survey"}'
    effect = f"  regional:\n    - {{{item}}}\n"
    study = read_site_plan(text + effect, "u", catalog)
    found = answer(study, catalog)
    assert found.regional[0].amount == pytest.approx(found.regional[0].base * 3 / 1e6)
    page = html_page(study_report(found, "en", str))
    assert "Regional effect" in page
    assert "survey" in page
    assert "Regional effect" not in html_page(study_report(answer(replace(study, regional=()), catalog), "en", str))
    with pytest.raises(InvalidInput, match="source"):
        read_site_plan(text + effect.replace(', source: {text: "survey"}', ""), "u", catalog)


def test_the_ledger_and_the_coolings_of_a_file(catalog: Catalog) -> None:
    text = (SITES / "east-100p.yaml").read_text(encoding="utf-8")
    new = "    - {name: immersion, cost: 6000 CNY/kW, cooling: {kind: immersion, pue: 1.05, fixed_share: 20 %}}\n"
    tenants = text.replace("name: model companies\n", "name: model companies\n      tenants: [acme, beta]\n")
    study = read_site_plan(tenants + new, "e", catalog)
    assert study.plan.segments[0].tenants == ("acme", "beta")
    assert study.changes[-1].pue == (1.05,) * MONTHS
    assert study.changes[-1].fixed_share == 0.2
    twice = tenants.replace("name: universities and small firms\n", "name: others\n      tenants: [beta]\n")
    with pytest.raises(InvalidInput, match="beta' cannot be of two demands"):
        read_site_plan(twice, "e", catalog)
    with pytest.raises(InvalidInput, match="cooling and the variable pue contradict"):
        read_site_plan(text + new.replace("cost:", "set: {pue: 1.1}, cost:"), "e", catalog)


def test_many_draws_are_told() -> None:
    told: list[int] = []
    monte_carlo(small_plan(), [Spread(name="price", low=8, likely=12, high=14)], {}, 6000, 1, "latin", told.append)
    assert told == [2500, 5000, 6000]
