"""FOCUS: the FinOps Open Cost and Usage Specification, version 1.2 and 1.4 (dataset Cost and Usage), as CSV.

One row a charge; what vouchers paid and the site waived are credits, and the rounding of invoices an adjustment, so
that the sum of BilledCost is what is to be paid. Prices without discount are the list prices.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from suanwang.domain.money import Money
from suanwang.domain.price import Basis, Charge

VERSIONS = ("1.2", "1.4")
COMMON = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
)
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "1.2": (*COMMON, "ProviderName", "PublisherName"),
    "1.4": (*COMMON, "HostProviderName", "ServiceProviderName"),
}
UNITS = {
    Basis.ACCELERATOR_HOUR: ("Accelerator-Hours", "Accelerator time"),
    Basis.KWH: ("Kilowatt-Hours", "Energy"),
    Basis.DELIVERED_PFLOP_HOUR: ("PFLOP-Hours", "Delivered compute"),
    Basis.MILLION_TOKENS: ("1000000 Tokens", "Tokens"),
    Basis.DATA_GB: ("GB", "Data transfer"),
    Basis.MINIMUM: ("Jobs", "Minimum charge"),
}
"""Basis -> (unit, meter)."""
QUANTITY_STEP = Decimal("0.000000000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """A charge, or a credit or adjustment without one, with whose and what it is. Times aware; `invoice` "" = a draft.

    `amount`: of a credit or adjustment negative where it lessens what is paid. `correction`: of an earlier month.
    """

    tenant: str
    tenant_name: str
    provider: str
    grid: str
    invoice: str
    period_start: datetime
    period_end: datetime
    start: datetime
    end: datetime
    amount: Money
    charge: Charge | None = None
    category: str = "Usage"
    description: str = ""
    correction: bool = False
    job: str = ""
    job_name: str = ""
    site: str = ""
    site_name: str = ""
    accelerator: str = ""
    project: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def focus_csv(rows: Iterable[Billed], version: str) -> str:
    """The file, with its heading. Null is an empty cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS[version], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        whole = focus_row(row)
        writer.writerow({name: whole.get(name, "") for name in COLUMNS[version]})
    return out.getvalue()


PLAIN = ("tenant", "invoice", "job", "job_name", "site", "accelerator", "project", "category", "description")


def plain_csv(rows: Iterable[Billed]) -> str:
    """The same rows as a plain table: one line a charge, credit or rounding, with quantity, price and amount."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*PLAIN, "start", "end", "basis", "quantity", "unit_price", "amount", "currency", "rule"))
    for row in rows:
        c = row.charge
        priced = (
            ("", "", "") if c is None else (c.basis.value, f"{float(c.quantity):.12g}", f"{c.unit_price.decimal:f}")
        )
        times = (row.start.astimezone(UTC).isoformat(), row.end.astimezone(UTC).isoformat())
        amount = (f"{row.amount.decimal:.6f}", row.amount.unit, "" if c is None else c.rule)
        writer.writerow((*(getattr(row, name) for name in PLAIN), *times, *priced, *amount))
    return out.getvalue()


def focus_row(row: Billed) -> dict[str, str]:
    """One row by column, for every version."""
    amount = f"{row.amount.decimal:.6f}"
    plain = {
        "BilledCost": amount,
        "EffectiveCost": amount,
        "ListCost": amount,
        "ContractedCost": amount,
        "BillingAccountId": row.tenant,
        "BillingAccountName": row.tenant_name,
        "BillingAccountType": "Tenant",
        "BillingCurrency": row.amount.unit,
        "BillingPeriodStart": _second(row.period_start),
        "BillingPeriodEnd": _second(row.period_end),
        "ChargeCategory": row.category,
        "ChargeClass": "Correction" if row.correction else "",
        "ChargeDescription": row.description,
        "ChargeFrequency": "Usage-Based" if row.category == "Usage" else "One-Time",
        "ChargePeriodStart": _second(row.start),
        "ChargePeriodEnd": _second(row.end, up=True),
        "InvoiceId": row.invoice,
        "InvoiceIssuerName": row.grid,
        "ServiceCategory": "Compute",
        "ServiceSubcategory": "Other (Compute)",
        "ServiceName": "AI compute",
        "RegionId": row.site,
        "RegionName": row.site_name,
        "ResourceId": row.job,
        "ResourceName": row.job_name,
        "ResourceType": "Job" if row.job else "",
        "SubAccountId": row.project,
        "SubAccountName": row.project,
        "SubAccountType": "Project" if row.project else "",
        "Tags": json.dumps(dict(row.tags), ensure_ascii=False, sort_keys=True),
        "ProviderName": row.grid,
        "PublisherName": row.provider,
        "ServiceProviderName": row.grid,
        "HostProviderName": row.provider,
    }
    return plain | (_priced(row, row.charge) if row.charge is not None and row.category == "Usage" else {})


def _priced(row: Billed, charge: Charge) -> dict[str, str]:
    """What is known of the price. Costs are the product of price and quantity as they are printed."""
    unit, meter = UNITS[charge.basis]
    quantity = Decimal(charge.quantity.numerator) / Decimal(charge.quantity.denominator)
    quantity = quantity.quantize(QUANTITY_STEP, rounding=ROUND_HALF_EVEN)
    own = charge.unit_price.decimal
    listed = own if charge.list_price is None else charge.list_price.decimal
    data = charge.basis is Basis.DATA_GB
    return {
        "ConsumedQuantity": f"{quantity:f}",
        "ConsumedUnit": unit,
        "PricingQuantity": f"{quantity:f}",
        "PricingUnit": unit,
        "ListUnitPrice": f"{listed:f}",
        "ListCost": f"{listed * quantity:f}",
        "ContractedUnitPrice": f"{own:f}",
        "ContractedCost": f"{own * quantity:f}",
        "PricingCategory": _category(charge.rule),
        "SkuId": charge.book_id,
        "SkuMeter": meter,
        "SkuPriceId": f"{charge.book_id}-{charge.book_version}-{charge.basis.value}",
        "SkuPriceDetails": json.dumps({"x_Accelerator": row.accelerator} if row.accelerator else {}),
        "ServiceCategory": "Networking" if data else "Compute",
        "ServiceSubcategory": "Network Connectivity" if data else "Other (Compute)",
        "ServiceName": "Data transfer" if data else "AI compute",
    }


def _category(rule: str) -> str:
    if rule.startswith("commitment"):
        return "Committed"
    return "Dynamic" if rule.startswith(("spot", "floor", "tariff")) else "Standard"


def _second(when: datetime, *, up: bool = False) -> str:
    """Whole seconds in UTC: a beginning is rounded down, an end up, so that a period is never empty."""
    utc = when.astimezone(UTC)
    if up and utc.microsecond:
        utc += timedelta(seconds=1)
    return utc.strftime("%Y-%m-%dT%H:%M:%SZ")
