"""From usage to the bill: meter, rate, redeem, post, bill. Pure functions."""

from suanwang.settle.accounts import (
    accounts_of,
    deposit,
    fund,
    fund_id,
    issue,
    tenant_id,
    voucher_account,
    voucher_id,
)
from suanwang.settle.bill import invoice, rounding_transfer
from suanwang.settle.meter import meter
from suanwang.settle.post import Settlement, hold, release, settle
from suanwang.settle.rate import rate, rate_data
from suanwang.settle.redeem import Purse, billed_high_by_part, facts_of, order_of_use, redeem_in_order

__all__ = [
    "Purse",
    "Settlement",
    "accounts_of",
    "billed_high_by_part",
    "deposit",
    "facts_of",
    "fund",
    "fund_id",
    "hold",
    "invoice",
    "issue",
    "meter",
    "order_of_use",
    "rate",
    "rate_data",
    "redeem_in_order",
    "release",
    "rounding_transfer",
    "settle",
    "tenant_id",
    "voucher_account",
    "voucher_id",
]
