"""The plan of a model as figures: how much it is used, and the ways to get it: train, fine-tune, rent, buy tokens.

As in a site's plan, amounts are floating-point numbers of one currency, months count from the decision, and nothing is
ever posted to a ledger. A `Band` is low, likely and high of an estimate.
"""

from dataclasses import dataclass, field

from suanwang.domain.estimate import Assumption, Band
from suanwang.domain.provenance import Provenance

KINDS = ("pretrain", "finetune", "rent", "api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Tokens of the first month (read and written), and how they grow a year."""

    input_tokens: float
    output_tokens: float
    growth_per_year: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """What a kWh costs and the PUE, to tell power from the rest of what an accelerator-hour costs."""

    price: float
    pue: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """`runs`: all experiments and the run itself, as so many times the run. Hours are accelerator-hours of one run.

    `every_months`: trained anew so often; 0: once.
    """

    accelerator_id: str
    accelerators: int
    accelerator_hours: Band
    energy_kwh_it: Band
    price_per_hour: float
    runs: float = 1.0
    every_months: int = 0
    source: Provenance | None = None
    assumptions: tuple[Assumption, ...] = ()

    @property
    def months(self) -> float:
        """How long one run takes."""
        return self.accelerator_hours.mid / self.accelerators / 730


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Copies of the model: written tokens/s of one at full load, its cards; at least `replicas_min`, and so many that
    the load of the busiest hours, `peak` times the mean, is carried."""

    accelerator_id: str
    accelerators: int
    output_tokens_per_s: Band
    power_kw_it: Band
    price_per_hour: float
    peak: float = 1.0
    replicas_min: int = 1
    source: Provenance | None = None
    assumptions: tuple[Assumption, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a token costs that is read, and one that is written."""

    input_price: float
    output_price: float
    source: Provenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """People: so many, at so much a year each; while it is built, or as long as it is used."""

    name: str
    people: float
    per_year: float
    building: bool
    source: Provenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to get the model. `preparation_months` before the run; `data`: its cost, again with each training."""

    name: str
    kind: str
    training: Training | None = None
    serving: Serving | None = None
    tokens: Tokens | None = None
    data: float = 0.0
    data_source: Provenance | None = None
    team: tuple[Team, ...] = ()
    preparation_months: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """What a model is wanted for, and the ways side by side; `energy` is that of rented and own cards alike."""

    id: str
    name: str
    currency: str
    months: int
    discount_rate: float
    use: Use
    energy: Energy
    ways: tuple[Way, ...]
    name_zh: str = ""
    sources: dict[str, Provenance] = field(default_factory=dict)
