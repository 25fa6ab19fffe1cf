"""After every settled run: the estimate against the meter, and the class factor of the pool that follows from it."""

from datetime import datetime
from fractions import Fraction

from suanwang.domain.comparison import Comparison
from suanwang.domain.job import Job, JobState
from suanwang.domain.reason import Reason
from suanwang.domain.usage import Source, UsageRecord
from suanwang.estimate.feedback import factor_after, factor_in
from suanwang.ports import Transaction
from suanwang.service.hub import Hub


def compare(tx: Transaction, job: Job, now: datetime) -> Comparison | None:
    """Store the comparison of a job that is being settled; None where there is nothing to compare.

    Compared are runs of one attempt that succeeded, or were ended at the high end of their estimate (the metered time
    is then less than they needed: learned all the same, or an estimate that is too short would never be mended). Not
    compared: a served model's time, which is the tenant's own, a limit that the tenant set, and work done twice.
    """
    ended_early = job.reason is Reason.TIME_LIMIT and job.workload.limits.time_limit_s is None
    if not (job.outcome is JobState.SUCCEEDED or ended_early) or job.placement is None or job.attempt > 1:
        return None
    answer = job.placement.option.estimate
    records = tx.usage.records(job.id)
    estimated, measured = sum(answer.breakdown_s.values()), seconds(records)
    if not answer.work or not records or measured <= 0 or estimated <= 0:
        return None
    before = tx.comparisons.latest().get((answer.pool_id, answer.work))
    used = factor_in(answer)
    factor, learned = factor_after(before, measured / estimated, used, at_least=ended_early)
    metered = all(r.energy_source is Source.MEASURED for r in records)
    found = Comparison(
        pool_id=answer.pool_id,
        work=answer.work,
        sequence=before.sequence + 1 if before else 1,
        job_id=job.id,
        at=now,
        estimated_s=estimated,
        measured_s=measured,
        factor_used=used,
        factor=factor,
        learned=learned,
        ended_early=ended_early,
        estimated_kwh_it=answer.power_w_it.mid * estimated / 3.6e6,
        measured_kwh_it=float(sum((r.energy_kwh_it for r in records), Fraction(0))) if metered else None,
    )
    tx.comparisons.add(found)
    return found


def seconds(records: list[UsageRecord]) -> float:
    """Time on the cards."""
    return sum((r.end - r.start).total_seconds() for r in records)


def history(hub: Hub, pool_id: str = "", limit: int = 1000) -> list[Comparison]:
    """The last comparisons of a pool, or of all, in order of time."""
    with hub.store.transaction() as tx:
        return tx.comparisons.history(pool_id, limit)
