"""An invoice: a view of posted transfers and charges. The only place that rounds to the currency's smallest coin."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from suanwang.domain.money import Money
from suanwang.domain.usage import Source


class DocumentKind(StrEnum):
    """An invoice asks a tenant to pay; a credit note corrects invoices of earlier months; a statement tells a site or a
    programme what it earned or paid."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One job's use of one basis: exact `amount` at 10^-6; quantity is shown with its unit. `rule`: what made the
    price (a period of the day, a tier, a discount); `corrects`: the invoice that a credit note's line goes back to."""

    job_id: str
    description: str
    quantity: str
    unit: str
    unit_price: Money
    amount: Money
    rule: str = ""
    corrects: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """Lines sum to `charged`; charged = waived + by_voucher + by_money, exactly. `payable` is by_money, rounded once
    (half to even) to `coin_micro` millionths; `rounding` = payable - by_money is booked, so that nothing is lost.

    `tenant` is whom it is made out to (of a statement: the site or programme). `tax` is the share of `charged` that is
    tax, at 10^-6. A credit note's amounts may be negative.

    Energy in kWh at the site's meter, carbon in kg, delivered compute in operations, with their sources.
    """

    id: str
    tenant: str
    issued: datetime
    currency: str
    lines: tuple[InvoiceLine, ...]
    charged: Money
    waived: Money
    by_voucher: Money
    by_money: Money
    payable: Money
    rounding: Money
    energy_kwh: float
    energy_source: Source
    carbon_kg_location: float
    carbon_kg_market: float | None
    accelerator_hours: float
    flops_delivered: float
    flops_source: Source
    kind: DocumentKind = DocumentKind.INVOICE
    period: str = ""
    tax: Money | None = None
    tax_name: str = ""

    def __post_init__(self) -> None:
        if self.charged != self.waived + self.by_voucher + self.by_money:
            raise ValueError(f"invoice {self.id}: the parts do not sum to what was charged")
        if self.payable != self.by_money + self.rounding:
            raise ValueError(f"invoice {self.id}: the rounding is not booked")
