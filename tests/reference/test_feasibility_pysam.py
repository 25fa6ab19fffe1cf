"""The cash flow against an independent program: `Singleowner` of the System Advisor Model (nrel-pysam), on 1,000 random
projects. An accelerator is a kW of capacity there, an accelerator-hour a kWh that is sold, losses are refunded.

Without the package the test is skipped; SUANWANG_REQUIRE_INTEGRATION=1 makes that a failure.
"""

import importlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from suanwang.feasibility.cashflow import by_year, evaluate
from suanwang.feasibility.outcome import outcome
from tests.small_plan import small_plan

PROJECTS = 1000
TOLERANCE = 1e-9
ACCELERATORS = 1000

ORACLE = "PySAM.Singleowner"


@pytest.fixture(scope="module")
def single_owner() -> Any:
    required = os.environ.get("SUANWANG_REQUIRE_INTEGRATION") == "1"
    reason = "nrel-pysam is not installed"
    module = importlib.import_module(ORACLE) if required else pytest.importorskip(ORACLE, reason=reason)
    model = module.default("CustomGenerationProfileSingleOwner")
    for group, values in FIXED.items():
        for name, value in values.items():
            setattr(getattr(model, group), name, value)
    return model


OFF = (
    "property_tax_rate insurance_rate cost_debt_closing cost_debt_fee cost_other_financing months_receivables_reserve "
    "months_working_reserve dscr_reserve_months equip1_reserve_cost equip2_reserve_cost equip3_reserve_cost "
    "reserves_interest construction_financing_cost dscr_limit_debt_fraction debt_option payment_option"
)
DEPRECIATION_OFF = (
    "depr_alloc_macrs_5_percent depr_alloc_macrs_15_percent depr_alloc_sl_15_percent depr_alloc_sl_20_percent "
    "depr_alloc_sl_39_percent depr_alloc_custom_percent depr_bonus_fed depr_bonus_sta depr_fedbas_method "
    "depr_stabas_method depr_itc_fed_macrs_5 depr_itc_sta_macrs_5"
)
NO_CREDITS = [f"{kind}_{level}_{what}" for kind in ("itc", "ptc") for level in ("fed", "sta")
              for what in (("percent", "amount") if kind == "itc" else ("amount",))]  # fmt: skip
FIXED: Mapping[str, Mapping[str, Any]] = {
    "FinancialParameters": dict.fromkeys(OFF.split(), 0) | {"state_tax_rate": [0], "dscr_maximum_debt_fraction": 100},
    "Depreciation": dict.fromkeys(DEPRECIATION_OFF.split(), 0) | {"depr_alloc_sl_5_percent": 100},
    "TaxCreditIncentives": {name: [0] for name in NO_CREDITS},
    "Lifetime": {"system_use_lifetime_output": 0},
    "Revenue": {
        "ppa_soln_mode": 1,
        "ppa_multiplier_model": 0,
        "dispatch_tod_factors": [1] * 9,
        "dispatch_sched_weekday": [[1] * 24] * 12,
        "dispatch_sched_weekend": [[1] * 24] * 12,
    },
    "SystemCosts": {
        "om_fixed": [0],
        "om_fuel_cost": [0],
        "om_fixed_escal": 0,
        "om_capacity_escal": 0,
        "om_production_escal": 0,
        "om_replacement_cost_escal": 0,
    },
}


def run(model: Any, given: Mapping[str, Any]) -> tuple[float, np.ndarray[Any, np.dtype[np.float64]]]:
    """(NPV, yearly cash flow after tax) of one project by SAM."""
    nominal = (1 + given["discount"]) / (1 + given["inflation"]) - 1
    generated = [ACCELERATORS * given["utilisation"]] * 8760
    model.SystemOutput.gen = generated
    model.SystemOutput.system_pre_curtailment_kwac = generated
    model.SystemOutput.degradation = [100 * given["degradation"]]
    model.Revenue.ppa_price_input = [given["price"]]
    model.Revenue.ppa_escalation = 100 * given["price_change"]
    model.Revenue.flip_target_year = given["years"]
    costs, terms = model.SystemCosts, model.FinancialParameters
    costs.total_installed_cost = ACCELERATORS * given["cost"]
    costs.om_capacity = [given["operating"]]
    costs.om_production = [1000 * given["kw"] * given["pue"] * given["tariff"]]
    terms.system_capacity = ACCELERATORS
    terms.analysis_period = given["years"]
    terms.federal_tax_rate = [100 * given["tax"]]
    terms.inflation_rate = 100 * given["inflation"]
    terms.real_discount_rate = 100 * nominal
    terms.salvage_percentage = 100 * given["salvage"]
    terms.debt_percent = 100 * given["debt"]
    terms.term_int_rate = 100 * given["rate"]
    terms.term_tenor = given["tenor"]
    model.execute(0)
    out = model.Outputs
    return out.project_return_aftertax_npv, np.array(out.cf_project_return_aftertax)[: given["years"] + 1]


def draw(random: np.random.Generator) -> dict[str, Any]:
    years = int(random.integers(3, 16))
    return {
        "years": years,
        "cost": random.uniform(3e4, 4e5),
        "price": random.uniform(1, 30),
        "utilisation": random.uniform(0.1, 1),
        "operating": random.uniform(0, 3e4),
        "kw": random.uniform(0.2, 2),
        "pue": random.uniform(1.02, 1.8),
        "tariff": random.uniform(0.15, 1.2),
        "inflation": random.uniform(0, 0.05),
        "price_change": random.uniform(-0.3, 0.05),
        "degradation": random.uniform(0, 0.03),
        "tax": float(random.choice([0, 0.15, 0.25])),
        "discount": random.uniform(0.03, 0.18),
        "salvage": random.uniform(0, 0.3),
        "debt": float(random.choice([0, 0.2, 0.5, 0.8])),
        "rate": random.uniform(0.02, 0.09),
        "tenor": int(random.integers(1, years + 1)),
    }


@pytest.mark.integration
def test_a_thousand_projects_agree(single_owner: Any) -> None:
    random = np.random.default_rng(2026)
    worst = 0.0
    for _ in range(PROJECTS):
        given = draw(random)
        npv, flow = run(single_owner, given)
        flows = evaluate(small_plan(**given, accelerators=ACCELERATORS))
        ours = by_year(flows.after_tax)[0]
        assert np.abs(ours - flow).max() <= TOLERANCE * ACCELERATORS * given["cost"], given
        worst = max(worst, abs(outcome(flows).npv - npv) / abs(npv))
    print(f"largest relative difference in NPV of {PROJECTS} projects: {worst:.1e}")
    assert worst <= TOLERANCE
