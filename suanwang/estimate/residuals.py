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
        low=0.64,
        high=1.4,
        rows=350,
        source="10th to 90th percentile of 17 published full runs at the best layout (median 1.03); 333 published "
        "steps at their own layout lie within 0.87 to 1.17, their source left out",
    ),
    "training_experts": Residual(
        low=0.82, high=1.44, rows=131, source="10th to 90th percentile of published steps, their source left out"
    ),
    "finetuning": Residual(
        low=0.83, high=1.41, rows=22, source="10th to 90th percentile of published steps, their source left out"
    ),
    "serving": Residual(
        low=0.83,
        high=1.24,
        rows=187,
        source="10th to 90th percentile of published full-load runs, their model left out",
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
    "The mean absolute logarithm of estimated over published step time is made least (errors over 0.5 cut off, each "
    "group of source, task, dense or experts, format and card weighing as the root of its rows), with a penalty for "
    "distance from round expected values. One set of constants for all: no factor for a source or a row "
    "(tools/calibrate.py)."
)
"""How the constants of priors that say "calibrated" were found."""

CROSS_VALIDATED: tuple[Validated, ...] = (
    Validated(left_out="FlagPerf", runs="pretrain, dense", rows=26, median_ape=0.110, mape=0.228, bias=-0.019),
    Validated(left_out="FlagPerf", runs="pretrain, experts", rows=1, median_ape=0.126, mape=0.126, bias=0.126),
    Validated(left_out="Megatron-Bridge", runs="lora, dense", rows=5, median_ape=0.092, mape=0.083, bias=0.000),
    Validated(left_out="Megatron-Bridge", runs="pretrain, dense", rows=68, median_ape=0.098, mape=0.103, bias=0.043),
    Validated(
        left_out="Megatron-Bridge", runs="pretrain, experts", rows=124, median_ape=0.140, mape=0.167, bias=-0.062
    ),
    Validated(left_out="Megatron-Bridge", runs="sft, dense", rows=5, median_ape=0.069, mape=0.092, bias=-0.046),
    Validated(left_out="Megatron-LM SC'21", runs="pretrain, dense", rows=10, median_ape=0.044, mape=0.045, bias=-0.045),
    Validated(
        left_out="MosaicML llm-foundry", runs="pretrain, dense", rows=216, median_ape=0.077, mape=0.100, bias=0.006
    ),
    Validated(left_out="NeMo", runs="lora, dense", rows=3, median_ape=0.179, mape=0.169, bias=0.169),
    Validated(left_out="NeMo", runs="pretrain, dense", rows=12, median_ape=0.053, mape=0.066, bias=0.001),
    Validated(left_out="NeMo", runs="sft, dense", rows=3, median_ape=0.184, mape=0.162, bias=0.162),
    Validated(left_out="NeMo AutoModel", runs="lora, dense", rows=6, median_ape=0.279, mape=0.210, bias=-0.210),
    Validated(left_out="NeMo AutoModel", runs="pretrain, dense", rows=1, median_ape=0.105, mape=0.105, bias=-0.105),
    Validated(left_out="NeMo AutoModel", runs="pretrain, experts", rows=6, median_ape=0.263, mape=0.341, bias=0.341),
    Validated(left_out="each source", runs="8 bit, dense", rows=105, median_ape=0.099, mape=0.109, bias=0.019),
    Validated(left_out="each source", runs="8 bit, experts", rows=96, median_ape=0.116, mape=0.145, bias=-0.032),
    Validated(left_out="each source", runs="lora, dense", rows=14, median_ape=0.106, mape=0.156, bias=-0.054),
    Validated(left_out="each source", runs="pretrain, dense", rows=333, median_ape=0.078, mape=0.108, bias=0.010),
    Validated(left_out="each source", runs="pretrain, experts", rows=131, median_ape=0.143, mape=0.175, bias=-0.042),
    Validated(left_out="each source", runs="sft, dense", rows=8, median_ape=0.094, mape=0.119, bias=0.032),
    Validated(left_out="each card", runs="serving, full load", rows=187, median_ape=0.089, mape=0.122, bias=0.005),
    Validated(left_out="each model", runs="serving, full load", rows=187, median_ape=0.100, mape=0.129, bias=0.005),
)
"""Leave-one-source-out on the published runs at hand (releases of one project are one source)."""
