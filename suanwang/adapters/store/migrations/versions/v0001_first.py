"""The first tables: jobs, orders, usage, money. The same on SQLite and PostgreSQL, down to the text of each rule.

Names: `key_<table>_<columns>` for primary and unique keys, `<table>_<rule>` for checks, foreign keys and triggers;
`refusals.py` turns them into errors. On SQLite the tables are STRICT, so that types hold there too. On PostgreSQL text
sorts by code point ("C"), so that ids come in the same order everywhere.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

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
        _refuse_rows(table, f"{table}_{rule}", broken)
    for table in APPEND_ONLY:
        _refuse_changes(table)


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _whole(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, WHOLE, nullable=False) for name in names]


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(name, *parts, sqlite_strict=True)


def _primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name="_".join(("key", table, *columns)))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name="_".join(("key", table, *columns)))


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"{table}_{column}")


def _jobs() -> None:
    _create("meta", *_text("key", "value"), _primary("meta", "key"))
    _create(
        "jobs",
        *_text("id", "tenant", "key", "state", "body"),
        *_whole("version", "created_us", "updated_us"),
        _primary("jobs", "id"),
        _unique("jobs", "tenant", "key"),
        sa.CheckConstraint("version >= 0", name="jobs_version"),
    )
    op.create_index("jobs_by_state", "jobs", ["state", "id"])
    move = ("state_before", "state_after")
    _create("transitions", *_text(*move), _primary("transitions", *move))
    _create(
        "job_events",
        *_text("job_id", "state_after", "body"),
        sa.Column("state_before", TEXT),
        *_whole("sequence", "at_us"),
        _primary("job_events", "job_id", "sequence"),
        _reference("job_events", "job_id", "jobs"),
        sa.CheckConstraint("sequence >= 1", name="job_events_first"),
    )
    _create(
        "orders",
        *_text("id", "job_id", "pool_id", "body"),
        *_whole("attempt", "at_us", "closed"),
        sa.Column("observed_state", TEXT),
        sa.Column("observed_us", WHOLE),
        sa.Column("observation", TEXT),
        _primary("orders", "id"),
        _unique("orders", "job_id", "attempt"),
        _reference("orders", "job_id", "jobs"),
        sa.CheckConstraint("closed IN (0, 1)", name="orders_closed"),
    )
    op.create_index("orders_by_closed", "orders", ["closed", "at_us", "id"])


def _usage() -> None:
    _create(
        "usage_records",
        *_text("id", "order_id", "job_id", "body"),
        *_whole("start_us", "end_us"),
        _primary("usage_records", "id"),
        _unique("usage_records", "order_id", "start_us"),
        _reference("usage_records", "order_id", "orders"),
        sa.CheckConstraint("end_us > start_us", name="usage_records_interval"),
    )
    op.create_index("usage_records_by_job", "usage_records", ["job_id", "start_us"])
    _create(
        "charges",
        *_text("id", "usage_id", "job_id", "unit", "body"),
        *_whole("amount_micro"),
        _primary("charges", "id"),
        _reference("charges", "usage_id", "usage_records"),
    )
    op.create_index("charges_by_job", "charges", ["job_id", "id"])
    _create("price_books", *_text("id", "body"), *_whole("version"), _primary("price_books", "id", "version"))


def _ledger() -> None:
    sums = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    _create(
        "accounts",
        *_text("id", "kind", "owner", "unit"),
        sa.Column("credit_limit_micro", WHOLE),
        *_whole(*sums),
        _primary("accounts", "id"),
        _unique("accounts", "id", "unit"),
        sa.CheckConstraint(" AND ".join(f"{s} >= 0" for s in sums), name="accounts_sums"),
        sa.CheckConstraint(
            "credit_limit_micro IS NULL OR credits_posted - debits_posted - debits_pending >= -credit_limit_micro",
            name="accounts_limit",
        ),
        sa.CheckConstraint(
            "COALESCE(credit_limit_micro, CASE kind WHEN 'external' THEN 0 ELSE -1 END) >= 0", name="accounts_unlimited"
        ),
    )
    _create(
        "transfers",
        *_text("id", "kind", "debit", "credit", "unit", "job_id", "hash", "body"),
        sa.Column("pending_id", TEXT),
        *_whole("position", "amount_micro", "at_us"),
        _primary("transfers", "id"),
        _unique("transfers", "position"),
        _unique("transfers", "pending_id"),
        # The unit is part of the reference: a transfer between units cannot be written.
        sa.ForeignKeyConstraint(["debit", "unit"], ["accounts.id", "accounts.unit"], name="transfers_debit"),
        sa.ForeignKeyConstraint(["credit", "unit"], ["accounts.id", "accounts.unit"], name="transfers_credit"),
        _reference("transfers", "pending_id", "transfers"),
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
    _create(
        "vouchers",
        *_text("id", "programme_id", "tenant", "body"),
        *_whole("expires_us"),
        _primary("vouchers", "id"),
    )
    op.create_index("vouchers_by_tenant", "vouchers", ["tenant", "expires_us", "id"])


def _refuse_rows(table: str, rule: str, broken: str) -> None:
    """Refuse an inserted row when `broken` holds; the error carries the rule's name."""
    if op.get_context().dialect.name == "sqlite":
        _run(
            f"CREATE TRIGGER {rule} AFTER INSERT ON {table} WHEN {broken}"
            f" BEGIN SELECT RAISE(ABORT, 'rule: {rule}'); END"
        )
        return
    _run(
        f"CREATE FUNCTION {rule}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {broken} THEN"
        f" RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{rule}', MESSAGE = 'rule: {rule}';"
        f" END IF; RETURN NULL; END $$"
    )
    _run(f"CREATE TRIGGER {rule} AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {rule}()")


def _refuse_changes(table: str) -> None:
    """Refuse to change or delete rows, on PostgreSQL also to truncate."""
    rule = f"{table}_append_only"
    if op.get_context().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            _run(
                f"CREATE TRIGGER {rule}_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, 'rule: {rule}'); END"
            )
        return
    _run(
        f"CREATE FUNCTION {rule}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{rule}', MESSAGE = 'rule: {rule}';"
        f" END $$"
    )
    _run(f"CREATE TRIGGER {rule} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {rule}()")
    _run(f"CREATE TRIGGER {rule}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION {rule}()")


def _run(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement)
