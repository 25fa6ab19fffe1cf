"""The invoice: a view of charges, usage and posted transfers. The only place that rounds to the coin, and only once.

Invoices of single jobs and of a period may both be made: what earlier ones booked as rounding counts, so every
way of summing gives the same total to pay.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from suanwang.domain.invoice import DocumentKind, Invoice, InvoiceLine
from suanwang.domain.ledger import AccountKind, Transfer, TransferKind
from suanwang.domain.money import Money, total
from suanwang.domain.price import Basis, Charge
from suanwang.domain.usage import Source, UsageRecord
from suanwang.settle.accounts import COIN_MICRO, kind_of, net_into, rounding_id, tenant_id

UNIT_OF = {
    Basis.ACCELERATOR_HOUR: "accelerator-hour",
    Basis.KWH: "kWh",
    Basis.DELIVERED_PFLOP_HOUR: "PFLOP-hour",
    Basis.MILLION_TOKENS: "million tokens",
    Basis.DATA_GB: "GB",
    Basis.MINIMUM: "job",
    Basis.TAX: "currency",
}
"""The unit of a basis as an invoice shows it."""

LEAST_CERTAIN_FIRST = (Source.MODELLED, Source.ENGINE_ACCOUNTING, Source.MEASURED)


def invoice(
    invoice_id: str,
    tenant: str,
    *,
    issued: datetime,
    currency: str,
    charges: Sequence[Charge],
    transfers: Sequence[Transfer],
    records: Sequence[UsageRecord],
    tax: Money | None = None,
    kind: DocumentKind = DocumentKind.INVOICE,
    period: str = "",
) -> Invoice:
    """The bill of one job, or of a tenant's jobs that were settled in a period (the caller chooses, and gives all of
    their charges, transfers and records; transfers of other kinds do no harm).

    `by_voucher` = posted from funds, `by_money` = posted from the tenant, `waived` = charged, but not posted.
    `payable` = by_money and any rounding booked before, to the nearest coin (half to even).
    Raises ValueError when more was posted than charged: the inputs do not belong together (a bug).
    """
    charged = total([c.amount for c in charges], currency)
    by_money = _paid(transfers, AccountKind.TENANT, currency)
    by_voucher = _paid(transfers, AccountKind.FUND, currency)
    waived = charged - by_voucher - by_money
    if waived.micro < 0 and kind is DocumentKind.INVOICE:
        raise ValueError(f"invoice {invoice_id}: more was posted than charged")
    payable = to_coin(by_money + _booked(transfers, currency))
    market = [r.carbon_kg_market for r in records if r.carbon_kg_market is not None]
    return Invoice(
        id=invoice_id,
        tenant=tenant,
        issued=issued,
        currency=currency,
        lines=_lines(charges, records),
        charged=charged,
        waived=waived,
        by_voucher=by_voucher,
        by_money=by_money,
        payable=payable,
        rounding=payable - by_money,
        energy_kwh=float(sum((r.energy_kwh for r in records), Fraction(0))),
        energy_source=_least_certain(r.energy_source for r in records),
        carbon_kg_location=sum(r.carbon_kg_location for r in records),
        carbon_kg_market=sum(market) if len(market) == len(records) else None,
        accelerator_hours=float(sum((r.accelerator_hours for r in records), Fraction(0))),
        flops_delivered=sum(r.flops_delivered for r in records),
        flops_source=_least_certain(r.flops_source for r in records),
        tax=tax,
        kind=kind,
        period=period,
    )


def rounding_transfer(bill: Invoice, transfers: Sequence[Transfer], *, job_id: str = "") -> Transfer | None:
    """Books what the invoice rounds and earlier ones have not, between the tenant and `rounding`; None for nothing.

    `transfers`: the same as the invoice was made of. `job_id`: of an invoice for one job.
    """
    open_rounding = bill.rounding - _booked(transfers, bill.currency)
    if not open_rounding:
        return None
    tenant, rounding = tenant_id(bill.tenant, bill.currency), rounding_id(bill.currency)
    up = open_rounding.micro > 0
    return Transfer(
        id=f"rounding:{bill.id}",
        kind=TransferKind.SINGLE,
        debit=tenant if up else rounding,
        credit=rounding if up else tenant,
        amount=open_rounding if up else -open_rounding,
        at=bill.issued,
        memo=f"rounding of invoice {bill.id}",
        job_id=job_id,
    )


def to_coin(amount: Money) -> Money:
    """The nearest whole coin, half to even."""
    return Money(round(Fraction(amount.micro, COIN_MICRO)) * COIN_MICRO, amount.unit)


def _lines(charges: Sequence[Charge], records: Sequence[UsageRecord]) -> tuple[InvoiceLine, ...]:
    """One line for each job and basis, in the order the jobs come in. Where the price changed, its mean is shown."""
    groups: dict[tuple[str, Basis], list[Charge]] = {}
    for charge in charges:
        groups.setdefault((charge.job_id, charge.basis), []).append(charge)
    return tuple(_line(job_id, basis, group, records) for (job_id, basis), group in groups.items())


def _line(job_id: str, basis: Basis, charges: Sequence[Charge], records: Sequence[UsageRecord]) -> InvoiceLine:
    quantity = sum((c.quantity for c in charges), Fraction(0))
    amount = total([c.amount for c in charges], charges[0].amount.unit)
    prices = {c.unit_price for c in charges}
    mean = Money(round(amount.micro / quantity), amount.unit) if quantity else charges[0].unit_price
    where = dict.fromkeys(f"{r.accelerators} x {r.accelerator_id} @ {r.site_id}" for r in records if r.job_id == job_id)
    return InvoiceLine(
        job_id=job_id,
        description=", ".join(where),
        quantity=_decimal(quantity),
        unit=UNIT_OF[basis],
        unit_price=charges[0].unit_price if len(prices) == 1 else mean,
        amount=amount,
        rule=" · ".join(dict.fromkeys(c.rule for c in charges if c.rule)),
    )


def _paid(transfers: Iterable[Transfer], payer: AccountKind, currency: str) -> Money:
    """What payers of a kind paid to sites, less what came back from them."""
    moved = [t for t in transfers if t.amount.unit == currency and t.kind in (TransferKind.POST, TransferKind.SINGLE)]
    paid = [t.amount for t in moved if _kinds(t) == (payer, AccountKind.SITE)]
    back = [t.amount for t in moved if _kinds(t) == (AccountKind.SITE, payer)]
    return total(paid, currency) - total(back, currency)


def _kinds(transfer: Transfer) -> tuple[AccountKind, AccountKind]:
    return kind_of(transfer.debit), kind_of(transfer.credit)


def _booked(transfers: Iterable[Transfer], currency: str) -> Money:
    return net_into(rounding_id(currency), transfers, currency)


def _least_certain(sources: Iterable[Source]) -> Source:
    """The weakest of the sources; nothing used at all is what the engine's accounting says."""
    return min(sources, key=LEAST_CERTAIN_FIRST.index, default=Source.ENGINE_ACCOUNTING)


def _decimal(quantity: Fraction) -> str:
    """At most six decimals, for showing."""
    micro = round(quantity * 1_000_000)
    return f"{(Decimal(micro) / 1_000_000).normalize():f}"
