"""Model studies: what each way of a model plan needs, by the estimator, and what it costs."""

from dataclasses import dataclass, replace

from suanwang.domain.catalog import Catalog
from suanwang.domain.estimate import Band, Estimate
from suanwang.domain.placement import Rejection
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.estimate.notional import notional_pool
from suanwang.estimate.residuals import TIME
from suanwang.estimate.workload import estimate
from suanwang.feasibility.model_cost import WayCost, compare_ways
from suanwang.feasibility.model_influence import Influence, influences
from suanwang.feasibility.model_plan import ModelPlan, Serving, Training, Way
from suanwang.schemas.model_plan import Asked, AskedWay, ModelRequest
from suanwang.units import SECONDS_PER_HOUR

SERVING_CARDS_MAX = 4096
"""Cards on which a copy of a model and its load are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFindings:
    """A model plan with its estimates, the cost of each of its ways, and what that rests on."""

    plan: ModelPlan
    costs: tuple[WayCost, ...]
    influences: tuple[tuple[Influence, ...], ...]

    @property
    def cheapest(self) -> WayCost:
        """The way with the least total."""
        return min(self.costs, key=lambda cost: cost.total.mid)


def answer_model(request: ModelRequest, catalog: Catalog) -> ModelFindings:
    """Estimate every way, and compare. Raises InvalidInput with each part that cannot run on its accelerators."""
    problems: list[Problem] = []
    ways = [_estimated(asked, catalog, problems) for asked in request.ways]
    if problems:
        raise InvalidInput(problems)
    plan = replace(request.plan, ways=tuple(ways))
    return ModelFindings(
        plan=plan, costs=compare_ways(plan), influences=tuple(influences(plan, way) for way in plan.ways)
    )


def _estimated(asked: AskedWay, catalog: Catalog, problems: list[Problem]) -> Way:
    training = _ask(asked.training, catalog, problems)
    serving = _ask(asked.serving, catalog, problems)
    return replace(
        asked.way,
        training=_training(asked, training) if training else None,
        serving=_serving(asked, serving) if serving else None,
    )


def _ask(asked: Asked | None, catalog: Catalog, problems: list[Problem]) -> Estimate | None:
    """The estimate; None where nothing is asked, or, with a problem, where it cannot be."""
    if asked is None:
        return None
    card = catalog.accelerator(asked.accelerator_id)
    pool = notional_pool(card, catalog, asked.accelerators or SERVING_CARDS_MAX)
    found = estimate(asked.workload, pool, accelerators=catalog.accelerators)
    if not isinstance(found, Rejection):
        return found
    what = msg("{reason}: {detail}.", reason=found.reason.value, detail=found.detail)
    problems.append(Problem(asked.place, what, msg("Take other or more accelerators, or a smaller model.")))
    return None


def _training(asked: AskedWay, found: Estimate) -> Training:
    own, section = asked.training, asked.section.training
    assert own is not None
    assert section is not None
    return Training(
        accelerator_id=own.accelerator_id,
        accelerators=found.accelerators,
        accelerator_hours=found.time_s.scaled(found.accelerators / SECONDS_PER_HOUR),
        energy_kwh_it=found.energy_kwh_it,
        price_per_hour=own.price,
        runs=section.runs,
        every_months=section.every_months,
        source=own.source,
        assumptions=found.assumptions,
    )


def _serving(asked: AskedWay, found: Estimate) -> Serving:
    """One copy: its share of the estimate's pace, within the band that published serving runs showed."""
    own, section = asked.serving, asked.section.serving
    assert own is not None
    assert section is not None
    pace = found.results["tokens_per_s_max"] / found.results["replicas"]
    band = TIME["serving"]
    cards = found.layout.tp * found.layout.pp
    return Serving(
        accelerator_id=own.accelerator_id,
        accelerators=cards,
        output_tokens_per_s=Band(pace / band.high, pace, pace / band.low),
        power_kw_it=found.power_w_it.scaled(cards / found.accelerators / 1000),
        price_per_hour=own.price,
        peak=section.peak,
        replicas_min=section.replicas_min,
        source=own.source,
        assumptions=found.assumptions,
    )
