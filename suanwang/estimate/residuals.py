"""How far estimates were off: the bands, by class of workload, and how each was measured."""

from dataclasses import dataclass

from suanwang.domain.estimate import Assumption


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """Band of a class: real over estimated time at its low and high end, from `rows` published runs (0: judged)."""

    low: float
    high: float
    rows: int
    source: str

    def assumption(self) -> Assumption:
        return Assumption(
            name="band_high",
            value=self.high,
            unit="real time / estimate",
            source=f"{self.source}; low end {self.low}",
        )


TIME: dict[str, Residual] = {
    "training_dense": Residual(
        low=0.7,
        high=1.43,
        rows=353,
        source="10th to 90th percentile of 17 published full runs at the best layout (median 0.95); 336 published "
        "steps at their own layout lie within 0.85 to 1.16",
    ),
    "training_experts": Residual(
        low=0.83, high=1.49, rows=131, source="10th to 90th percentile of published steps, their source left out"
    ),
    "finetuning": Residual(
        low=0.82, high=1.35, rows=22, source="10th to 90th percentile of published steps, their source left out"
    ),
    "serving": Residual(
        low=0.77, high=1.33, rows=187, source="10th to 90th percentile of published full-load runs, their card left out"
    ),
    "batch_known": Residual(low=0.9, high=1.15, rows=0, source="judged: same program, same kind of card"),
    "batch_scaled": Residual(low=0.6, high=1.8, rows=0, source="judged: same program on another kind of card"),
    "batch_roofline": Residual(low=0.7, high=3.0, rows=0, source="judged: a roofline is a lower bound of the time"),
}
"""Class -> its band. One band a class, never one a source."""

POWER = Residual(low=0.8, high=1.15, rows=0, source="judged: spread of load and of servers' overhead")


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """Errors of published runs that the constants were not fitted on (estimate / published - 1, as fractions).

    `left_out`: what was left out of the fit while its rows were scored.
    """

    left_out: str
    runs: str
    rows: int
    median_ape: float
    mape: float
    bias: float


FITTED = (
    "By coordinate descent on the mean absolute logarithm of estimated over published step time, errors over 0.5 cut "
    "off, each group (source, task, dense or experts, format, card) weighing as the root of its rows. One set of "
    "constants for all: no factor for a source or a row."
)
"""How the constants of priors that say "calibrated" were found."""

CROSS_VALIDATED: tuple[Validated, ...] = (
    Validated(left_out="FlagPerf", runs="pretrain, dense", rows=29, median_ape=0.110, mape=0.148, bias=-0.075),
    Validated(left_out="FlagPerf", runs="pretrain, experts", rows=1, median_ape=0.292, mape=0.292, bias=0.292),
    Validated(left_out="Megatron-Bridge", runs="lora, dense", rows=5, median_ape=0.076, mape=0.073, bias=-0.022),
    Validated(left_out="Megatron-Bridge", runs="pretrain, dense", rows=68, median_ape=0.107, mape=0.106, bias=0.028),
    Validated(
        left_out="Megatron-Bridge", runs="pretrain, experts", rows=124, median_ape=0.162, mape=0.183, bias=-0.092
    ),
    Validated(left_out="Megatron-Bridge", runs="sft, dense", rows=5, median_ape=0.089, mape=0.095, bias=-0.074),
    Validated(left_out="Megatron-LM SC'21", runs="pretrain, dense", rows=10, median_ape=0.065, mape=0.073, bias=-0.061),
    Validated(
        left_out="MosaicML llm-foundry", runs="pretrain, dense", rows=216, median_ape=0.095, mape=0.112, bias=0.036
    ),
    Validated(left_out="NeMo 24.07", runs="lora, dense", rows=3, median_ape=0.155, mape=0.148, bias=0.148),
    Validated(left_out="NeMo 24.07", runs="pretrain, dense", rows=12, median_ape=0.072, mape=0.079, bias=0.005),
    Validated(left_out="NeMo 24.07", runs="sft, dense", rows=3, median_ape=0.179, mape=0.147, bias=0.147),
    Validated(left_out="NeMo AutoModel", runs="lora, dense", rows=6, median_ape=0.041, mape=0.101, bias=-0.097),
    Validated(left_out="NeMo AutoModel", runs="pretrain, dense", rows=1, median_ape=0.171, mape=0.171, bias=0.171),
    Validated(left_out="NeMo AutoModel", runs="pretrain, experts", rows=6, median_ape=0.277, mape=0.325, bias=0.325),
    Validated(left_out="each card", runs="serving, full load", rows=187, median_ape=0.131, mape=0.177, bias=0.0),
    Validated(left_out="each model", runs="serving, full load", rows=187, median_ape=0.196, mape=0.267, bias=0.0),
)
"""Leave-one-source-out on the published runs at hand (releases of one project are one source)."""
