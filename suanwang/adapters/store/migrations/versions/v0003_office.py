"""The hub's own records: users, projects, tokens, the audit log, leases, drains, webhooks and their deliveries.

A trigger writes a delivery for each webhook of a tenant in the very transaction that moves its job, so that no event
is missed and none is made up. On PostgreSQL, row-level security hides other tenants' rows from a transaction that says
whose it is (`suanwang.tenant`); it holds for every user of the database but superusers.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

OF_A_JOB = "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = {table}.job_id)"
"""Who sees a job sees what belongs to it: the policy of `jobs` applies to this query too."""

POLICIES = {
    "jobs": "tenant = {me}",
    "job_events": OF_A_JOB,
    "orders": OF_A_JOB,
    "usage_records": OF_A_JOB,
    "charges": OF_A_JOB,
    "accounts": "owner = {me} OR kind = 'external'",
    "transfers": "EXISTS (SELECT 1 FROM accounts WHERE accounts.id IN (debit, credit) AND accounts.owner = {me})",
    "vouchers": "tenant = {me}",
    "users": "organisation = {me}",
    "projects": "organisation = {me}",
    "tokens": "EXISTS (SELECT 1 FROM users WHERE users.id = tokens.user_id)",
    "audit": "organisation = {me}",
    "webhooks": "organisation = {me}",
    "deliveries": "EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = deliveries.webhook_id)",
}
"""Which rows a transaction of tenant {me} sees and may write."""

ME = "current_setting('suanwang.tenant', true)"


def upgrade() -> None:
    """Make the tables, the triggers and, on PostgreSQL, the policies."""
    _identity()
    _operations()
    _webhooks()
    if op.get_context().dialect.name == "postgresql":
        for table, seen in POLICIES.items():
            _hide(table, seen.format(me=ME, table=table))


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _whole(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, WHOLE, nullable=nullable) for name in names]


def _create(name: str, *parts: sa.schema.SchemaItem, key: tuple[str, ...]) -> None:
    primary = sa.PrimaryKeyConstraint(*key, name="_".join(("key", name, *key)))
    op.create_table(name, *parts, primary, sqlite_strict=True)


def _identity() -> None:
    _create(
        "users",
        *_text("id", "organisation", "body"),
        sa.Column("subject", TEXT),
        sa.UniqueConstraint("subject", name="key_users_subject"),
        key=("id",),
    )
    op.create_index("users_by_organisation", "users", ["organisation", "id"])
    _create("projects", *_text("organisation", "id", "body"), key=("organisation", "id"))
    _create(
        "tokens",
        *_text("id", "user_id", "body"),
        *_whole("expires_us"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="tokens_user_id"),
        key=("id",),
    )
    op.create_index("tokens_by_user", "tokens", ["user_id", "id"])
    position = sa.Column("position", WHOLE, sa.Identity(), nullable=False)
    _create("audit", position, *_text("organisation", "body"), *_whole("at_us"), key=("position",))
    op.create_index("audit_by_organisation", "audit", ["organisation", "position"])
    _refuse_changes("audit")


def _operations() -> None:
    _create("leases", *_text("name", "holder"), *_whole("until_us"), key=("name",))
    _create("drains", *_text("place", "drained_by"), *_whole("at_us"), key=("place",))


def _webhooks() -> None:
    _create("webhooks", *_text("id", "organisation", "body"), *_whole("active"), key=("id",))
    op.create_index("webhooks_by_organisation", "webhooks", ["organisation", "id"])
    _create(
        "deliveries",
        *_text("webhook_id", "job_id", "state"),
        *_whole("sequence", "attempts", "due_us"),
        *_whole("status", nullable=True),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name="deliveries_webhook_id"),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'given-up')", name="deliveries_state"),
        key=("webhook_id", "job_id", "sequence"),
    )
    op.create_index("deliveries_by_state", "deliveries", ["state", "due_us"])
    rows = (
        "INSERT INTO deliveries (webhook_id, job_id, sequence, state, attempts, due_us)"
        " SELECT webhooks.id, NEW.job_id, NEW.sequence, 'waiting', 0, 0 FROM webhooks JOIN jobs"
        " ON jobs.tenant = webhooks.organisation WHERE jobs.id = NEW.job_id AND webhooks.active = 1"
    )
    if op.get_context().dialect.name == "sqlite":
        _run(f"CREATE TRIGGER deliveries_made AFTER INSERT ON job_events BEGIN {rows}; END")
        return
    _run(f"CREATE FUNCTION deliveries_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {rows}; RETURN NULL; END $$")
    _run("CREATE TRIGGER deliveries_made AFTER INSERT ON job_events FOR EACH ROW EXECUTE FUNCTION deliveries_made()")


def _refuse_changes(table: str) -> None:
    """Append-only, by the rule that the first migration has for PostgreSQL and SQLite."""
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


def _hide(table: str, seen: str) -> None:
    rule = f"COALESCE({ME}, '') = '' OR {seen}"
    _run(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    _run(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _run(f"CREATE POLICY {table}_of_tenant ON {table} USING ({rule}) WITH CHECK ({rule})")


def _run(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement)
