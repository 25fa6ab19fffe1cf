"""Derive every balance anew from the first transfer, by the rules of posting, and compare."""

from collections import Counter
from collections.abc import Iterable, Sequence

from suanwang.adapters.store.posting import Hold, Standing, apply, hold_of, require_postable
from suanwang.domain.ledger import Account, Balance, Transfer, TransferKind
from suanwang.errors import Message, Never, SuanwangError, msg


def wrong(what: Message) -> Never:
    """Never(store-refused): the ledger is not sound, and this is the first thing that is not."""
    return Never(
        "store-refused",
        msg("the ledger is not sound: {what}", what=what),
        msg("Stop posting, keep the database as it is, and compare it with the last backup."),
    )


def audit(stored: Sequence[tuple[Account, Balance]], transfers: Iterable[Transfer]) -> dict[str, int]:
    """Counts of accounts, transfers and open holds, and per unit the sum of its balances (`sum_micro:<unit>`, all 0).

    Raises Never(store-refused) naming the first transfer that breaks a rule, or the first account whose sums differ.
    """
    standings = {account.id: Standing(account) for account, _ in stored}
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
    sums: Counter[str] = Counter()
    for account, balance in stored:
        if standings[account.id].balance() != balance:
            raise wrong(msg("the sums of account {account} are not those of its transfers", account=account.id))
        sums[f"sum_micro:{account.unit}"] += balance.posted
    for unit, total in sums.items():
        if total:
            raise wrong(msg("{unit} does not add up to 0", unit=unit))
    return {"accounts": len(stored), "transfers": count, "holds_open": len(holds), **sums}
