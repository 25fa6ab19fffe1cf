"""Adjusting a settled job: what became known later is a reversal and new charges, and transfers for the difference.

Nothing that was posted changes. The n-th adjustment of a job has the generation n: its charges carry it in their ids
(`rev@<n>:<charge>` takes a charge back, `<charge>@<n>` is a new one), its transfers are `adjust:<job>:<n>…`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from suanwang.domain.job import Job
from suanwang.domain.ledger import AccountKind, Transfer, TransferKind
from suanwang.domain.money import Money, total
from suanwang.domain.price import Charge, reversal
from suanwang.domain.programme import voucher_unit
from suanwang.settle.accounts import fund_id, kind_of, redeemed_id, site_id, tax_id, tenant_id, voucher_id

REVERSAL = "rev@"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a job's payers paid the site so far, net of refunds, and the tax that the site set aside of it."""

    by_money: Money
    by_voucher: Mapping[str, Money]
    tax: Money

    @property
    def total(self) -> Money:
        return self.by_money + total(list(self.by_voucher.values()), self.by_money.unit)


def generation_of(charge: Charge) -> int:
    """The adjustment that a charge belongs to; 0 for what was charged at first."""
    if charge.id.startswith(REVERSAL):
        return int(charge.id.removeprefix(REVERSAL).partition(":")[0])
    mark = charge.id.rpartition("@")[2]
    return int(mark) if "@" in charge.id and mark.isdigit() else 0


def live(charges: Sequence[Charge]) -> list[Charge]:
    """The charges that count: neither taken back nor taking back."""
    taken = {c.id.partition(":")[2] for c in charges if c.id.startswith(REVERSAL)}
    return [c for c in charges if c.id not in taken and not c.id.startswith(REVERSAL)]


def reverse(charges: Iterable[Charge], generation: int) -> list[Charge]:
    """The charges that take others back."""
    return [reversal(c, f"{REVERSAL}{generation}:{c.id}") for c in charges]


def transfers_of(generation: int, job_id: str, transfers: Iterable[Transfer]) -> list[Transfer]:
    """The transfers of a job's n-th adjustment; for 0 those of its settlement."""
    begin = f"adjust:{job_id}:{generation}"
    own = (begin, f"{begin}:", f"tax:{job_id}:{generation}")
    if generation:
        return [t for t in transfers if t.id in own or t.id.startswith(f"{begin}:")]
    return [t for t in transfers if not t.id.startswith((f"adjust:{job_id}:", f"tax:{job_id}:"))]


def paid_of(job: Job, transfers: Sequence[Transfer], unit: str) -> Paid:
    """What was paid for a job, from all of its transfers."""
    assert job.placement is not None
    site = site_id(job.placement.option.site_id, unit)
    moved = [t for t in transfers if t.kind in (TransferKind.SINGLE, TransferKind.POST) and t.amount.unit == unit]
    money = Money.zero(unit)
    vouchers: dict[str, Money] = {}
    tax = Money.zero(unit)
    for t in moved:
        other, sign = (t.debit, 1) if t.credit == site else (t.credit, -1) if t.debit == site else ("", 0)
        if not sign:
            continue
        amount = t.amount if sign > 0 else -t.amount
        kind = kind_of(other)
        if kind is AccountKind.TENANT:
            money += amount
        elif kind is AccountKind.FUND:
            voucher = t.id.rpartition(":fund:")[2]
            vouchers[voucher] = vouchers.get(voucher, Money.zero(unit)) + amount
        elif kind is AccountKind.TAX:
            tax -= amount
    return Paid(by_money=money, by_voucher=vouchers, tax=tax)


def adjust(
    job: Job, generation: int, *, before: Money, after: Money, tax: Money, paid: Paid, at: datetime
) -> list[Transfer]:
    """What moves when a job's charges come to `after` instead of `before`, of which `tax` is tax.

    More is asked of the tenant's money; less is given back to it, and, beyond what it paid, to the vouchers, the last
    first. What the site had waived stays waived until the charges are below what was paid.
    """
    unit = after.unit
    zero = Money.zero(unit)
    maker = _Maker(job, generation, at)
    more = max(zero, after - before)
    back = max(zero, paid.total - after)
    paid_after = paid.total + more - back
    tax_after = tax.times(Fraction(paid_after.micro, after.micro)) if after.micro else zero
    found = [maker.tax(tax_after - paid.tax)] if tax_after.micro < paid.tax.micro else []
    if more:
        found.append(maker.make("", tenant_id(job.tenant, unit), maker.site(unit), more))
    of_money = min(back, max(zero, paid.by_money))
    if of_money:
        found.append(maker.make("", maker.site(unit), tenant_id(job.tenant, unit), of_money))
    rest = back - of_money
    programmes = {r.voucher_id: r.programme_id for r in job.redemptions}
    for voucher, amount in reversed(list(paid.by_voucher.items())):
        part = min(rest, amount)
        if part.micro > 0:
            programme, units = programmes[voucher], Money(part.micro, voucher_unit(programmes[voucher]))
            found.append(maker.make(f":fund:{voucher}", maker.site(unit), fund_id(programme, unit), part))
            found.append(maker.make(f":voucher:{voucher}", redeemed_id(programme), voucher_id(voucher), units))
            rest -= part
    if tax_after.micro > paid.tax.micro:
        found.append(maker.tax(tax_after - paid.tax))
    return found


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the transfers of one adjustment."""

    job: Job
    generation: int
    at: datetime

    def site(self, unit: str) -> str:
        assert self.job.placement is not None
        return site_id(self.job.placement.option.site_id, unit)

    def make(self, key: str, debit: str, credit: str, amount: Money) -> Transfer:
        return Transfer(
            id=f"adjust:{self.job.id}:{self.generation}{key}",
            kind=TransferKind.SINGLE,
            debit=debit,
            credit=credit,
            amount=amount,
            at=self.at,
            memo=f"adjustment {self.generation} of job {self.job.id}",
            job_id=self.job.id,
        )

    def tax(self, change: Money) -> Transfer:
        assert self.job.placement is not None
        ends = (self.site(change.unit), tax_id(self.job.placement.option.site_id, change.unit))
        debit, credit = ends if change.micro > 0 else ends[::-1]
        return Transfer(
            id=f"tax:{self.job.id}:{self.generation}",
            kind=TransferKind.SINGLE,
            debit=debit,
            credit=credit,
            amount=Money(abs(change.micro), change.unit),
            at=self.at,
            memo=f"tax of adjustment {self.generation} of job {self.job.id}",
            job_id=self.job.id,
        )
