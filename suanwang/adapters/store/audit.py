"""Derive every balance anew from the first transfer, by the rules of posting, and compare."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from suanwang.adapters.store.posting import Hold, Standing, apply, hold_of, require_postable
from suanwang.domain.ledger import Account, Balance, Transfer, TransferKind
from suanwang.domain.period import ClosedPeriod
from suanwang.errors import Message, Never, SuanwangError, msg


def wrong(what: Message) -> Never:
    """Never(store-refused): the ledger is not sound, and this is the first thing that is not."""
    return Never(
        "store-refused",
        msg("the ledger is not sound: {what}", what=what),
        msg("Stop posting, keep the database as it is, and compare it with the last backup."),
    )


def audit(
    stored: Sequence[tuple[Account, Balance]], transfers: Iterable[Transfer], closed: Iterable[ClosedPeriod] = ()
) -> dict[str, int]:
    """Counts of accounts, transfers and open holds, and per unit the sum of its balances (`sum_micro:<unit>`, all 0).

    Raises Never(store-refused) naming the first transfer that breaks a rule, the first account whose sums differ, or
    the closed period whose balances are not those of its transfers.
    """
    ends = {c.position: c for c in closed}
    standings = {account.id: Standing(account) for account, _ in stored}
    _compare(ends.pop(0, None), standings)
    holds: dict[str, Hold] = {}
    count = 0
    for transfer in transfers:
        count += 1
        try:
            require_postable([transfer], standings)
            apply(transfer, holds.pop(transfer.pending_id, None), standings)
        except SuanwangError as error:
            raise wrong(error.message) from error
        if transfer.kind is TransferKind.PENDING:
            holds[transfer.id] = hold_of(transfer)
        if count in ends:
            _compare(ends.pop(count), standings)
    for missing in ends.values():
        raise wrong(msg("the transfers up to the end of {period} are not all there", period=missing.period.id))
    sums: Counter[str] = Counter()
    for account, balance in stored:
        if standings[account.id].balance() != balance:
            raise wrong(msg("the sums of account {account} are not those of its transfers", account=account.id))
        sums[f"sum_micro:{account.unit}"] += balance.posted
    for unit, total in sums.items():
        if total:
            raise wrong(msg("{unit} does not add up to 0", unit=unit))
    return {"accounts": len(stored), "transfers": count, "holds_open": len(holds), **sums}


def _compare(closed: ClosedPeriod | None, standings: Mapping[str, Standing]) -> None:
    """A closed period never changes: the balances it was closed with are those of the transfers until then."""
    if closed is None:
        return
    for account_id, micro in closed.balances.items():
        if account_id not in standings or standings[account_id].balance().posted != micro:
            what = msg(
                "account {account} is not what {period} was closed with", account=account_id, period=closed.period.id
            )
            raise wrong(what)
