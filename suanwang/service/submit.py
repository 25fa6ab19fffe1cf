"""Submitting and cancelling: what a tenant may do to a job. The next tick acts on it."""

from dataclasses import replace
from hashlib import sha256

from suanwang.domain.job import OUTCOMES, Job, JobState
from suanwang.domain.signal import EPOCH, MICROSECOND
from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.service.hub import Hub


def submit(hub: Hub, workload: Workload, key: str) -> Job:
    """Store a job in state submitted. The same (tenant, key) again gives the first job.

    Raises InvalidInput for a workload without a program or a tenant that the grid does not know, and
    Conflict(idempotency-conflict) when the key was used for another workload.
    """
    problems = []
    if workload.program is None:
        problems.append(
            Problem("workload.command", msg("A run needs a program."), msg("Give `command`, or ask for a quote only."))
        )
    if workload.tenant not in {t.id for t in hub.grid.tenants}:
        problems.append(
            Problem(
                "workload.tenant",
                msg("The grid has no tenant {tenant!r}.", tenant=workload.tenant),
                msg("Known: {known}.", known=", ".join(t.id for t in hub.grid.tenants) or msg("none")),
            )
        )
    if workload.linked:
        what = msg("after, near and apart link workloads of one plan; a job is one workload.")
        problems.append(Problem("workload", what, msg("Place them with `suanwang plan`, or remove the links.")))
    if problems:
        raise InvalidInput(problems)
    now = hub.clock.now()
    job = Job(
        id=job_id(workload.tenant, key, (now - EPOCH) // (1000 * MICROSECOND)),
        tenant=workload.tenant,
        key=key,
        workload=workload,
        state=JobState.SUBMITTED,
        version=0,
        created=now,
        updated=now,
    )
    with hub.store.transaction() as tx:
        return tx.jobs.add(job)


def job_id(tenant: str, key: str, milliseconds: int) -> str:
    """Rises with time, and needs no random number: the key makes it unique."""
    digest = sha256("\0".join((tenant, key)).encode()).hexdigest()
    return f"j{milliseconds:011x}{digest[:8]}"


def cancel(hub: Hub, job_id: str) -> Job:
    """Ask for the end of a job. One that has ended stays as it is. Raises NotFound."""
    with hub.store.transaction() as tx:
        job = tx.jobs.get(job_id)
        if job.state in OUTCOMES or job.state is JobState.SETTLED or job.cancel_requested:
            return job
        asked = replace(job, cancel_requested=True)
        tx.jobs.note(asked)
        return asked
