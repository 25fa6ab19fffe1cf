"""What a model costs by each way: by hand, where ways break even, what is refused, and the worked example."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pypdf import PdfReader

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.catalog import Catalog
from suanwang.domain.estimate import Band
from suanwang.errors import InvalidInput, Problem
from suanwang.feasibility.model_cost import compare_ways, replicas, total_cost, used_tokens
from suanwang.feasibility.model_influence import influences
from suanwang.feasibility.model_plan import Energy, ModelPlan, Serving, Team, Tokens, Training, Use, Way
from suanwang.interfaces.cli.main import main
from suanwang.interfaces.i18n import translator
from suanwang.interfaces.reports.html import html_page
from suanwang.interfaces.reports.model import model_report
from suanwang.interfaces.reports.pdf import pdf_file
from suanwang.schemas.model_plan import read_model_plan
from suanwang.schemas.model_plan_fields import model_plan_schema
from suanwang.schemas.yaml_file import read_yaml
from suanwang.service.model_study import answer_model

EXAMPLE = Path(__file__).parents[2] / "examples" / "models" / "assistant.yaml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
SECONDS = 730 * 3600


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def same(value: float) -> Band:
    return Band(value, value, value)


BUY = Way(name="buy", kind="api", tokens=Tokens(input_price=1e-6, output_price=4e-6))
SERVE = Serving(
    accelerator_id="x",
    accelerators=2,
    output_tokens_per_s=Band(500, 1000, 2000),
    power_kw_it=same(1.0),
    price_per_hour=10.0,
    peak=2.0,
)
RENT = Way(name="rent", kind="rent", serving=SERVE)
TRAIN = Way(
    name="train",
    kind="pretrain",
    serving=SERVE,
    training=Training(
        accelerator_id="x",
        accelerators=10,
        accelerator_hours=Band(7300, 14600, 29200),
        energy_kwh_it=same(1000.0),
        price_per_hour=10.0,
        runs=2,
    ),
    data=5000.0,
    preparation_months=1,
    team=(
        Team(name="t", people=2, per_year=12_000, building=True),
        Team(name="o", people=1, per_year=6000, building=False),
    ),
)


def plan(written: float = 1e9, *, ways: tuple[Way, ...] = (BUY, RENT, TRAIN), rate: float = 0.0) -> ModelPlan:
    use = Use(input_tokens=4 * written, output_tokens=written)
    energy = Energy(price=0.5, pue=1.2)
    return ModelPlan(id="m", name="M", currency="CNY", months=12, discount_rate=rate, use=use, energy=energy, ways=ways)


def test_costs_by_hand() -> None:
    buy, rent, train = compare_ways(plan())
    assert buy.total.mid == pytest.approx(12 * (4e9 * 1e-6 + 1e9 * 4e-6))
    assert buy.per_mtoken == pytest.approx(1.6)
    assert (rent.total.low, rent.total.high) == pytest.approx(
        (12 * 730 * 2 * 10, 24 * 730 * 2 * 10)
    )  # slow: two copies
    assert rent.parts["power"] == pytest.approx(12 * 730 * 1.2 * 0.5)
    assert train.ready_month == 3  # one of preparation, two of the run
    assert train.parts["people"] == pytest.approx(3 * 2000 + 9 * 500)
    assert train.parts["data"] == 5000
    assert train.parts["tokens"] == pytest.approx(3 * 8000)
    assert train.parts["power"] == pytest.approx(2 * 1000 * 1.2 * 0.5 + 9 * 730 * 1.2 * 0.5)
    assert train.build.mid == pytest.approx(2 * 14600 * 10 + 5000 + 6000)
    assert sum(train.parts.values()) == pytest.approx(train.total.mid)
    assert sum(share.share for share in train.shares) == pytest.approx(1)
    assert not any(share.usual for share in train.shares if share.part == "people")


def test_copies_are_whole_and_carry_the_busiest_hours() -> None:
    written = 1.6e9  # 609 tokens/s, 1,218 at the busiest: two copies
    assert replicas(plan(written), SERVE, np.ones(1))[0].tolist() == [1.0] + [2.0] * 12
    assert replicas(plan(written), SERVE, np.ones(1), "low")[0, 1] == 1
    assert replicas(plan(written), SERVE, np.ones(1), "high")[0, 1] == 3
    assert replicas(plan(written), replace(SERVE, replicas_min=5), np.ones(1))[0, 1] == 5


def test_where_it_breaks_even() -> None:
    """A copy costs 14,600 a month, bought tokens 1.6 a million."""
    wide = replace(RENT, serving=replace(SERVE, output_tokens_per_s=same(1e9)))
    rent = compare_ways(plan(ways=(BUY, wide)))[1]
    assert rent.break_even_tokens_per_month == pytest.approx(14_600 / 1.6 * 1e6)
    assert rent.break_even_month is None
    cheap = compare_ways(
        plan(3e9, ways=(BUY, replace(wide, data=40_000.0, training=TRAIN.training, preparation_months=0)))
    )
    assert cheap[1].break_even_month is None
    free = replace(BUY, name="free", tokens=Tokens(input_price=0, output_price=0))
    assert compare_ways(plan(ways=(BUY, free)))[1].break_even_tokens_per_month == 0


def test_an_outlay_is_paid_back_in_the_month_in_which_the_sums_cross() -> None:
    training = Training(
        accelerator_id="x", accelerators=1, accelerator_hours=same(730.0), energy_kwh_it=same(0.0), price_per_hour=10.0
    )
    way = Way(name="w", kind="finetune", training=training, serving=replace(SERVE, price_per_hour=1.0), data=20_000.0)
    cost = compare_ways(plan(ways=(BUY, way)))[1]
    assert cost.ready_month == 1  # 27,300 more than bought tokens, then 8,000 less 1,460 a month
    assert cost.break_even_month == 1 + 5


def test_training_again_costs_again() -> None:
    assert TRAIN.training is not None
    again = replace(TRAIN, training=replace(TRAIN.training, every_months=3))
    once, often = compare_ways(plan(ways=(BUY, TRAIN, again)))[1:]
    assert often.parts["data"] == 4 * once.parts["data"]  # months 3, 6, 9 and 12


ways = st.sampled_from([BUY, RENT, TRAIN])


@given(ways, st.floats(1e6, 1e11), st.floats(1.0, 5.0), st.floats(0, 0.2))
def test_more_use_never_costs_less(way: Way, written: float, more: float, rate: float) -> None:
    made = plan(written, rate=rate)
    least, most = total_cost(made, way, BUY, np.array([1.0, more]))
    assert most >= least - 1e-6


@given(st.floats(1e6, 1e11), st.sampled_from(["low", "mid", "high"]))
def test_ends_are_in_order(written: float, end: str) -> None:
    one = np.ones(1)
    low, at, high = (total_cost(plan(written), TRAIN, BUY, one, e)[0] for e in ("low", end, "high"))
    assert low - 1e-6 <= at <= high + 1e-6


@given(st.floats(1e7, 1e10))
def test_at_the_break_even_volume_both_cost_the_same_or_a_copy_more(written: float) -> None:
    made = plan(written, ways=(BUY, TRAIN))
    volume = compare_ways(made)[1].break_even_tokens_per_month
    if volume:
        scale = np.array([volume / sum(tokens[1] for tokens in used_tokens(made))])
        assert total_cost(made, TRAIN, BUY, scale)[0] <= total_cost(made, BUY, BUY, scale)[0] + 1e-3
        assert total_cost(made, TRAIN, BUY, scale * 0.999)[0] >= total_cost(made, BUY, BUY, scale * 0.999)[0] - 1e-3


def test_influences_are_sorted() -> None:
    found = influences(plan(), TRAIN)
    assert [each.width for each in found] == sorted((each.width for each in found), reverse=True)
    assert found[0].name == "training_hours"
    assert not found[0].assumed


CASES = [
    ("months: 36", "months: 0", "model_plan.months", "at least 1"),
    ("60 B", "-60 B", "input_tokens_per_month", "greater than 0"),
    ("kind: rent", "kind: api", "ways[2]", "no serving"),
    ("model: llama-3-8b", "model: llama-9", "ways[2].model", "not among"),
    ("sample: deepseek-v3-2025-02", "sample: deepseek-v9", "ways[0].tokens.sample", "not among"),
    ("{sample: deepseek-v3-2025-02}", "{input: 2 CNY/Mtoken}", "ways[0].tokens", "both input and output"),
    ("{sample: deepseek-v3-2025-02}", "{input: 2 EUR/Mtoken, output: 3 CNY/Mtoken}", "tokens.input", "in EUR"),
    ("    - {currency: USD", "    - {currency: EUR", "ways[1].tokens.sample", "in USD"),
    ("accelerator: h100-sxm5-80gb, sample", "accelerator: h101, sample", "serving.accelerator", "not among"),
    ("pue: 1.25", "pue: 0.8", "energy.pue", "at least 1"),
    ("tokens: 2 T", "tokens: -2 T", "training.tokens", "greater than 0"),
    ("name: buy cheaper tokens", "name: buy tokens", "ways[1].name", "given twice"),
    (
        "accelerators: 8, sample: market-h100-80gb-month-8x-2026-07-15",
        "accelerators: 8",
        "training",
        "price and sample",
    ),
]


@pytest.mark.parametrize(("old", "new", "place", "message"), CASES)
def test_refused(old: str, new: str, place: str, message: str, catalog: Catalog) -> None:
    assert old in TEXT
    found = problems(TEXT.replace(old, new, 1), catalog)
    told = [f"{p.place}: {p.message} {p.remedy}" for p in found]
    assert any(place in line and message in line for line in told), told
    assert all(str(p.remedy) for p in found)


def problems(text: str, catalog: Catalog) -> tuple[Problem, ...]:
    with pytest.raises(InvalidInput) as raised:
        answer_model(read_model_plan(text, "m.yaml", catalog), catalog)
    return raised.value.problems


def test_what_does_not_fit_is_told_for_every_way(catalog: Catalog) -> None:
    found = problems(TEXT.replace("per_token_max: 60 ms", "per_token_max: 1 ms"), catalog)
    assert len(found) == 3
    assert all("EXCEEDS_LATENCY" in str(p.message) or "ExceedsLatency" in str(p.message) for p in found)
    assert "m.yaml:32 model_plan.ways[2].serving" in found[0].place


def test_the_example(catalog: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    Draft202012Validator(model_plan_schema()).validate(read_yaml(TEXT, "m").data)
    assert main(["model", str(EXAMPLE), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    totals = {way["name"]: way["total"]["mid"] for way in found["ways"]}
    assert min(totals, key=totals.__getitem__) == found["cheapest"]
    assert all(way["rests_on"] for way in found["ways"])
    assert found["ways"][1]["tokens"]["input_price"] == pytest.approx(0.15 * 7.1 / 1e6)
    assert {way["kind"] for way in found["ways"]} == {"pretrain", "finetune", "rent", "api"}


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_the_summary_is_the_first_page(lang: str, catalog: Catalog) -> None:
    translate = translator(lang)
    found = answer_model(read_model_plan(TEXT, "m", catalog), catalog)
    document = model_report(found, lang, lambda m: m if isinstance(m, str) else m.render(translate))
    pages = [re.sub(r"\s", "", page.extract_text()) for page in PdfReader(io.BytesIO(pdf_file(document))).pages]
    assert pages[1].startswith(re.sub(r"\s", "", translate("Cost by part")))
    assert html_page(document).count("<svg") == 1
