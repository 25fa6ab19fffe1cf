"""What the database refuses, as the errors of the house: the name of the rule that was broken decides which."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from suanwang.errors import Conflict, Message, Never, NotNow, SuanwangError, msg

REFUSALS: dict[str, tuple[type[SuanwangError], str, Message]] = {
    "accounts_limit": (
        Never,
        "insufficient-balance",
        msg("an account would fall below its limit, counting holds"),
    ),
    "key_transfers_pending_id": (Never, "transfer-refused", msg("the hold is already posted or voided")),
    "transfers_hold": (
        Never,
        "transfer-refused",
        msg("a post or void does not match its hold (accounts, unit, at most its amount)"),
    ),
    "transfers_pending_id": (Never, "transfer-refused", msg("there is no such hold")),
    "transfers_debit": (Never, "unit-mismatch", msg("the debit account is not of the transfer's unit")),
    "transfers_credit": (Never, "unit-mismatch", msg("the credit account is not of the transfer's unit")),
    "transfers_closed": (
        Conflict,
        "period-closed",
        msg("the time of a transfer lies in a period that is closed"),
    ),
    "closed_periods_order": (Never, "store-refused", msg("a period must follow the last closed one")),
    "usage_corrections_sequence": (Never, "store-refused", msg("a correction must have the next number")),
    "job_events_transition": (Never, "transition-refused", msg("a job cannot make that move")),
    "key_job_events_job_id_sequence": (Conflict, "lost-race", msg("somebody else moved the job")),
    "key_orders_job_id_attempt": (Conflict, "idempotency-conflict", msg("the attempt has an order already")),
    "key_charges_id": (Conflict, "idempotency-conflict", msg("a charge of that id is there already")),
}
"""Rule (the name of a constraint or trigger) -> the error it becomes. A rule that is not here: Never(store-refused)."""

BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")


def unavailable(what: str) -> NotNow:
    """The database cannot be asked now; `what` it said."""
    return NotNow(
        "store-unavailable",
        msg("the database did not answer: {what}", what=what),
        msg("Try again; if it stays so, see whether it runs and whether its disk is full."),
    )


def refused(rule: str) -> SuanwangError:
    """The error that a broken rule becomes."""
    kind, code, message = REFUSALS.get(rule, (Never, "store-refused", msg("the database refused: {rule}", rule=rule)))
    return kind(code, message, msg("Nothing of this step was stored; correct it."))


def broken_rule(error: IntegrityError) -> str:
    """Name of the constraint or trigger that refused; the same on both engines where SQLite gives it."""
    named = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if named:
        return str(named)
    what, _, detail = str(error.orig).partition(": ")
    if what == "UNIQUE constraint failed":
        columns = detail.split(", ")
        return "_".join(["key", columns[0].split(".")[0], *(c.split(".")[1] for c in columns)])
    return detail or what


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the driver raises into the house's errors. What is neither a rule nor an outage stays a bug."""
    try:
        yield
    except IntegrityError as error:
        raise refused(broken_rule(error)) from error
    except OperationalError as error:
        name = getattr(error.orig, "sqlite_errorname", "")
        if name and not name.startswith(BUSY):
            raise
        raise unavailable(str(error.orig).splitlines()[0]) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise unavailable("the connection was lost") from error
        raise


@contextmanager
def step(connection: Connection) -> Iterator[None]:
    """All statements of one call, or none of them: a refused call leaves the transaction as it was, and usable.

    One that only adds is of few calls, and rolled back whole when one of them is refused.
    """
    with refusals(), nullcontext() if adds(connection) else connection.begin_nested():
        yield


def adds(connection: Connection) -> bool:
    """Whether the transaction only adds rows that unique keys guard."""
    return bool(connection.get_execution_options().get("suanwang_adding"))
