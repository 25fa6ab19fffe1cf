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
    Validated(left_out="FlagPerf", runs="pretrain, dense", rows=29, median_ape=0.123, mape=0.161, bias=-0.103),
    Validated(left_out="FlagPerf", runs="pretrain, experts", rows=1, median_ape=0.345, mape=0.345, bias=0.345),
    Validated(left_out="Megatron-Bridge", runs="lora, dense", rows=5, median_ape=0.070, mape=0.063, bias=-0.034),
    Validated(left_out="Megatron-Bridge", runs="pretrain, dense", rows=68, median_ape=0.112, mape=0.121, bias=0.083),
    Validated(
        left_out="Megatron-Bridge", runs="pretrain, experts", rows=124, median_ape=0.161, mape=0.182, bias=-0.101
    ),
    Validated(left_out="Megatron-Bridge", runs="sft, dense", rows=5, median_ape=0.110, mape=0.095, bias=-0.086),
    Validated(left_out="Megatron-LM SC'21", runs="pretrain, dense", rows=10, median_ape=0.031, mape=0.040, bias=-0.038),
    Validated(
        left_out="MosaicML llm-foundry", runs="pretrain, dense", rows=216, median_ape=0.110, mape=0.114, bias=0.039
    ),
    Validated(left_out="NeMo 24.07", runs="lora, dense", rows=3, median_ape=0.154, mape=0.137, bias=0.137),
    Validated(left_out="NeMo 24.07", runs="pretrain, dense", rows=12, median_ape=0.063, mape=0.066, bias=-0.021),
    Validated(left_out="NeMo 24.07", runs="sft, dense", rows=3, median_ape=0.118, mape=0.122, bias=0.122),
    Validated(left_out="NeMo AutoModel", runs="lora, dense", rows=6, median_ape=0.033, mape=0.103, bias=-0.103),
    Validated(left_out="NeMo AutoModel", runs="pretrain, dense", rows=1, median_ape=0.176, mape=0.176, bias=0.176),
    Validated(left_out="NeMo AutoModel", runs="pretrain, experts", rows=6, median_ape=0.219, mape=0.291, bias=0.291),
    Validated(left_out="each source", runs="8 bit, dense", rows=87, median_ape=0.107, mape=0.107, bias=0.011),
    Validated(left_out="each source", runs="8 bit, experts", rows=96, median_ape=0.119, mape=0.155, bias=-0.072),
    Validated(left_out="each source", runs="lora, dense", rows=14, median_ape=0.068, mape=0.096, bias=-0.027),
    Validated(left_out="each source", runs="pretrain, dense", rows=336, median_ape=0.109, mape=0.116, bias=0.031),
    Validated(left_out="each source", runs="pretrain, experts", rows=131, median_ape=0.164, mape=0.188, bias=-0.080),
    Validated(left_out="each source", runs="sft, dense", rows=8, median_ape=0.114, mape=0.105, bias=-0.008),
    Validated(left_out="each card", runs="serving, full load", rows=187, median_ape=0.131, mape=0.177, bias=0.03),
    Validated(left_out="each model", runs="serving, full load", rows=187, median_ape=0.196, mape=0.267, bias=0.03),
)
"""Leave-one-source-out on the published runs at hand (releases of one project are one source)."""
