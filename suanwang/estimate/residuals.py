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
        low=0.84,
        high=1.55,
        rows=329,
        source="low: 10th percentile of 321 published steps at their layout (median 0.97, 90th 1.24); high: the "
        "largest of 8 published full runs over the best layout (median 1.2: restarts, evaluation, other layouts)",
    ),
    "training_experts": Residual(
        low=0.74, high=1.81, rows=123, source="10th to 90th percentile of published steps at their layout (median 1.07)"
    ),
    "finetuning": Residual(
        low=0.79, high=1.42, rows=22, source="10th to 95th percentile of published steps at their layout (median 1.00)"
    ),
    "serving": Residual(
        low=0.75, high=1.42, rows=147, source="10th to 90th percentile of published full-load runs (median 1.06)"
    ),
    "batch_known": Residual(low=0.9, high=1.15, rows=0, source="judged: same program, same kind of card"),
    "batch_scaled": Residual(low=0.6, high=1.8, rows=0, source="judged: same program on another kind of card"),
    "batch_roofline": Residual(low=0.7, high=3.0, rows=0, source="judged: a roofline is a lower bound of the time"),
}
"""Class -> its band. One band a class, never one a source."""

POWER = Residual(low=0.8, high=1.15, rows=0, source="judged: spread of load and of servers' overhead")
