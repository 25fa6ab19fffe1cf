"""Commitments at the end of a month: what a tenant committed to and did not use is billed."""

from datetime import datetime
from fractions import Fraction

from suanwang.domain.ledger import Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.period import Period
from suanwang.domain.price import Commitment, PriceBook
from suanwang.settle.accounts import site_id, tenant_id
from suanwang.settle.bill import to_coin

PREFIX = "commitment:"


def shortfall(
    book: PriceBook, commitment: Commitment, period: Period, used: Fraction, site: str, at: datetime
) -> list[Transfer]:
    """A transfer of the tenant's money for what is left of a commitment, tax included, rounded to the coin: it is a
    line of the invoice of its own. Nothing where all of it was used."""
    left = commitment.quantity - used
    if left <= 0:
        return []
    amount = to_coin(book.gross(commitment.amount.times(left)))
    if not amount:
        return []
    return [
        Transfer(
            id=f"{PREFIX}{book.id}:{commitment.id}:{period.id}",
            kind=TransferKind.SINGLE,
            debit=tenant_id(commitment.tenant, amount.unit),
            credit=site_id(site, amount.unit),
            amount=Money(amount.micro, amount.unit),
            at=at,
            memo=f"commitment {commitment.id} in {period.id}: {float(left):g} not used",
        )
    ]
