"""What the hub wants of each site's agent and what the agents said last: agents, orders at sites, inquiries."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables. Two wishes of a site never share a number: an agent that has heard one would miss the other."""
    _create("site_agents", *_text("site_id", "body"), _primary("site_agents", "site_id"))
    _create(
        "site_orders",
        *_text("id", "site_id", "job_id", "body"),
        *(sa.Column(name, WHOLE, nullable=False) for name in ("number", "done")),
        _primary("site_orders", "id"),
        sa.UniqueConstraint("site_id", "number", name="key_site_orders_site_id_number"),
        sa.CheckConstraint("done IN (0, 1)", name="site_orders_done"),
    )
    op.create_index("site_orders_by_done", "site_orders", ["site_id", "done", "number"])
    op.create_index("site_orders_by_job", "site_orders", ["job_id", "number"])
    _create(
        "site_inquiries",
        *_text("id", "site_id", "body"),
        sa.Column("answer", TEXT),
        _primary("site_inquiries", "id"),
    )
    op.create_index("site_inquiries_by_site", "site_inquiries", ["site_id", "id"])


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(name, *parts, sqlite_strict=True)


def _primary(table: str, column: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(column, name=f"key_{table}_{column}")
