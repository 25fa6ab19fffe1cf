"""What became of a programme's money: lines, grants, jobs, delivered compute, what expires, and what it added.

Additionality compares supported tenants with those that applied and were refused: the change of their accelerator-hours
from the 90 days before the decision to the 90 days after it, the one group's mean less the other's (a difference in
differences). It is a figure to think with, not a proof: few cases, and refused firms differ from supported ones.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from suanwang.domain.docket import Docket, DocketKind
from suanwang.domain.job import Job
from suanwang.domain.ledger import TransferKind
from suanwang.domain.money import Money, total
from suanwang.domain.programme import Programme
from suanwang.domain.usage import UsageRecord
from suanwang.domain.voucher import Voucher
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.settle.office import STAGES, line_id, lines_of

WINDOW = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobShare:
    """One job that vouchers of the programme paid in part; compute in accelerator-hours and operations delivered."""

    job_id: str
    tenant: str
    site_id: str
    paid: Money
    accelerator_hours: float
    flops_delivered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouchers:
    """issued = redeemed + given_back + open, in the programme's currency."""

    count: int
    issued: Money
    redeemed: Money
    given_back: Money
    open: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """Mean change of accelerator-hours of `supported` and of `refused` tenants, and how many there are of each."""

    supported: float
    supported_count: int
    refused: float
    refused_count: int

    @property
    def hours_per_tenant(self) -> float:
        return self.supported - self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeReport:
    """`lines`: by fund line, what is in each stage. `dockets`: how many of each kind are in each state. `expiring`:
    vouchers with something left that end within the programme's days of warning, with what is left."""

    programme: Programme
    at: datetime
    lines: Mapping[str, Mapping[str, Money]]
    dockets: Mapping[str, Mapping[str, int]]
    vouchers: Vouchers
    claims_paid: Money
    jobs: Sequence[JobShare]
    expiring: Sequence[tuple[Voucher, Money]]
    added: Added | None

    @property
    def stages(self) -> Mapping[str, Money]:
        """Over all lines."""
        unit = self.programme.currency
        return {s: total([line[s] for line in self.lines.values()], unit) for s in STAGES}

    @property
    def use_rate(self) -> float | None:
        """Redeemed over issued; None where nothing was issued."""
        return self.vouchers.redeemed.micro / self.vouchers.issued.micro if self.vouchers.issued else None


def programme_report(hub: Hub, programme_id: str) -> ProgrammeReport:
    """Everything as of now. Raises NotFound."""
    programme, now = hub.grid.programme(programme_id), hub.clock.now()
    with hub.store.transaction() as tx:
        dockets = tx.dockets.find(programme.id)
        counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for docket in dockets:
            counts[docket.kind.value][docket.state] += 1
        vouchers = tx.ledger.vouchers(programme_id=programme.id)
        left = {v.id: Money(tx.ledger.balance(f"voucher:{v.id}").posted, programme.currency) for v in vouchers}
        warned = now + timedelta(days=programme.procedure.warn_days)
        jobs = _jobs(tx, programme)
        paid = [d.amount for d in dockets if d.kind is DocketKind.CLAIM and d.state in ("paid", "closed")]
        return ProgrammeReport(
            programme=programme,
            at=now,
            lines=_lines(tx, programme),
            dockets={kind: dict(states) for kind, states in counts.items()},
            vouchers=_vouchers(tx, programme, vouchers, left),
            claims_paid=total(paid, programme.currency),
            jobs=jobs,
            expiring=[(v, left[v.id]) for v in vouchers if left[v.id] and now < v.expires <= warned],
            added=_added(tx, dockets),
        )


def _lines(tx: Transaction, programme: Programme) -> dict[str, dict[str, Money]]:
    known = {balance.account_id: balance.posted for balance in tx.ledger.balances()}
    return {
        line: {s: Money(known.get(line_id(programme, line, s), 0), programme.currency) for s in STAGES}
        for line in lines_of(programme)
    }


def _vouchers(
    tx: Transaction, programme: Programme, vouchers: Sequence[Voucher], left: Mapping[str, Money]
) -> Vouchers:
    issued = total([Money(v.face.micro, programme.currency) for v in vouchers], programme.currency)
    redeemed = Money(tx.ledger.balance(f"redeemed:{programme.id}").posted, programme.currency)
    open_ = total(list(left.values()), programme.currency)
    return Vouchers(
        count=len(vouchers), issued=issued, redeemed=redeemed, given_back=issued - redeemed - open_, open=open_
    )


def _jobs(tx: Transaction, programme: Programme) -> list[JobShare]:
    """Jobs that were paid from the programme's fund, by what it paid."""
    fund = f"fund:{programme.id}:{programme.currency}"
    paid: dict[str, int] = defaultdict(int)
    for transfer in tx.ledger.transfers(account_id=fund):
        if transfer.kind is TransferKind.POST and transfer.debit == fund and transfer.job_id:
            paid[transfer.job_id] += transfer.amount.micro
    shares = [_share(tx.jobs.get(job_id), tx, Money(micro, programme.currency)) for job_id, micro in paid.items()]
    return sorted(shares, key=lambda share: (-share.paid.micro, share.job_id))


def _share(job: Job, tx: Transaction, paid: Money) -> JobShare:
    records = tx.usage.records(job.id)
    return JobShare(
        job_id=job.id,
        tenant=job.tenant,
        site_id=records[0].site_id if records else "",
        paid=paid,
        accelerator_hours=float(sum((r.accelerator_hours for r in records), Fraction(0))),
        flops_delivered=sum(r.flops_delivered for r in records),
    )


def _added(tx: Transaction, dockets: Sequence[Docket]) -> Added | None:
    """None where one of the two groups is empty."""
    changes: dict[str, list[float]] = {"approved": [], "rejected": []}
    for docket in dockets:
        if docket.kind is DocketKind.APPLICATION and docket.state in changes:
            decided = tx.dockets.steps(docket.id)[-1].at
            records = [r for j in tx.jobs.find(tenant=docket.tenant, limit=100_000) for r in tx.usage.records(j.id)]
            after, before = _hours(records, decided, decided + WINDOW), _hours(records, decided - WINDOW, decided)
            changes[docket.state].append(after - before)
    yes, no = changes["approved"], changes["rejected"]
    if not yes or not no:
        return None
    return Added(
        supported=sum(yes) / len(yes), supported_count=len(yes), refused=sum(no) / len(no), refused_count=len(no)
    )


def _hours(records: Sequence[UsageRecord], first: datetime, last: datetime) -> float:
    """Accelerator-hours that began in [first, last)."""
    return float(sum((r.accelerator_hours for r in records if first <= r.start < last), Fraction(0)))
