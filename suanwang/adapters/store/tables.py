"""The tables, as the queries see them, and the two ways that every row is written.

How they are made, with keys, checks and triggers, is in `migrations/versions`: one home for each fact. A domain object
is kept whole as JSON text (`body`, see codec); beside it stand only the columns that are searched or guarded. Times are
whole microseconds since 1970 in UTC (`…_us`), amounts are whole millionths (`…_micro`); both are 64-bit integers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnClause, Connection, TableClause, Text, column, table
from sqlalchemy.dialects import postgresql, sqlite

from suanwang.domain.signal import EPOCH, MICROSECOND


def _text(*names: str) -> list[ColumnClause[Any]]:
    return [column(name, Text) for name in names]


def _whole(*names: str) -> list[ColumnClause[Any]]:
    return [column(name, BigInteger) for name in names]


jobs = table("jobs", *_text("id", "tenant", "key", "state", "body"), *_whole("version", "created_us", "updated_us"))
job_events = table("job_events", *_text("job_id", "state_before", "state_after", "body"), *_whole("sequence", "at_us"))
transitions = table("transitions", *_text("state_before", "state_after"))
orders = table(
    "orders",
    *_text("id", "job_id", "pool_id", "body", "observed_state", "observation"),
    *_whole("attempt", "at_us", "observed_us", "closed"),
)
usage_records = table("usage_records", *_text("id", "order_id", "job_id", "body"), *_whole("start_us", "end_us"))
charges = table("charges", *_text("id", "usage_id", "job_id", "unit", "body"), *_whole("amount_micro"))
price_books = table("price_books", *_text("id", "body"), *_whole("version"))
accounts = table(
    "accounts",
    *_text("id", "kind", "owner", "unit"),
    *_whole("credit_limit_micro", "debits_posted", "credits_posted", "debits_pending", "credits_pending"),
)
transfers = table(
    "transfers",
    *_text("id", "kind", "debit", "credit", "unit", "pending_id", "job_id", "hash", "body"),
    *_whole("position", "amount_micro", "at_us"),
)
vouchers = table("vouchers", *_text("id", "programme_id", "tenant", "body"), *_whole("expires_us"))
closed_periods = table(
    "closed_periods", *_text("id", "hash", "body"), *_whole("start_us", "end_us", "closed_us", "position")
)
usage_corrections = table("usage_corrections", *_text("usage_id", "job_id", "body"), *_whole("sequence", "at_us"))
documents = table("documents", *_text("id", "kind", "subject", "period", "body"), *_whole("at_us"))
site_agents = table("site_agents", *_text("site_id", "body"))
site_orders = table("site_orders", *_text("id", "site_id", "job_id", "body"), *_whole("number", "done"))
site_inquiries = table("site_inquiries", *_text("id", "site_id", "body", "answer"))
dockets = table(
    "dockets", *_text("id", "kind", "programme_id", "tenant", "state", "body"), *_whole("sequence", "two_persons")
)
docket_steps = table(
    "docket_steps",
    *_text("docket_id", "state_before", "state_after", "actor", "role", "body"),
    *_whole("sequence", "at_us"),
)
comparisons = table("comparisons", *_text("pool_id", "work", "job_id", "body"), *_whole("sequence", "at_us"))
meta = table("meta", *_text("key", "value"))
users = table("users", *_text("id", "organisation", "subject", "body"))
projects = table("projects", *_text("organisation", "id", "body"))
tokens = table("tokens", *_text("id", "user_id", "body"), *_whole("expires_us"))
audit = table("audit", *_text("organisation", "body"), *_whole("position", "at_us"))
leases = table("leases", *_text("name", "holder"), *_whole("until_us"))
drains = table("drains", *_text("place", "drained_by"), *_whole("at_us"))
signal_versions = table("signal_versions", *_text("site_id", "field", "body"), *_whole("at_us", "start_us", "until_us"))
webhooks = table("webhooks", *_text("id", "organisation", "body"), *_whole("active"))
deliveries = table(
    "deliveries",
    *_text("webhook_id", "job_id", "state"),
    *_whole("sequence", "attempts", "due_us", "status"),
)

ALL: tuple[TableClause, ...] = (
    jobs,
    job_events,
    transitions,
    orders,
    usage_records,
    charges,
    price_books,
    accounts,
    transfers,
    vouchers,
    closed_periods,
    usage_corrections,
    documents,
    site_agents,
    site_orders,
    site_inquiries,
    dockets,
    docket_steps,
    comparisons,
    meta,
    users,
    projects,
    tokens,
    audit,
    leases,
    drains,
    signal_versions,
    webhooks,
    deliveries,
)


def microseconds(when: datetime) -> int:
    """Whole microseconds since 1970 in UTC."""
    return (when - EPOCH) // MICROSECOND


def insert_new(connection: Connection, into: TableClause, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows that clash with no unique key; returns how many. What was skipped is for the caller to compare.

    That a step may be repeated rests on this alone: nothing is looked up first, so nobody can come in between.
    """
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(into).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return connection.execute(statement, rows).rowcount
