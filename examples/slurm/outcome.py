"""What came of the show: what ran where, at which price, with which exit codes; and whether hub and Slurm agree."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs import SITES, Planned
from stage import Stage

from suanwang.bootstrap import House
from suanwang.domain.job import Job, JobState
from suanwang.domain.money import Money, total
from suanwang.domain.order import EndCause, Observation
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.service.settlement import invoice_of
from suanwang.service.tenants import check_ledger

SLURM_S = 1.0
"""Slurm's own times are whole seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One order of a job: seconds that were billed, and what Slurm itself says of the job that it was."""

    job: Job
    order_id: str
    last: Observation | None
    billed_s: float
    slurm: Mapping[str, str]

    @property
    def seen_late(self) -> bool:
        """Whether its node counted as failed when slurmctld came back, though its program had ended by itself."""
        return self.slurm.get("JobState") == "NODE_FAIL" and self.last is not None and self.last.ended is not None

    @property
    def slurm_s(self) -> float | None:
        """Elapsed seconds by Slurm's own record; None when it never ran there, or the record has gone."""
        start, end = self.slurm.get("StartTime", "Unknown"), self.slurm.get("EndTime", "Unknown")
        if "Unknown" in (start, end) or "None" in (start, end):
            return None
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def show(stage: Stage, house: House, planned: Sequence[Planned], took_s: float) -> int:
    """Print the tables; 0 when nothing is wrong."""
    terminal = Terminal("en")
    with house.store.reading() as tx:
        jobs = {job.key: job for job in tx.jobs.find(limit=100_000)}
    attempts = _attempts(stage, house, jobs.values())
    by_job: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_job[attempt.job.key].append(attempt)
    _show_sites(terminal, house, planned, jobs, by_job)
    _show_kinds(terminal, planned, jobs, by_job)
    wrong = _wrong(house, planned, jobs, by_job)
    billed = sum(a.billed_s for a in attempts)
    known = [a for a in attempts if a.slurm_s is not None and a.billed_s and not a.seen_late and not _lost(a)]
    apart = max((abs(a.billed_s - (a.slurm_s or 0.0)) for a in known), default=0.0)
    late, lost = sum(a.seen_late for a in attempts), sum(_lost(a) for a in attempts)
    print(
        f"\n{len(planned)} jobs, {len(attempts)} attempts in {took_s:.0f} s; {billed:.1f} s billed; of {len(known)} "
        f"attempts Slurm and the bill are at most {apart:.2f} s apart (Slurm counts whole seconds).\n"
        f"{late} ended while slurmctld was dead: Slurm saw that late, the bill goes by the job's own mark. {lost} were "
        "lost: what is not known is not billed."
    )
    for line in wrong:
        print(f"WRONG  {line}")
    print("Accounts and engines agree." if not wrong else f"{len(wrong)} things are wrong.")
    return 1 if wrong else 0


def _attempts(stage: Stage, house: House, jobs: Sequence[Job]) -> list[Attempt]:
    """Every order of every job, with Slurm's own record of it."""
    records = {site: _slurm_records(stage, site) for site in SITES}
    found = []
    for job in jobs:
        with house.store.reading() as tx:
            orders, usage = tx.jobs.orders(job_id=job.id), tx.usage.records(job.id)
        for order, last in orders:
            billed = sum((r.end - r.start).total_seconds() for r in usage if r.order_id == order.id)
            slurm_id = last.evidence.get("job", "") if last else ""
            record = records[order.pool_id].get(slurm_id, {})
            found.append(Attempt(job=job, order_id=order.id, last=last, billed_s=billed, slurm=record))
    return found


def _slurm_records(stage: Stage, site: str) -> dict[str, dict[str, str]]:
    """What `scontrol show jobs` says, by Slurm's job id (ARRAY_TASK for the tasks of an array)."""
    records = {}
    for line in stage.clusters.run(site, "scontrol", "-o", "show", "jobs").splitlines():
        words = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if "JobId" not in words:
            continue
        records[words["JobId"]] = words
        if "ArrayTaskId" in words:
            records[f"{words['ArrayJobId']}_{words['ArrayTaskId']}"] = words
    return records


def _show_sites(
    terminal: Terminal,
    house: House,
    planned: Sequence[Planned],
    jobs: Mapping[str, Job],
    by_job: Mapping[str, Sequence[Attempt]],
) -> None:
    rows = []
    for site in SITES:
        mine = [job for job in planned if job.site == site]
        attempts = [a for job in mine for a in by_job[job.key]]
        bills = [invoice_of(house.hub, jobs[job.key].id).payable for job in mine]
        ends = Counter(str(jobs[job.key].outcome) for job in mine)
        codes = Counter(a.last.exit_code for a in attempts if a.last and a.last.exit_code is not None)
        pool = house.hub.grid.pool(site)
        price = house.hub.grid.price_book_of(pool, house.hub.clock.now()).prices[0]
        rows.append(
            (
                site,
                pool.accelerator.id,
                str(len(mine)),
                str(len(attempts)),
                ", ".join(f"{name} {n}" for name, n in sorted(ends.items())),
                ", ".join(f"{code}: {n}" for code, n in sorted(codes.items())),
                f"{sum(a.billed_s for a in attempts):.1f}",
                str(price.amount),
                f"{total(bills, house.hub.grid.currency)}",
            )
        )
    columns = ("site", "card", ">jobs", ">attempts", "outcomes", "exit codes", ">seconds", ">a card-hour", ">paid")
    terminal.table(columns, rows, title="\nWhat ran where, at which price, with which exit codes")


def _show_kinds(
    terminal: Terminal, planned: Sequence[Planned], jobs: Mapping[str, Job], by_job: Mapping[str, Sequence[Attempt]]
) -> None:
    rows = []
    for kind in dict.fromkeys(job.kind for job in planned):
        mine = [job for job in planned if job.kind == kind]
        ends = Counter(f"{jobs[job.key].outcome} {jobs[job.key].reason or ''}".strip() for job in mine)
        lost = sum(_lost(a) for job in mine for a in by_job[job.key])
        rows.append((kind, str(len(mine)), str(lost), ", ".join(f"{name} {n}" for name, n in sorted(ends.items()))))
    terminal.table(("kind", ">jobs", ">lost attempts", "outcomes"), rows, title="\nBy kind")


def _lost(attempt: Attempt) -> bool:
    return attempt.last is not None and attempt.last.cause is EndCause.LOST


def _wrong(
    house: House,
    planned: Sequence[Planned],
    jobs: Mapping[str, Job],
    by_job: Mapping[str, Sequence[Attempt]],
) -> list[str]:
    """Every job that is not as it must be. One whose node died may have failed for that, and says so."""
    wrong = []
    for wanted in planned:
        job, attempts = jobs[wanted.key], by_job[wanted.key]
        lost = [a for a in attempts if _lost(a)]
        if job.state is not JobState.SETTLED:
            wrong.append(f"{job.key} is {job.state}")
        elif job.outcome is not wanted.outcome and not lost:
            wrong.append(f"{job.key} ({wanted.kind}) is {job.outcome} because of {job.reason} {job.detail}")
        last = attempts[-1].last if attempts else None
        if last and not lost and wanted.exit_code is not None and last.exit_code != wanted.exit_code:
            wrong.append(f"{job.key} ended with exit code {last.exit_code}, not {wanted.exit_code}")
        wrong += [line for attempt in attempts if (line := _disagreement(attempt))]
    names = Counter((w.site, a.slurm["JobId"]) for w in planned for a in by_job[w.key] if a.slurm)
    wrong += [f"job {name} of Slurm at {site} stands for {n} orders" for (site, name), n in names.items() if n > 1]
    report = check_ledger(house.hub)
    wrong += [f"the ledger's {name} is {n}" for name, n in report.counts.items() if name.startswith("sum_") and n]
    tenant = next(b.available for b in report.balances if b.account_id == "tenant:lab:CNY")
    paid = total([invoice_of(house.hub, job.id).payable for job in jobs.values()], "CNY")
    if Money(tenant, "CNY") + paid != Money.parse("100000", "CNY"):
        wrong.append(f"the invoices say {paid}, the tenant's account has {Money(tenant, 'CNY')} left")
    return wrong


def _disagreement(attempt: Attempt) -> str:
    """Where the bill of an attempt and Slurm's record differ by more than a second."""
    slurm_s = attempt.slurm_s
    if slurm_s is None:
        return f"{attempt.order_id} is billed, and Slurm has no record" if attempt.billed_s and attempt.slurm else ""
    if _lost(attempt) or attempt.seen_late:  # the site bears what is not known
        return f"{attempt.order_id} is billed more than it can have run" if attempt.billed_s > slurm_s + SLURM_S else ""
    if abs(attempt.billed_s - slurm_s) > SLURM_S and attempt.last and attempt.last.started:
        return f"{attempt.order_id} is billed {attempt.billed_s:.2f} s, Slurm says {slurm_s:.0f} s"
    return ""
