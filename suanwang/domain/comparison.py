"""A comparison (估算对照): what a settled run was estimated to take, what its meter says, and what the pool learned."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One settled run of a class of work on a pool; `sequence` counts them from 1 without gaps. Append-only.

    `factor_used`: class factor within the estimate (`estimated_s` has it). `factor`: real over modelled time of this
    class on this pool after the run; it is what the next estimates are multiplied by. `learned` False: the run was too
    far off to be told from a mistaken workload, and the factor is that of before. `ended_early`: it was ended at the
    high end of its estimate and would have taken longer. Energy at the IT equipment in kWh;
    `measured_kwh_it` None where no sensor measured it.
    """

    pool_id: str
    work: str
    sequence: int
    job_id: str
    at: datetime
    estimated_s: float
    measured_s: float
    factor_used: float
    factor: float
    learned: bool
    estimated_kwh_it: float
    measured_kwh_it: float | None = None
    ended_early: bool = False

    def __post_init__(self) -> None:
        if min(self.estimated_s, self.measured_s, self.factor_used, self.factor) <= 0 or self.sequence < 1:
            raise ValueError(f"comparison of job {self.job_id}: times, factors and the sequence are positive")

    @property
    def ratio(self) -> float:
        """Measured over estimated time."""
        return self.measured_s / self.estimated_s
