"""How a migration makes tables and the triggers that guard them, the same on SQLite and PostgreSQL."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text_columns(*names: str) -> list[sa.Column[str]]:
    """Columns of text that are never null; text sorts by code point everywhere."""
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def whole_columns(*names: str) -> list[sa.Column[int]]:
    """Columns of 64-bit integers that are never null."""
    return [sa.Column(name, WHOLE, nullable=False) for name in names]


def make_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    """A table; on SQLite a STRICT one, so that types hold there too."""
    op.create_table(name, *parts, sqlite_strict=True)


def primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    """The primary key, named `key_<table>_<columns>`."""
    return sa.PrimaryKeyConstraint(*columns, name="_".join(("key", table, *columns)))


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    """A unique key, named `key_<table>_<columns>`."""
    return sa.UniqueConstraint(*columns, name="_".join(("key", table, *columns)))


def reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    """A foreign key to the id of another table, named `<table>_<column>`."""
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"{table}_{column}")


def refuse_rows(table: str, rule: str, broken: str) -> None:
    """Refuse an inserted row when `broken` holds; the error carries the rule's name."""
    if op.get_context().dialect.name == "sqlite":
        run(
            f"CREATE TRIGGER {rule} AFTER INSERT ON {table} WHEN {broken}"
            f" BEGIN SELECT RAISE(ABORT, 'rule: {rule}'); END"
        )
        return
    run(
        f"CREATE FUNCTION {rule}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {broken} THEN"
        f" RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{rule}', MESSAGE = 'rule: {rule}';"
        f" END IF; RETURN NULL; END $$"
    )
    run(f"CREATE TRIGGER {rule} AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {rule}()")


def refuse_changes(table: str) -> None:
    """Refuse to change or delete rows, on PostgreSQL also to truncate."""
    rule = f"{table}_append_only"
    if op.get_context().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            run(
                f"CREATE TRIGGER {rule}_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, 'rule: {rule}'); END"
            )
        return
    run(
        f"CREATE FUNCTION {rule}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{rule}', MESSAGE = 'rule: {rule}';"
        f" END $$"
    )
    run(f"CREATE TRIGGER {rule} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {rule}()")
    run(f"CREATE TRIGGER {rule}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION {rule}()")


def hide(table: str, seen: str) -> None:
    """On PostgreSQL: a transaction that says whose it is (`suanwang.tenant`) meets only rows for which `seen` holds.

    {me} in `seen` stands for that tenant.
    """
    if op.get_context().dialect.name != "postgresql":
        return
    me = "current_setting('suanwang.tenant', true)"
    rule = f"COALESCE({me}, '') = '' OR {seen.format(me=me)}"
    run(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    run(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    run(f"CREATE POLICY {table}_of_tenant ON {table} USING ({rule}) WITH CHECK ({rule})")


def run(statement: str) -> None:
    """Execute one statement as it is written."""
    op.get_bind().exec_driver_sql(statement)
