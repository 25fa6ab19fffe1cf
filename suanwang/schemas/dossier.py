"""A dossier as a folder of CSV tables: firms, contracts, payments, metered, installed. Only the first two are needed.

firms.csv      id, holders ("name:share; name:share"), persons (";"), address, phone, accounts (";"), registered
contracts.csv  id, firm, provider, item, hours, amount, signed, from_day, until_day, granted, programme, claimed,
               paid_out, invoice, fingerprint
payments.csv   payer, payee (bank accounts), amount, day
metered.csv    contract, hours, utilisation, variation, bytes_moved, foreign_share
installed.csv  provider, item, accelerators
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from suanwang.domain.dossier import Contract, Dossier, Firm, Installed, Metered, Payment
from suanwang.domain.money import Money
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.schemas.csv_rows import Row, once, rows_of
from suanwang.schemas.programme_fields import read_day
from suanwang.schemas.wrong import Wrong

COLUMNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "firms": (("id",), ("holders", "persons", "address", "phone", "accounts", "registered")),
    "contracts": (
        ("id", "firm", "provider", "item", "hours", "amount", "signed", "from_day", "until_day"),
        ("granted", "programme", "claimed", "paid_out", "invoice", "fingerprint"),
    ),
    "payments": (("payer", "payee", "amount", "day"), ()),
    "metered": (("contract", "hours"), ("utilisation", "variation", "bytes_moved", "foreign_share")),
    "installed": (("provider", "item", "accelerators"), ()),
}
"""Table -> the columns that it needs, and those that it may have."""
NEEDED = ("firms", "contracts")
EPOCH = date(1970, 1, 1)

Thing = TypeVar("Thing")


def read_dossier(tables: Mapping[str, str], folder: str, currency: str, thresholds: Sequence[Money]) -> Dossier:
    """The dossier of CSV texts by table name. Raises InvalidInput with every problem of all tables."""
    problems = [
        Problem(f"{folder}/{name}.csv", msg("the table is missing."), msg("Add the file with its columns."))
        for name in NEEDED
        if name not in tables
    ]

    def table(name: str, make: Callable[[Row], Thing], key: str = "") -> tuple[Thing, ...]:
        needed, optional = COLUMNS[name]
        columns = (*needed, *optional)
        path, text = f"{folder}/{name}.csv", tables.get(name, ",".join(columns))
        rows = rows_of(text, path, columns.__contains__, needed, ", ".join(columns), problems)
        if key:
            once(rows, key, path, problems)
        return tuple(make(row) for row in rows)

    dossier = Dossier(
        firms=table("firms", _firm, "id"),
        contracts=table("contracts", lambda row: _contract(row, currency), "id"),
        payments=table("payments", lambda row: _payment(row, currency)),
        metered=table("metered", _metered, "contract"),
        installed=table("installed", _installed),
        thresholds=tuple(thresholds),
    )
    if problems:
        raise InvalidInput(problems)
    return dossier


def write_dossier(dossier: Dossier) -> dict[str, list[list[str]]]:
    """The tables of a dossier, header first, as `read_dossier` reads them."""
    tables: dict[str, list[list[str]]] = {name: [[*needed, *more]] for name, (needed, more) in COLUMNS.items()}
    things = (dossier.firms, dossier.contracts, dossier.payments, dossier.metered, dossier.installed)
    for name, rows in zip(COLUMNS, things, strict=True):
        for thing in rows:
            tables[name].append([_cell(getattr(thing, column)) for column in tables[name][0]])
    return tables


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case Money():
            return f"{value.decimal:f}"
        case Mapping():
            return "; ".join(f"{name}:{share:g}" for name, share in value.items())
        case tuple():
            return "; ".join(value)
        case float():
            return repr(value)
    return str(value)


def _firm(row: Row) -> Firm:
    return Firm(
        id=row.needed("id", str, ""),
        holders=row.read("holders", _holders) or {},
        persons=_list(row, "persons"),
        address=row.cells.get("address", ""),
        phone=row.cells.get("phone", ""),
        accounts=_list(row, "accounts"),
        registered=row.read("registered", read_day),
    )


def _holders(value: object) -> dict[str, float]:
    """Shares by holder, from "name:0.6; name:0.4". Raises Wrong."""
    shares: dict[str, float] = {}
    for part in str(value).split(";"):
        name, _, share = part.strip().rpartition(":")
        try:
            shares[name] = float(share)
        except ValueError:
            name = ""
        if not name or not 0 <= shares.get(name, -1.0) <= 1:
            what = msg("{value} is not a holder with its share.", value=part.strip()[:60])
            raise Wrong(what, msg("Write a name and a share from 0 to 1, such as A. Person:0.6."))
    return shares


def _list(row: Row, column: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in row.cells.get(column, "").split(";") if part.strip())


def _contract(row: Row, currency: str) -> Contract:
    first, last = row.needed("from_day", read_day, EPOCH), row.needed("until_day", read_day, EPOCH)
    if last < first:
        row.problem("until_day", Wrong(msg("it ends before it begins."), msg("Exchange or correct the days.")))
    return Contract(
        id=row.needed("id", str, ""),
        firm=row.needed("firm", str, ""),
        provider=row.needed("provider", str, ""),
        item=row.needed("item", str, ""),
        hours=row.number("hours"),
        amount=row.money("amount", currency),
        signed=row.needed("signed", read_day, EPOCH),
        from_day=first,
        until_day=max(first, last),
        granted=row.money("granted", currency),
        programme=row.cells.get("programme", ""),
        claimed=row.read("claimed", read_day),
        paid_out=row.read("paid_out", read_day),
        invoice=row.cells.get("invoice", ""),
        fingerprint=row.cells.get("fingerprint", ""),
    )


def _payment(row: Row, currency: str) -> Payment:
    return Payment(
        payer=row.needed("payer", str, ""),
        payee=row.needed("payee", str, ""),
        amount=row.money("amount", currency),
        day=row.needed("day", read_day, EPOCH),
    )


def _metered(row: Row) -> Metered:
    return Metered(
        contract=row.needed("contract", str, ""),
        hours=row.number("hours"),
        utilisation=row.number("utilisation", most=1.0),
        variation=row.number("variation"),
        bytes_moved=row.number("bytes_moved"),
        foreign_share=row.number("foreign_share", most=1.0),
    )


def _installed(row: Row) -> Installed:
    return Installed(
        provider=row.needed("provider", str, ""),
        item=row.needed("item", str, ""),
        accelerators=row.count("accelerators", 0) or 0,
    )
