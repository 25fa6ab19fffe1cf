"""What a scheduling cycle decides: who starts, who waits and why, who is stopped, resized or refused."""

from dataclasses import dataclass
from datetime import datetime

from suanwang.domain.reason import Reason
from suanwang.errors import Message
from suanwang.schedule.packing.layout import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A job whose gang fits in its pool now. `accelerators` 0: as many as it asks for. `parts`: on which nodes.

    `beside`: the job whose accelerators it shares; it takes none of its own then.
    """

    job_id: str
    pool_id: str
    accelerators: int = 0
    parts: tuple[Part, ...] = ()
    beside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A job that is not admitted in this cycle, and why. `until`: when that is worth another look, if it is known."""

    job_id: str
    reason: Reason
    detail: Message
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A waiting job that the policy will never admit: it ends here, unpaid."""

    job_id: str
    reason: Reason
    detail: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Preempted:
    """A running job that is stopped and goes back to the queue with what it has done."""

    job_id: str
    reason: Reason
    detail: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Resized:
    """A running job that goes on with another number of accelerators of its pool."""

    job_id: str
    accelerators: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Every waiting job of the snapshot, once: admitted in order, waiting or refused; and what befalls running ones.

    `again_at`: when to decide again though nothing may have happened until then.
    """

    admitted: tuple[Admitted, ...]
    waiting: tuple[Wait, ...]
    refused: tuple[Refused, ...] = ()
    preempted: tuple[Preempted, ...] = ()
    resized: tuple[Resized, ...] = ()
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A job that should run now, in this pool and on so many accelerators, whether it runs already or not.

    `beside`: on those of that job, which has a grant of its own in this pool.
    """

    job_id: str
    pool_id: str
    accelerators: int
    beside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Who should run now, first first. A running job without a grant is stopped: for `stops[id]`, else as outranked.

    `waits`: why a job without a grant waits, where it is not just for capacity. `again_at`: as in Decisions.
    """

    grants: tuple[Grant, ...]
    stops: tuple[Preempted, ...] = ()
    waits: tuple[Wait, ...] = ()
    again_at: datetime | None = None
