"""What every store checks of jobs and price books: one set of rules, so that all refuse alike."""

from suanwang.domain.job import Job, JobEvent, JobState, check_transition
from suanwang.domain.price import PriceBook
from suanwang.domain.usage import Correction, UsageRecord
from suanwang.errors import Conflict, Message, Never, NotFound, msg


def missing(noun: Message, key: str) -> NotFound:
    """NotFound naming the thing."""
    return NotFound("not-found", msg("there is no {noun} {key}", noun=noun, key=key), msg("Check the id."))


def lost_race(job_id: str) -> Conflict:
    """Conflict: somebody else moved the job since it was read."""
    return Conflict(
        "lost-race",
        msg("job {job} was changed by somebody else", job=job_id),
        msg("Read the job again and decide anew."),
    )


def docket_moved(docket_id: str) -> Conflict:
    """Conflict: somebody else took a step of the docket since it was read."""
    return Conflict(
        "lost-race",
        msg("docket {docket} was changed by somebody else", docket=docket_id),
        msg("Read the docket again and decide anew."),
    )


def other_body(noun: Message, key: str) -> Conflict:
    """Conflict(idempotency-conflict): the key is there with another body."""
    return Conflict(
        "idempotency-conflict",
        msg("{noun} {key} is already there with another body", noun=noun, key=key),
        msg("Use a new id for a new {noun}.", noun=noun),
    )


def check_new(job: Job) -> None:
    """A job enters the store before its first move. Raises Never(store-refused)."""
    if job.version or job.state is not JobState.SUBMITTED:
        raise Never(
            "store-refused",
            msg("job {job} is new, so it must be submitted and of version 0", job=job.id),
            msg("Add the job first, then move it."),
        )


def same_workload(stored: Job, job: Job) -> Job:
    """The stored job of the same key. Raises Conflict(idempotency-conflict) when its workload differs."""
    if stored.workload != job.workload:
        raise Conflict(
            "idempotency-conflict",
            msg("key {key!r} was used for another workload, job {job}", key=job.key, job=stored.id),
            msg("Use a new key for a new workload."),
        )
    return stored


def check_move(stored: Job, job: Job, event: JobEvent) -> None:
    """The event continues the stored job and describes the new one.

    Raises Never(transition-refused) for a move that TRANSITIONS does not have, Conflict(lost-race) when the stored job
    is not where the event starts, Never(store-refused) when job and event do not belong together.
    """
    if (event.job_id, event.sequence, event.after) != (job.id, job.version, job.state):
        raise Never(
            "store-refused",
            msg("the event {sequence} of job {job} does not describe the job", sequence=event.sequence, job=job.id),
            msg("Give the job its state and version from the event."),
        )
    first = event.before is None and event.sequence == 1 and event.after is JobState.SUBMITTED
    if event.sequence != stored.version + 1 or (event.before is not stored.state and not first):
        raise lost_race(job.id)
    if not first:
        check_transition(job.id, stored.state, event.after)


def check_sealed(stored: PriceBook, book: PriceBook) -> None:
    """A sealed version keeps its prices. Raises Conflict(idempotency-conflict); other notes of a book may be mended."""
    if stored.terms != book.terms:
        raise other_body(msg("version of the price book"), f"{book.id} {book.version}")


def check_correction(correction: Correction, first: UsageRecord | None) -> None:
    """It corrects a record that is there, and leaves whose it is and when. Raises NotFound, Never(store-refused)."""
    record = correction.record
    if first is None:
        raise missing(msg("usage record"), record.id)
    kept = ("id", "order_id", "job_id", "tenant", "site_id", "pool_id", "accelerator_id", "start", "end")
    changed = [name for name in kept if getattr(first, name) != getattr(record, name)]
    if changed:
        raise Never(
            "store-refused",
            msg("the correction of {id} changes {names}", id=record.id, names=", ".join(changed)),
            msg("Correct figures only; what was at another time or place is another record."),
        )


def same_correction(stored: Correction, correction: Correction) -> bool:
    """False: the same correction was stored before. Raises Conflict for another one of the same number."""
    if (stored.record, stored.reason) != (correction.record, correction.reason):
        raise other_body(msg("correction"), f"{correction.record.id} {correction.sequence}")
    return False
