"""What the cost of a way rests on: each estimate at its low and high end, the others as likely, by influence."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from suanwang.domain.estimate import Band
from suanwang.domain.provenance import Provenance
from suanwang.feasibility.model_cost import total_cost
from suanwang.feasibility.model_plan import ModelPlan, Way

STEP = 0.1
"""Where nothing is known of how uncertain a figure is: 10 % less and more."""

Change = Callable[[ModelPlan, Way, float], tuple[ModelPlan, Way]]


@dataclass(frozen=True, slots=True)
class Influence:
    """The total cost of a way at the low and the high end of one figure; `assumed`: the ends are 10 % off."""

    name: str
    low: float
    high: float
    assumed: bool
    sources: tuple[Provenance, ...]

    @property
    def width(self) -> float:
        return abs(self.high - self.low)


def _point(band: Band, at: float) -> Band:
    value = {0: band.low, 1: band.high}[int(at > 1)]
    return Band(value, value, value)


def _hours(plan: ModelPlan, way: Way, at: float) -> tuple[ModelPlan, Way]:
    assert way.training is not None
    hours = _point(way.training.accelerator_hours, at)
    return plan, replace(way, training=replace(way.training, accelerator_hours=hours))


def _pace(plan: ModelPlan, way: Way, at: float) -> tuple[ModelPlan, Way]:
    assert way.serving is not None
    return plan, replace(
        way, serving=replace(way.serving, output_tokens_per_s=_point(way.serving.output_tokens_per_s, at))
    )


def _price(plan: ModelPlan, way: Way, at: float) -> tuple[ModelPlan, Way]:
    training = way.training and replace(way.training, price_per_hour=way.training.price_per_hour * at)
    serving = way.serving and replace(way.serving, price_per_hour=way.serving.price_per_hour * at)
    return plan, replace(way, training=training, serving=serving)


def _tokens(plan: ModelPlan, way: Way, at: float) -> tuple[ModelPlan, Way]:
    assert way.tokens is not None
    own = way.tokens
    return plan, replace(way, tokens=replace(own, input_price=own.input_price * at, output_price=own.output_price * at))


def _people(plan: ModelPlan, way: Way, at: float) -> tuple[ModelPlan, Way]:
    return plan, replace(way, team=tuple(replace(t, per_year=t.per_year * at) for t in way.team))


def _use(plan: ModelPlan, way: Way, at: float) -> tuple[ModelPlan, Way]:
    use = plan.use
    more = replace(use, input_tokens=use.input_tokens * at, output_tokens=use.output_tokens * at)
    return replace(plan, use=more), way


def _data(plan: ModelPlan, way: Way, at: float) -> tuple[ModelPlan, Way]:
    return plan, replace(way, data=way.data * at)


def influences(plan: ModelPlan, way: Way) -> tuple[Influence, ...]:
    """Every figure that moves the total cost of the way, the most influential first."""
    training, serving = way.training, way.serving
    cards = [part.source for part in (training, serving) if part is not None]
    asked: list[tuple[str, Change, bool, list[Provenance | None]]] = [("use", _use, True, [plan.sources.get("use")])]
    if training is not None:
        asked.append(("training_hours", _hours, False, []))
    if serving is not None:
        asked.append(("pace_of_a_copy", _pace, False, []))
    if cards:
        asked.append(("price_of_an_accelerator_hour", _price, True, cards))
    if way.tokens is not None:
        asked.append(("price_of_tokens", _tokens, True, [way.tokens.source]))
    if way.team:
        asked.append(("people", _people, True, [t.source for t in way.team]))
    if way.data:
        asked.append(("data", _data, True, [way.data_source]))
    bought = next((w for w in plan.ways if w.tokens is not None), None)
    found = []
    for name, change, assumed, sources in asked:
        low, high = (float(total_cost(*change(plan, way, 1 + sign * STEP), bought, np.ones(1))[0]) for sign in (-1, 1))
        if low != high:
            known = tuple(dict.fromkeys(source for source in sources if source is not None))
            found.append(Influence(name, low, high, assumed, known))
    return tuple(sorted(found, key=lambda i: -i.width))
