"""Dockets of voucher offices and their signed steps: append-only, in order, maker and checker two persons."""

import sqlalchemy as sa
from alembic import op

from suanwang.adapters.store.migrations.rules import hide, make_table, primary, reference, refuse_changes, refuse_rows
from suanwang.adapters.store.migrations.rules import text_columns as text
from suanwang.adapters.store.migrations.rules import whole_columns as whole

revision = "0005"
down_revision = "0004"

RULES = (
    (
        "docket_steps",
        "sequence",
        "NEW.sequence > 1 AND NOT EXISTS (SELECT 1 FROM docket_steps WHERE docket_id = NEW.docket_id"
        " AND sequence = NEW.sequence - 1 AND state_after = NEW.state_before)"
        " OR NEW.sequence = 1 AND NEW.state_before <> ''",
    ),
    (
        "docket_steps",
        "persons",
        "NEW.role IN ('maker', 'checker') AND EXISTS (SELECT 1 FROM docket_steps AS before"
        " JOIN dockets ON dockets.id = before.docket_id WHERE before.docket_id = NEW.docket_id"
        " AND before.actor = NEW.actor AND before.role IN ('maker', 'checker') AND before.role <> NEW.role"
        " AND dockets.two_persons = 1)",
    ),
)
"""Table, rule, and when a new row breaks it. Maker and checker are two persons, whatever the program does."""


def upgrade() -> None:
    """Make the two tables, their triggers and, on PostgreSQL, their policies."""
    make_table(
        "dockets",
        *text("id", "kind", "programme_id", "tenant", "state", "body"),
        *whole("sequence", "two_persons"),
        primary("dockets", "id"),
        sa.CheckConstraint("kind IN ('application', 'voucher', 'claim')", name="dockets_kind"),
        sa.CheckConstraint("two_persons IN (0, 1)", name="dockets_two_persons"),
    )
    op.create_index("dockets_by_programme", "dockets", ["programme_id", "kind", "state", "id"])
    make_table(
        "docket_steps",
        *text("docket_id", "state_before", "state_after", "actor", "role", "body"),
        *whole("sequence", "at_us"),
        primary("docket_steps", "docket_id", "sequence"),
        reference("docket_steps", "docket_id", "dockets"),
        sa.CheckConstraint("sequence >= 1", name="docket_steps_first"),
    )
    for table, rule, broken in RULES:
        refuse_rows(table, f"{table}_{rule}", broken)
    refuse_changes("docket_steps")
    hide("dockets", "tenant = {me}")
    hide("docket_steps", "EXISTS (SELECT 1 FROM dockets WHERE dockets.id = docket_steps.docket_id)")
