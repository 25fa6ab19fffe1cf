"""What a model costs by each way to get it, month by month, and from which volume and month on a way pays.

Columns are (scales, months + 1): the planned use times each scale, and the month in which something is paid.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.estimate import Band
from suanwang.feasibility.levers import Array
from suanwang.feasibility.model_plan import ModelPlan, Serving, Training, Way
from suanwang.feasibility.plan import HOURS_PER_MONTH, MONTHS

PARTS = ("compute", "power", "people", "data", "tokens")
_SECONDS = HOURS_PER_MONTH * 3600
_SCALES = np.geomspace(1e-4, 1e4, 641)
_STEPS = 60
EPOCH_SHARES: Mapping[str, tuple[float, float]] = {
    "compute": (0.47, 0.67),
    "power": (0.02, 0.06),
    "people": (0.29, 0.49),
}
"""Shares of what it cost to develop four frontier models, without data: hardware (chips 23 to 32 %, servers 15 to 22 %,
interconnect 9 to 13 %), energy, and research staff. Cottier et al., The rising costs of training frontier AI models
(Epoch AI, arXiv:2405.21015), 2024."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part's share of what it costs to build a model (without data), beside Epoch's range for frontier models."""

    part: str
    share: float
    low: float
    high: float

    @property
    def usual(self) -> bool:
        return self.low <= self.share <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class WayCost:
    """Of one way over the whole time, as present worth in the plan's currency; `build` of it before its first use.

    `per_mtoken`: for a million tokens, read and written together, both discounted. Against the first way that buys
    tokens: `break_even_tokens_per_month` of the first month from which on it is no dearer, and `break_even_month`, when
    what it has cost is no more for the first time and stays so. None: never; for the way itself too.
    `accelerators`: to train, and to serve in the last month.
    """

    name: str
    kind: str
    ready_month: int
    total: Band
    build: Band
    parts: Mapping[str, float]
    per_mtoken: float
    shares: tuple[Share, ...]
    break_even_tokens_per_month: float | None
    break_even_month: int | None
    accelerators_training: int
    accelerators_serving: int
    monthly: tuple[float, ...]


def compare_ways(plan: ModelPlan) -> tuple[WayCost, ...]:
    """Every way, in the order of the plan."""
    bought = next((way for way in plan.ways if way.tokens is not None), None)
    return tuple(_cost(plan, way, bought) for way in plan.ways)


def used_tokens(plan: ModelPlan) -> tuple[Array, Array]:
    """(read, written) tokens of each month, (months + 1,); none in month 0, which is the decision."""
    month = np.arange(plan.months + 1)
    growth = np.where(month > 0, (1 + plan.use.growth_per_year) ** ((month - 1) / MONTHS), 0.0)
    return plan.use.input_tokens * growth, plan.use.output_tokens * growth


def ready_month(way: Way) -> int:
    """The month after which the model is used: preparation and the run, in whole months."""
    return ceil(way.preparation_months + (way.training.months if way.training else 0.0) - 1e-9)


def columns(plan: ModelPlan, way: Way, bought: Way | None, scales: Array, end: str = "mid") -> dict[str, Array]:
    """Each part of the cost, (scales, months + 1), at the low, mid or high end of the estimates.

    Until the model is ready its use is bought as tokens, where the plan has a way that buys them.
    """
    months, ready = plan.months, ready_month(way)
    found = {part: np.zeros((len(scales), months + 1)) for part in PARTS}
    later = np.arange(months + 1) > ready
    if way.training is not None:
        _train(plan, way, way.training, found, end)
    for team in way.team:
        when = ~later & (np.arange(months + 1) >= (1 if ready else 0)) if team.building else later
        found["people"] += when * team.people * team.per_year / MONTHS
    if way.serving is not None:
        _serve(plan, way.serving, found, scales, later, end)
    tokens = way.tokens or (bought.tokens if bought else None)
    if tokens is not None:
        read, written = used_tokens(plan)
        price = read * tokens.input_price + written * tokens.output_price
        found["tokens"] += scales[:, None] * price * (1 if way.tokens is not None else ~later)
    return found


def _train(plan: ModelPlan, way: Way, training: Training, found: dict[str, Array], end: str) -> None:
    """Compute and data, evenly over the months before it is ready; again every so often, in the month that it falls."""
    hours = getattr(training.accelerator_hours, end) * training.runs
    power = getattr(training.energy_kwh_it, end) * training.runs * plan.energy.pue * plan.energy.price
    compute = max(hours * training.price_per_hour - power, 0.0)
    ready = ready_month(way)
    when = np.zeros(plan.months + 1)
    first = [m for m in range(1, ready + 1) if m <= plan.months] or [0]
    when[first] += 1 / (ready or 1)
    if training.every_months:
        when[ready + training.every_months :: training.every_months] += 1
    for part, amount in (("compute", compute), ("power", power), ("data", way.data)):
        found[part] += when * amount


def replicas(plan: ModelPlan, serving: Serving, scales: Array, end: str = "mid") -> Array:
    """Copies of the model in each month, (scales, months + 1); whole ones."""
    pace = {"low": "high", "high": "low"}.get(end, end)  # a fast copy is the cheap end
    _, written = used_tokens(plan)
    busiest = scales[:, None] * written / _SECONDS * serving.peak
    needed = np.ceil(busiest / getattr(serving.output_tokens_per_s, pace) - 1e-9)
    return np.asarray(np.maximum(needed, serving.replicas_min))


def _serve(
    plan: ModelPlan, serving: Serving, found: dict[str, Array], scales: Array, later: NDArray[np.bool_], end: str
) -> None:
    copies = replicas(plan, serving, scales, end) * later
    hours = copies * serving.accelerators * HOURS_PER_MONTH
    energy = copies * getattr(serving.power_kw_it, end) * HOURS_PER_MONTH * plan.energy.pue
    power = np.minimum(energy * plan.energy.price, hours * serving.price_per_hour)
    found["power"] += power
    found["compute"] += hours * serving.price_per_hour - power


def _all(parts: Mapping[str, Array]) -> Array:
    """All parts together."""
    return np.asarray(sum(parts.values(), np.zeros(1)))


def _worth(plan: ModelPlan, flow: Array) -> Array:
    """Present worth along the months."""
    factors = (1 + plan.discount_rate) ** (-np.arange(plan.months + 1) / MONTHS)
    return np.asarray((flow * factors).sum(axis=-1))


def total_cost(plan: ModelPlan, way: Way, bought: Way | None, scales: Array, end: str = "mid") -> Array:
    """Present worth of all that a way costs at each scale of the use."""
    return _worth(plan, _all(columns(plan, way, bought, scales, end)))


def _cost(plan: ModelPlan, way: Way, bought: Way | None) -> WayCost:
    one, ready = np.ones(1), ready_month(way)
    ends = {end: columns(plan, way, bought, one, end) for end in ("low", "mid", "high")}
    flows = {end: _all(parts)[0] for end, parts in ends.items()}
    before = np.arange(plan.months + 1) <= ready
    built = {end: _worth(plan, (_all(p) - p["tokens"])[0] * before) for end, p in ends.items()}
    parts = {part: float(_worth(plan, flow)[0]) for part, flow in ends["mid"].items()}
    read, written = used_tokens(plan)
    known = bought is not None and bought is not way
    last = replicas(plan, way.serving, one)[0, -1] * way.serving.accelerators if way.serving else 0
    return WayCost(
        name=way.name,
        kind=way.kind,
        ready_month=ready,
        total=_band({end: float(_worth(plan, flow)) for end, flow in flows.items()}),
        build=_band({end: float(value) for end, value in built.items()} if way.training or ready else {}),
        parts=parts,
        per_mtoken=float(_worth(plan, flows["mid"]) / _worth(plan, read + written) * 1e6),
        shares=_shares(plan, ends["mid"], before) if way.training else (),
        break_even_tokens_per_month=_volume(plan, way, bought) if known else None,
        break_even_month=_month(plan, flows["mid"], bought) if known else None,
        accelerators_training=way.training.accelerators if way.training else 0,
        accelerators_serving=int(last),
        monthly=tuple(map(float, flows["mid"])),
    )


def _band(ends: Mapping[str, float]) -> Band:
    return Band(*sorted(ends.get(end, 0.0) for end in ("low", "mid", "high")))


def _shares(plan: ModelPlan, parts: Mapping[str, Array], before: NDArray[np.bool_]) -> tuple[Share, ...]:
    amounts = {part: float(_worth(plan, parts[part][0] * before)) for part in EPOCH_SHARES}
    total = sum(amounts.values())
    return tuple(Share(p, a / total, *EPOCH_SHARES[p]) for p, a in amounts.items()) if total else ()


def _volume(plan: ModelPlan, way: Way, bought: Way | None) -> float | None:
    """Tokens of the first month at which the way costs what bought tokens do: the least use from which on, at all
    larger ones that are looked at, it is no dearer; 0 for any use."""
    assert bought is not None

    def dearer(scales: Array) -> Array:
        return np.asarray(total_cost(plan, way, bought, scales) > total_cost(plan, bought, bought, scales))

    worse = np.flatnonzero(dearer(_SCALES))
    monthly = plan.use.input_tokens + plan.use.output_tokens
    if not len(worse):
        return 0.0
    if worse[-1] + 1 == len(_SCALES):
        return None
    low, high = float(_SCALES[worse[-1]]), float(_SCALES[worse[-1] + 1])
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if dearer(np.array([middle]))[0] else (low, middle)
    return high * monthly


def _month(plan: ModelPlan, flow: Array, bought: Way | None) -> int | None:
    """The first month from which on what was paid (not discounted) is no more than for bought tokens."""
    assert bought is not None
    other = _all(columns(plan, bought, bought, np.ones(1)))[0]
    ahead = np.cumsum(flow) <= np.cumsum(other) + 1e-9
    behind = np.flatnonzero(~ahead)
    if not len(behind):
        return 0
    return int(behind[-1]) + 1 if behind[-1] < plan.months else None
