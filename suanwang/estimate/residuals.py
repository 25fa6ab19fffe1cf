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
    "training_dense": Residual(low=0.8, high=1.5, rows=321, source="to be measured"),
    "training_experts": Residual(low=0.7, high=2.0, rows=117, source="to be measured"),
    "finetuning": Residual(low=0.8, high=1.8, rows=14, source="to be measured"),
    "serving": Residual(low=0.7, high=1.5, rows=147, source="to be measured"),
    "batch_known": Residual(low=0.9, high=1.15, rows=0, source="judged: same program, same kind of card"),
    "batch_scaled": Residual(low=0.6, high=1.8, rows=0, source="judged: same program on another kind of card"),
    "batch_roofline": Residual(low=0.7, high=3.0, rows=0, source="judged: a roofline is a lower bound of the time"),
}
"""Class -> its band. One band a class, never one a source."""

POWER = Residual(low=0.8, high=1.15, rows=0, source="judged: spread of load and of servers' overhead")
