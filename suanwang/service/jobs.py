"""What a principal may see of jobs: another tenant's job answers like one that is not there."""

from dataclasses import dataclass

from suanwang.domain.identity import Permission, Principal
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import Job, JobEvent, JobState
from suanwang.domain.order import Purpose
from suanwang.domain.usage import UsageRecord
from suanwang.errors import NotFound, NotNow, msg
from suanwang.service.hub import Hub
from suanwang.service.listing import JobLine
from suanwang.service.settlement import invoice_of


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """Jobs in order of submission. `next`: what to give as `after` for the next page; None on the last one."""

    jobs: tuple[JobLine, ...]
    next: str | None


def lines_of(
    hub: Hub, tenant: str, states: tuple[JobState, ...], limit: int, after: str, *, newest: bool = False
) -> JobPage:
    """A page of a tenant's jobs ("": everybody's)."""
    with hub.store.transaction() as tx:
        found = tx.jobs.find(states, tenant, limit, after, newest=newest)
    full = len(found) == limit
    return JobPage(jobs=tuple(JobLine.of(job) for job in found), next=found[-1].id if full else None)


def visible(principal: Principal, organisation: str, permission: Permission) -> bool:
    """Whether a thing of that organisation is there for the principal: the first wall."""
    return principal.may(permission, organisation)


def job_of(hub: Hub, principal: Principal, job_id: str, permission: Permission = Permission.JOBS_READ) -> Job:
    """A job that the principal may see. Raises NotFound, with the same words for one that is another's."""
    with hub.store.transaction() as tx:
        job = tx.jobs.get(job_id)
    if not visible(principal, job.tenant, permission):
        raise NotFound("not-found", msg("there is no {noun} {key}", noun=msg("job"), key=job_id), msg("Check the id."))
    return job


def events_of(hub: Hub, principal: Principal, job_id: str) -> tuple[JobEvent, ...]:
    """Every move of a job, in order. Raises NotFound."""
    job = job_of(hub, principal, job_id)
    with hub.store.transaction() as tx:
        return tuple(tx.jobs.events(job.id))


def usage_of(hub: Hub, principal: Principal, job_id: str) -> tuple[UsageRecord, ...]:
    """What a job used. Raises NotFound."""
    job = job_of(hub, principal, job_id)
    with hub.store.transaction() as tx:
        return tuple(tx.usage.records(job.id))


def output_of(hub: Hub, principal: Principal, job_id: str, offset: int, limit: int) -> bytes:
    """What the latest attempt wrote. Raises NotFound, NotNow(not-started)."""
    return latest_output(hub, job_of(hub, principal, job_id), offset, limit)


def latest_output(hub: Hub, job: Job, offset: int, limit: int) -> bytes:
    """What the latest attempt of a job wrote, from a byte offset; before the first, what the order wrote that brings
    its data. Raises NotNow(not-started)."""
    with hub.store.transaction() as tx:
        orders = [order for order, _ in tx.jobs.orders(job_id=job.id)]
    if not orders or job.placement is None:
        raise NotNow(
            "not-started",
            msg("job {job} has not been sent to an engine", job=job.id),
            msg("Wait until it runs; `suanwang job show {job}` says why it waits.", job=job.id),
        )
    latest = max(orders, key=lambda o: (o.purpose is Purpose.RUN, abs(o.attempt)))
    return hub.engine(latest.pool_id).logs(latest.id, offset, limit)


def bill_of(hub: Hub, principal: Principal, job_id: str) -> Invoice:
    """The bill of a settled job. Raises NotFound, NotNow(not-settled)."""
    return settled_bill(hub, job_of(hub, principal, job_id))


def settled_bill(hub: Hub, job: Job) -> Invoice:
    """The bill of a job. Raises NotNow(not-settled) before it is settled."""
    if job.state is not JobState.SETTLED:
        raise NotNow(
            "not-settled",
            msg("job {job} is {state}; its bill is made when it is settled", job=job.id, state=job.state.value),
            msg("Wait for its end."),
        )
    return invoice_of(hub, job.id)
