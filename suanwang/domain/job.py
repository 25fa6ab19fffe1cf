"""A job: one order to run a workload, its states, and the record of every move between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from suanwang.domain.estimate import Estimate
from suanwang.domain.placement import Placement, Rejection
from suanwang.domain.reason import Reason
from suanwang.domain.voucher import Redemption
from suanwang.domain.workload import Workload
from suanwang.errors import Message, Never, msg


class JobState(StrEnum):
    SUBMITTED = "submitted"
    ESTIMATED = "estimated"
    PLACED = "placed"
    HELD = "held"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PREEMPTED = "preempted"
    CANCELLED = "cancelled"
    SETTLED = "settled"


S = JobState
TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    S.SUBMITTED: frozenset({S.ESTIMATED, S.FAILED, S.CANCELLED}),
    S.ESTIMATED: frozenset({S.PLACED, S.FAILED, S.CANCELLED}),
    S.PLACED: frozenset({S.HELD, S.FAILED, S.CANCELLED}),
    S.HELD: frozenset({S.PLACED, S.QUEUED, S.FAILED, S.CANCELLED}),
    S.QUEUED: frozenset({S.RUNNING, S.SUCCEEDED, S.FAILED, S.PREEMPTED, S.CANCELLED}),
    S.RUNNING: frozenset({S.SUCCEEDED, S.FAILED, S.PREEMPTED, S.CANCELLED}),
    S.PREEMPTED: frozenset({S.QUEUED, S.FAILED, S.CANCELLED}),
    S.SUCCEEDED: frozenset({S.SETTLED}),
    S.FAILED: frozenset({S.SETTLED}),
    S.CANCELLED: frozenset({S.SETTLED}),
    S.SETTLED: frozenset(),
}
"""Every allowed move. `held`: paid for, waits to be admitted; back to `placed` where re-planning moves it. `queued`:
admitted, the order goes to the engine."""

OUTCOMES = frozenset({S.SUCCEEDED, S.FAILED, S.CANCELLED})
"""How a job can end, before it is settled."""
ACTIVE = frozenset({S.QUEUED, S.RUNNING})
"""States in which a job occupies accelerators of its pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """One move of a job. `sequence` counts from 1 without gaps; events are never changed."""

    job_id: str
    sequence: int
    at: datetime
    before: JobState | None
    after: JobState
    reason: Reason | None = None
    detail: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`version` counts the moves (= sequence of the last event). `attempt` counts dispatches to an engine, from 1.

    `reason` is why it waits or how it ended. `outcome` is kept when the state goes on to settled.
    `replanned`: how often it was moved while it waited. `cancel_requested`: the tenant asked for it; the next tick
    acts. `redemptions`: what its vouchers were found to pay.
    """

    id: str
    tenant: str
    key: str
    workload: Workload
    state: JobState
    version: int
    created: datetime
    updated: datetime
    attempt: int = 0
    estimates: tuple[Estimate, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    placement: Placement | None = None
    outcome: JobState | None = None
    reason: Reason | None = None
    detail: Message | None = None
    cancel_requested: bool = False
    redemptions: tuple[Redemption, ...] = ()
    replanned: int = 0


def check_transition(job_id: str, before: JobState, after: JobState) -> None:
    """Raises Never(transition-refused) for a move that TRANSITIONS does not have."""
    if after not in TRANSITIONS[before]:
        raise Never(
            "transition-refused",
            msg("job {job} cannot go from {before} to {after}", job=job_id, before=before.value, after=after.value),
            msg("Allowed: {allowed}.", allowed=", ".join(sorted(TRANSITIONS[before])) or msg("none")),
        )
