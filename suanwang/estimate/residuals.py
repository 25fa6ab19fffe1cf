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
        low=0.68,
        high=1.5,
        rows=353,
        source="10th to 90th percentile of 17 published full runs at the best layout (median 0.98); 336 published "
        "steps at their own layout lie within 0.87 to 1.17, their source left out",
    ),
    "training_experts": Residual(
        low=0.83, high=1.49, rows=131, source="10th to 90th percentile of published steps, their source left out"
    ),
    "finetuning": Residual(
        low=0.8, high=1.38, rows=22, source="10th to 90th percentile of published steps, their source left out"
    ),
    "serving": Residual(
        low=0.76, high=1.31, rows=187, source="10th to 90th percentile of published full-load runs, their card left out"
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
    Validated(left_out="FlagPerf", runs="pretrain, dense", rows=29, median_ape=0.109, mape=0.151, bias=-0.079),
    Validated(left_out="FlagPerf", runs="pretrain, experts", rows=1, median_ape=0.253, mape=0.253, bias=0.253),
    Validated(left_out="Megatron-Bridge", runs="lora, dense", rows=5, median_ape=0.070, mape=0.063, bias=-0.034),
    Validated(left_out="Megatron-Bridge", runs="pretrain, dense", rows=68, median_ape=0.102, mape=0.108, bias=0.012),
    Validated(
        left_out="Megatron-Bridge", runs="pretrain, experts", rows=124, median_ape=0.161, mape=0.182, bias=-0.101
    ),
    Validated(left_out="Megatron-Bridge", runs="sft, dense", rows=5, median_ape=0.110, mape=0.095, bias=-0.086),
    Validated(left_out="Megatron-LM SC'21", runs="pretrain, dense", rows=10, median_ape=0.018, mape=0.022, bias=0.004),
    Validated(
        left_out="MosaicML llm-foundry", runs="pretrain, dense", rows=216, median_ape=0.111, mape=0.115, bias=0.037
    ),
    Validated(left_out="NeMo 24.07", runs="lora, dense", rows=3, median_ape=0.183, mape=0.174, bias=0.174),
    Validated(left_out="NeMo 24.07", runs="pretrain, dense", rows=12, median_ape=0.060, mape=0.065, bias=0.006),
    Validated(left_out="NeMo 24.07", runs="sft, dense", rows=3, median_ape=0.199, mape=0.174, bias=0.174),
    Validated(left_out="NeMo AutoModel", runs="lora, dense", rows=6, median_ape=0.059, mape=0.121, bias=-0.120),
    Validated(left_out="NeMo AutoModel", runs="pretrain, dense", rows=1, median_ape=0.114, mape=0.114, bias=0.114),
    Validated(left_out="NeMo AutoModel", runs="pretrain, experts", rows=6, median_ape=0.268, mape=0.314, bias=0.314),
    Validated(left_out="each source", runs="8 bit, dense", rows=87, median_ape=0.107, mape=0.109, bias=0.018),
    Validated(left_out="each source", runs="8 bit, experts", rows=96, median_ape=0.119, mape=0.155, bias=-0.072),
    Validated(left_out="each source", runs="lora, dense", rows=14, median_ape=0.095, mape=0.112, bias=-0.026),
    Validated(left_out="each source", runs="pretrain, dense", rows=336, median_ape=0.106, mape=0.112, bias=0.020),
    Validated(left_out="each source", runs="pretrain, experts", rows=131, median_ape=0.164, mape=0.189, bias=-0.079),
    Validated(left_out="each source", runs="sft, dense", rows=8, median_ape=0.124, mape=0.125, bias=0.012),
    Validated(left_out="each card", runs="serving, full load", rows=187, median_ape=0.131, mape=0.177, bias=0.033),
    Validated(left_out="each model", runs="serving, full load", rows=187, median_ape=0.195, mape=0.258, bias=0.062),
)
"""Leave-one-source-out on the published runs at hand (releases of one project are one source)."""
