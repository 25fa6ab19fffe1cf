"""The first tables: jobs, orders, usage, money. The same on SQLite and PostgreSQL, down to the text of each rule.

Names: `key_<table>_<columns>` for primary and unique keys, `<table>_<rule>` for checks, foreign keys and triggers;
`refusals.py` turns them into errors. On SQLite the tables are STRICT, so that types hold there too. On PostgreSQL text
sorts by code point ("C"), so that ids come in the same order everywhere.
"""

import sqlalchemy as sa
from alembic import op

from suanwang.adapters.store.migrations.rules import (
    TEXT,
    WHOLE,
    make_table,
    primary,
    reference,
    refuse_changes,
    refuse_rows,
    unique,
)
from suanwang.adapters.store.migrations.rules import text_columns as text
from suanwang.adapters.store.migrations.rules import whole_columns as whole

revision = "0001"
down_revision = None

APPEND_ONLY = ("job_events", "usage_records", "charges", "price_books", "transfers")

RULES = (
    (
        "job_events",
        "sequence",
        "NEW.sequence > 1 AND NOT EXISTS (SELECT 1 FROM job_events WHERE job_id = NEW.job_id"
        " AND sequence = NEW.sequence - 1 AND state_after = NEW.state_before)",
    ),
    (
        "job_events",
        "transition",
        "COALESCE(NEW.state_before, 'submitted') <> 'submitted' AND NEW.sequence = 1"
        " OR NOT EXISTS (SELECT 1 FROM transitions WHERE state_before = COALESCE(NEW.state_before, '')"
        " AND state_after = NEW.state_after)",
    ),
    (
        # The records of an order do not overlap, so only the last one that starts before the end can reach into it.
        "usage_records",
        "overlap",
        "NEW.start_us < (SELECT end_us FROM usage_records WHERE order_id = NEW.order_id AND id <> NEW.id"
        " AND start_us < NEW.end_us ORDER BY start_us DESC LIMIT 1)",
    ),
    (
        "transfers",
        "hold",
        "NEW.pending_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM transfers WHERE id = NEW.pending_id"
        " AND kind = 'pending' AND debit = NEW.debit AND credit = NEW.credit AND unit = NEW.unit"
        " AND amount_micro >= NEW.amount_micro)",
    ),
)
"""Table, rule, and when a new row breaks it (checked after the insert, so never for a row that was skipped)."""


def upgrade() -> None:
    """Make every table, index and trigger of the first schema."""
    _jobs()
    _usage()
    _ledger()
    for table, rule, broken in RULES:
        refuse_rows(table, f"{table}_{rule}", broken)
    for table in APPEND_ONLY:
        refuse_changes(table)


def _jobs() -> None:
    make_table("meta", *text("key", "value"), primary("meta", "key"))
    make_table(
        "jobs",
        *text("id", "tenant", "key", "state", "body"),
        *whole("version", "created_us", "updated_us"),
        primary("jobs", "id"),
        unique("jobs", "tenant", "key"),
        sa.CheckConstraint("version >= 0", name="jobs_version"),
    )
    op.create_index("jobs_by_state", "jobs", ["state", "id"])
    move = ("state_before", "state_after")
    make_table("transitions", *text(*move), primary("transitions", *move))
    make_table(
        "job_events",
        *text("job_id", "state_after", "body"),
        sa.Column("state_before", TEXT),
        *whole("sequence", "at_us"),
        primary("job_events", "job_id", "sequence"),
        reference("job_events", "job_id", "jobs"),
        sa.CheckConstraint("sequence >= 1", name="job_events_first"),
    )
    make_table(
        "orders",
        *text("id", "job_id", "pool_id", "body"),
        *whole("attempt", "at_us", "closed"),
        sa.Column("observed_state", TEXT),
        sa.Column("observed_us", WHOLE),
        sa.Column("observation", TEXT),
        primary("orders", "id"),
        unique("orders", "job_id", "attempt"),
        reference("orders", "job_id", "jobs"),
        sa.CheckConstraint("closed IN (0, 1)", name="orders_closed"),
    )
    op.create_index("orders_by_closed", "orders", ["closed", "at_us", "id"])


def _usage() -> None:
    make_table(
        "usage_records",
        *text("id", "order_id", "job_id", "body"),
        *whole("start_us", "end_us"),
        primary("usage_records", "id"),
        unique("usage_records", "order_id", "start_us"),
        reference("usage_records", "order_id", "orders"),
        sa.CheckConstraint("end_us > start_us", name="usage_records_interval"),
    )
    op.create_index("usage_records_by_job", "usage_records", ["job_id", "start_us"])
    make_table(
        "charges",
        *text("id", "usage_id", "job_id", "unit", "body"),
        *whole("amount_micro"),
        primary("charges", "id"),
        reference("charges", "usage_id", "usage_records"),
    )
    op.create_index("charges_by_job", "charges", ["job_id", "id"])
    make_table("price_books", *text("id", "body"), *whole("version"), primary("price_books", "id", "version"))


def _ledger() -> None:
    sums = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    make_table(
        "accounts",
        *text("id", "kind", "owner", "unit"),
        sa.Column("credit_limit_micro", WHOLE),
        *whole(*sums),
        primary("accounts", "id"),
        unique("accounts", "id", "unit"),
        sa.CheckConstraint(" AND ".join(f"{s} >= 0" for s in sums), name="accounts_sums"),
        sa.CheckConstraint(
            "credit_limit_micro IS NULL OR credits_posted - debits_posted - debits_pending >= -credit_limit_micro",
            name="accounts_limit",
        ),
        sa.CheckConstraint(
            "COALESCE(credit_limit_micro, CASE kind WHEN 'external' THEN 0 ELSE -1 END) >= 0", name="accounts_unlimited"
        ),
    )
    make_table(
        "transfers",
        *text("id", "kind", "debit", "credit", "unit", "job_id", "hash", "body"),
        sa.Column("pending_id", TEXT),
        *whole("position", "amount_micro", "at_us"),
        primary("transfers", "id"),
        unique("transfers", "position"),
        unique("transfers", "pending_id"),
        # The unit is part of the reference: a transfer between units cannot be written.
        sa.ForeignKeyConstraint(["debit", "unit"], ["accounts.id", "accounts.unit"], name="transfers_debit"),
        sa.ForeignKeyConstraint(["credit", "unit"], ["accounts.id", "accounts.unit"], name="transfers_credit"),
        reference("transfers", "pending_id", "transfers"),
        sa.CheckConstraint("debit <> credit", name="transfers_sides"),
        sa.CheckConstraint(
            "kind IN ('single', 'pending', 'post') AND amount_micro > 0 OR kind = 'void' AND amount_micro = 0",
            name="transfers_amount",
        ),
        sa.CheckConstraint("(kind IN ('post', 'void')) = (pending_id IS NOT NULL)", name="transfers_resolves"),
    )
    op.create_index("transfers_by_job", "transfers", ["job_id", "position"])
    op.create_index("transfers_by_debit", "transfers", ["debit", "position"])
    op.create_index("transfers_by_credit", "transfers", ["credit", "position"])
    make_table(
        "vouchers",
        *text("id", "programme_id", "tenant", "body"),
        *whole("expires_us"),
        primary("vouchers", "id"),
    )
    op.create_index("vouchers_by_tenant", "vouchers", ["tenant", "expires_us", "id"])
