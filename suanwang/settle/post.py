"""Holding money and vouchers before a run, and posting what it really cost: transfers with deterministic ids.

A voucher is redeemed by two transfers: its own units to `redeemed`, and the same amount of the programme's fund to
the site. The rest is the tenant's money. Repeats make the same transfers, which the ledger skips.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from suanwang.domain.job import Job
from suanwang.domain.ledger import AccountKind, Transfer, TransferKind
from suanwang.domain.money import Money, total
from suanwang.domain.placement import Option
from suanwang.domain.price import Charge
from suanwang.domain.programme import voucher_unit
from suanwang.domain.voucher import Redemption
from suanwang.settle.accounts import (
    COIN_MICRO,
    fund_id,
    kind_of,
    redeemed_id,
    site_id,
    tax_id,
    tenant_id,
    voucher_id,
)
from suanwang.settle.rate import PART_OF
from suanwang.settle.redeem import NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a job cost and who pays: charged = waived + by_voucher + by_money, exactly. `waived`: the site bears it."""

    transfers: tuple[Transfer, ...]
    charged: Money
    waived: Money
    by_voucher: Money
    by_money: Money

    def __post_init__(self) -> None:
        if self.charged != self.waived + self.by_voucher + self.by_money:
            raise ValueError("the parts of a settlement do not sum to what was charged")


def hold(job: Job, redemptions: Sequence[Redemption], *, at: datetime, expires: datetime) -> list[Transfer]:
    """Pending transfers for a placed job: vouchers first, then the tenant's money for the rest of `billed_high`.

    The money is held to the next whole coin, so that the rounding of the job's invoice is covered as well. What a
    voucher pays by the unit is held in money too: how many units a cost stands for is known when they were metered.
    Ids: `hold:<job>:voucher:<voucher>`, `hold:<job>:fund:<voucher>`, `hold:<job>:money`; for a job that was moved
    while it waited, with the number of moves behind. Redemptions of 0 hold
    nothing. Raises ValueError when the job has no placement, or the redemptions exceed the cost (a bug).
    """
    option = _option(job)
    used = [r for r in redemptions if r.amount]
    high = option.billed_high
    money = high - total([r.amount for r in used if r.per_unit is None], high.unit)
    if total([r.amount for r in used], high.unit) > high:
        raise ValueError(f"job {job.id}: vouchers hold more than the job can cost")
    held = Money(-(-money.micro // COIN_MICRO) * COIN_MICRO, money.unit)
    site = site_id(option.site_id, money.unit)

    def pending(key: str, debit: str, credit: str, amount: Money, memo: str) -> Transfer:
        return Transfer(
            id=_hold_id(job, key),
            kind=TransferKind.PENDING,
            debit=debit,
            credit=credit,
            amount=amount,
            at=at,
            memo=memo,
            job_id=job.id,
            expires=expires,
        )

    transfers: list[Transfer] = []
    for r in used:
        units = Money(r.amount.micro, voucher_unit(r.programme_id))
        fund = fund_id(r.programme_id, r.amount.unit)
        gives = f"{r.ratio}" if r.per_unit is None else f"{r.per_unit} per {r.unit}"
        memo = f"{gives} of recognised cost by {r.programme_id} version {r.programme_version}"
        source, sink = voucher_id(r.voucher_id), redeemed_id(r.programme_id)
        transfers.append(pending(f"voucher:{r.voucher_id}", source, sink, units, f"voucher {r.voucher_id}: {memo}"))
        transfers.append(pending(f"fund:{r.voucher_id}", fund, site, r.amount, f"fund for {r.voucher_id}: {memo}"))
    if held:
        transfers.append(pending("money", tenant_id(job.tenant, held.unit), site, held, "rest of the quote's high end"))
    return transfers


def money_of(held: Iterable[Transfer], unit: str) -> Money:
    """What of a job's holds is the tenant's own money."""
    return total([t.amount for t in held if kind_of(t.debit) is AccountKind.TENANT], unit)


def settle(
    job: Job,
    charges: Sequence[Charge],
    pending: Iterable[Transfer],
    redemptions: Sequence[Redemption],
    *,
    at: datetime,
    quantities: Mapping[str, Fraction] = NOTHING,
) -> Settlement:
    """Post what was used of a job's holds and void the rest.

    Each voucher, in the order given, pays min(held, ratio x recognised charges, its amount for the units among the
    metered `quantities`, less what the programme's earlier vouchers paid); money pays the rest up to its hold. What is
    above the holds or the quote's high end is waived. `pending` must be all of the job's unresolved holds: settle and
    store the job's move to settled in one step.
    Raises ValueError for a hold that no redemption explains (a bug: nothing is posted on a guess).
    """
    option = _option(job)
    unit = option.billed_high.unit
    holds = {t.id: t for t in pending}
    charged = total([c.amount for c in charges], unit)
    zero = Money.zero(unit)
    paid: dict[str, Money] = {}
    used: dict[str, Money] = {}
    for r in redemptions:
        keys = [_hold_id(job, f"voucher:{r.voucher_id}"), _hold_id(job, f"fund:{r.voucher_id}")]
        if not all(key in holds for key in keys):
            continue
        recognised = total([c.amount for c in charges if PART_OF[c.basis] in r.recognised], unit)
        before = paid.get(r.programme_id, zero)
        open_charge = min(charged, option.billed_high) - total(list(paid.values()), unit)
        held = min(holds[key].amount.micro for key in keys)
        pays = max(zero, min(Money(held, unit), r.entitled(recognised, quantities) - before, open_charge))
        paid[r.programme_id] = before + pays
        used |= dict.fromkeys(keys, pays)
    by_voucher = total(list(paid.values()), unit)
    money_key = _hold_id(job, "money")
    money_held = holds[money_key].amount if money_key in holds else zero
    by_money = min(money_held, min(charged, option.billed_high) - by_voucher)
    if money_key in holds:
        used[money_key] = by_money
    if unexplained := sorted(set(holds) - set(used)):
        raise ValueError(f"job {job.id}: no redemption explains the holds {unexplained}")
    return Settlement(
        transfers=_resolve(holds, used, at),
        charged=charged,
        waived=charged - by_voucher - by_money,
        by_voucher=by_voucher,
        by_money=by_money,
    )


def tax_transfer(job: Job, tax: Money, settled: Settlement, *, at: datetime, mark: str = "") -> list[Transfer]:
    """What of the site's receipts for a job is tax: none of it on what was waived. Nothing for no tax."""
    paid = settled.charged - settled.waived
    due = tax.times(Fraction(paid.micro, settled.charged.micro)) if settled.charged else tax
    if due.micro <= 0:
        return []
    site = _option(job).site_id
    return [
        Transfer(
            id=f"tax:{job.id}{mark}",
            kind=TransferKind.SINGLE,
            debit=site_id(site, due.unit),
            credit=tax_id(site, due.unit),
            amount=due,
            at=at,
            memo=f"tax on job {job.id}",
            job_id=job.id,
        )
    ]


def release(pending: Iterable[Transfer], *, at: datetime) -> list[Transfer]:
    """Void every hold: of a job that never started, or whose holds ran out."""
    return [_void(t, at) for t in pending]


def _resolve(holds: Mapping[str, Transfer], used: Mapping[str, Money], at: datetime) -> tuple[Transfer, ...]:
    return tuple(resolve(t, used[t.id].micro, at) for t in holds.values())


def resolve(held: Transfer, micro: int, at: datetime) -> Transfer:
    """Post so many millionths of a hold and release the rest; void it for nothing."""
    return _post(held, micro, at) if micro else _void(held, at)


def _post(held: Transfer, micro: int, at: datetime) -> Transfer:
    return Transfer(
        id=f"post:{held.id}",
        kind=TransferKind.POST,
        debit=held.debit,
        credit=held.credit,
        amount=Money(micro, held.amount.unit),
        at=at,
        memo=held.memo,
        job_id=held.job_id,
        pending_id=held.id,
    )


def _void(held: Transfer, at: datetime) -> Transfer:
    return Transfer(
        id=f"void:{held.id}",
        kind=TransferKind.VOID,
        debit=held.debit,
        credit=held.credit,
        amount=Money.zero(held.amount.unit),
        at=at,
        memo=held.memo,
        job_id=held.job_id,
        pending_id=held.id,
    )


def _hold_id(job: Job, key: str) -> str:
    return f"hold:{job.id}:{key}" if not job.replanned else f"hold:{job.id}:{key}:{job.replanned}"


def _option(job: Job) -> Option:
    if job.placement is None:
        raise ValueError(f"job {job.id} has no placement to pay for")
    return job.placement.option
