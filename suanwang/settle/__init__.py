"""From usage to the bill: meter, rate, redeem, post, bill. Pure functions."""

from suanwang.settle.accounts import (
    accounts_of,
    deposit,
    fund,
    fund_id,
    issue,
    tax_account,
    tenant_id,
    voucher_account,
    voucher_id,
)
from suanwang.settle.bill import invoice, rounding_transfer
from suanwang.settle.meter import compute_rate, meter
from suanwang.settle.post import Settlement, hold, money_of, release, settle, tax_transfer
from suanwang.settle.rate import Circumstances, Rater, closing, rate, rate_data, tax_of
from suanwang.settle.redeem import (
    Purse,
    billed_high_by_part,
    facts_of,
    metered_quantities,
    order_of_use,
    planned_quantities,
    redeem_in_order,
)

__all__ = [
    "Circumstances",
    "Purse",
    "Rater",
    "Settlement",
    "accounts_of",
    "billed_high_by_part",
    "closing",
    "compute_rate",
    "deposit",
    "facts_of",
    "fund",
    "fund_id",
    "hold",
    "invoice",
    "issue",
    "meter",
    "metered_quantities",
    "money_of",
    "order_of_use",
    "planned_quantities",
    "rate",
    "rate_data",
    "redeem_in_order",
    "release",
    "rounding_transfer",
    "settle",
    "tax_account",
    "tax_of",
    "tax_transfer",
    "tenant_id",
    "voucher_account",
    "voucher_id",
]
