"""The site plan file: the worked examples read, and a table of what is refused, with place and remedy."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.catalog import Catalog
from suanwang.errors import InvalidInput, Problem
from suanwang.feasibility.plan import MONTHS
from suanwang.feasibility.study import Study
from suanwang.schemas.months_file import read_assumptions, read_months
from suanwang.schemas.site_plan import read_site_plan
from suanwang.schemas.site_plan_fields import site_plan_schema
from suanwang.schemas.yaml_file import read_yaml

SITES = Path(__file__).parents[3] / "examples" / "sites"
EAST = (SITES / "east-100p.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def east(catalog: Catalog) -> Study:
    return read_site_plan(EAST, "east.yaml", catalog)


@pytest.mark.parametrize("path", sorted(SITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_read_and_fit_the_schema(path: Path, catalog: Catalog) -> None:
    text = path.read_text(encoding="utf-8")
    assert read_site_plan(text, path.name, catalog).plan.id == path.stem
    Draft202012Validator(site_plan_schema()).validate(read_yaml(text, path.name).data)


def test_figures_reach_the_plan(east: Study) -> None:
    plan = east.plan
    assert plan.accelerators == 256
    assert [phase.opens for phase in plan.phases] == [6, 15]
    assert plan.power.kw_per_accelerator == 0.75
    assert plan.assets[2].cost == 12_000 * 0.75
    assert plan.segments[0].path[1] == pytest.approx(0.94)
    assert plan.tax.carry_years == 10
    assert plan.pflops_per_accelerator == pytest.approx(0.414 * 0.4)
    assert len(plan.power.price) == MONTHS
    assert east.correlations == {("price", "utilisation"): 0.4}
    assert east.spreads[0].likely == pytest.approx(11.3)


def test_a_tariff_is_averaged_over_the_hours_of_each_month(east: Study, catalog: Catalog) -> None:
    tariff = catalog.tariff("cn-ah-general-10kv")
    prices = [float(price) for price in tariff.prices.values()]
    assert all(min(prices) < price < max(prices) for price in east.plan.power.price)


CASES = [
    ("years: 10", "years: 0", "plan.years", "at least 1"),
    ("life_years: 5", "life_years: -5", "plan.capital[0].life_years", "at least 0"),
    ("{month: 12, share: 100 %}", "{month: 12, share: 120 %}", "ramp[1].share", "out of range"),
    ("{month: 0, share: 40 %}", "{month: 12, share: 40 %}", "ramp", "do not rise"),
    ("share: 45 %", "share: 75 %", "plan.demand", "add up to 105%"),
    (
        "      change_per_year: -8 %",
        "      prices: [5 CNY/accelerator-hour]",
        "demand[2].prices",
        "end after 1 of 10 years",
    ),
    ("tenor_years: 6", "tenor_years: 12", "tenor_years", "after the plan's 10 years"),
    ("grace_years: 1", "grace_years: 6", "grace_years", "leaves no year"),
    ("id: ascend-910b1", "id: ascend-910x", "accelerator.id", "not among"),
    ("    power: 0.75 kW", "    system: atlas-800t-a2", "plan.accelerator", "power at the wall"),
    ("tariff: cn-ah-general-10kv", "tariff: cn-xx", "power.tariff", "not among"),
    ("zone: Asia/Shanghai", "price: 0.5 CNY/kWh", "plan.power", "one of tariff and price"),
    ("38 CNY/kW", "38 CNY", "demand_charge", "per kW"),
    ("38 CNY/kW", "38 USD/kW", "demand_charge", "in USD"),
    ("variable: price, low: 8", "variable: price, low: 12", "uncertainty[0]", "not between low and high"),
    ("{utilisation: 0.3}", "{utilisation: 1.3}", "scenarios[0].set.utilisation", "not possible"),
    ("{utilisation: 0.3}", "{utilization: 0.3}", "scenarios[0].set.utilization", "not among"),
    ("between: [price, utilisation]", "between: [price, pue]", "correlations[0]", "not uncertain"),
    ("months_to_build: 6}", "months_to_build: 200}", "phases[0]", "after the plan's 10 years"),
    ("1.16, 1.16, 1.18", "0.9, 1.16, 1.18", "cooling.pue", "not a PUE"),
    ("cost: 187500 CNY/accelerator", "cost: 187500", "capital[0].cost", "not an amount"),
]


@pytest.mark.parametrize(("old", "new", "place", "message"), CASES)
def test_refused(old: str, new: str, place: str, message: str, catalog: Catalog) -> None:
    assert old in EAST
    found = problems(EAST.replace(old, new, 1), catalog)
    assert any(place in p.place and message in str(p.message) + str(p.remedy) for p in found), list(map(str, found))
    assert all(str(p.remedy) for p in found)


def problems(text: str, catalog: Catalog) -> tuple[Problem, ...]:
    with pytest.raises(InvalidInput) as raised:
        read_site_plan(text, "east.yaml", catalog)
    return raised.value.problems


def test_all_problems_at_once(catalog: Catalog) -> None:
    text = EAST
    for old, new, _, _ in (CASES[1], CASES[4], CASES[8], CASES[15]):
        text = text.replace(old, new, 1)
    assert len(problems(text, catalog)) == 4


MONTHS_FILE = """month,accelerator_hours,revenue,failed_hours,power_cost,segment
1,100,1100,5,30,a
1,50,300,0,10,b
2,200,2000,,,a
"""


def test_months_are_added_over_segments() -> None:
    first, second = read_months(MONTHS_FILE, "m.csv")
    assert (first.hours, first.revenue, first.failed_hours, first.power_cost) == (150, 1400, 5, 40)
    assert first.segments == {"a": (95, 1100), "b": (50, 300)}
    assert second.power_cost is None


def test_months_as_json() -> None:
    assert read_months('[{"month": 1, "accelerator_hours": 7, "revenue": 70}]', "m.json")[0].hours == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("month,revenue\n1,2\n", "accelerator_hours is missing"),
        ("month,accelerator_hours,revenue,rent\n1,2,3,4\n", "unknown column"),
        ("month,accelerator_hours,revenue\n0,2,3\n", "not possible for month"),
        ("month,accelerator_hours,revenue\n1,-2,3\n", "not possible for accelerator_hours"),
        ("month,accelerator_hours,revenue\n1,nan,3\n", "not possible for accelerator_hours"),
        ("month,accelerator_hours,revenue\n1,,3\n", "accelerator_hours is missing"),
        ("[1", "not JSON"),
    ],
)
def test_months_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_months(text, "m.csv")
    assert any(message in str(p.message) for p in raised.value.problems)


def test_assumptions() -> None:
    assert read_assumptions("variable,value,note\nprice,12.5,bid\npue,1.2,\n", "a.csv") == {"price": 12.5, "pue": 1.2}
    with pytest.raises(InvalidInput) as raised:
        read_assumptions("variable,value\nprise,12\npue,0.8\n", "a.csv")
    assert [str(p.message) for p in raised.value.problems] == [
        "there is no variable 'prise'.",
        "'0.8' is not possible for pue.",
    ]
