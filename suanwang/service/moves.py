"""One move of a job: the new row and the event that made it so, together."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from suanwang.domain.job import OUTCOMES, Job, JobEvent, JobState, check_transition
from suanwang.domain.reason import Reason
from suanwang.errors import Message
from suanwang.ports import Jobs


def move(
    jobs: Jobs,
    job: Job,
    after: JobState,
    at: datetime,
    reason: Reason | None = None,
    detail: Message | None = None,
    **changes: Any,
) -> Job:
    """Store and return the job in its new state, with `changes` of other fields. That its tenant has asked for its end
    since it was read is kept: a wish is no move.

    Raises Never(transition-refused), and Conflict when somebody else has moved the job since it was read.
    """
    check_transition(job.id, job.state, after)
    event = JobEvent(
        job_id=job.id,
        sequence=job.version + 1,
        at=at,
        before=job.state,
        after=after,
        reason=reason,
        detail=detail,
    )
    if after in OUTCOMES:
        changes["outcome"] = after
    changes["cancel_requested"] = job.cancel_requested or jobs.get(job.id).cancel_requested
    moved = replace(job, state=after, version=event.sequence, updated=at, reason=reason, detail=detail, **changes)
    jobs.move(moved, event)
    return moved
