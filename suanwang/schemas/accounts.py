"""The accounts file: a tree of who is entitled to how many accelerators, read with all its problems at once."""

from typing import Any

import yaml

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.schedule.accounts import Account, Accounts

FIELDS = {"id": str, "parent": str, "weight": (int, float), "quota": int, "borrow": int, "lend": int}


def read_accounts(text: str, name: str) -> Accounts:
    """`accounts:` with a list of {id, parent, weight, quota, borrow, lend}. Raises InvalidInput with every problem."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(
            [Problem(name, msg("the file is not YAML"), msg("Mend it: {why}.", why=str(error)))]
        ) from error
    rows = content.get("accounts") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        remedy = msg("Write accounts: and a list of id, parent, weight, quota, borrow, lend.")
        raise InvalidInput([Problem(name, msg("the file has no list of accounts"), remedy)])
    problems: list[Problem] = []
    accounts = [account for i, row in enumerate(rows) if (account := _account(row, f"{name}: accounts[{i}]", problems))]
    ids = [account.id for account in accounts]
    for double in sorted({i for i in ids if ids.count(i) > 1}):
        problems.append(Problem(name, msg("account {id} is given twice", id=double), msg("Keep one of them.")))
    if not problems:
        try:
            return Accounts(tuple(accounts))
        except ValueError as error:
            problems.append(Problem(name, msg("{problem}", problem=str(error)), msg("Mend the parents.")))
    raise InvalidInput(problems)


def _account(row: Any, place: str, problems: list[Problem]) -> Account | None:
    known = ", ".join(FIELDS)
    if not isinstance(row, dict) or not isinstance(row.get("id"), str):
        problems.append(
            Problem(place, msg("an account needs an id"), msg("Write {{id: …}}. Known: {known}.", known=known))
        )
        return None
    before = len(problems)
    for field, value in row.items():
        if field not in FIELDS:
            problems.append(Problem(place, msg("no field {name!r}", name=field), msg("Known: {known}.", known=known)))
        elif not isinstance(value, FIELDS[field]) or isinstance(value, bool):
            what = msg("{name}: {value!r} is not what belongs there", name=field, value=value)
            problems.append(Problem(place, what, msg("Give a number; id and parent are text.")))
    if len(problems) > before:
        return None
    try:
        return Account(**row)
    except ValueError as error:
        problems.append(Problem(place, msg("{problem}", problem=str(error)), msg("Choose another value.")))
        return None
