"""Closed periods, corrections of usage, and issued documents: append-only, and no transfer into a closed period."""

import sqlalchemy as sa
from alembic import op

from suanwang.adapters.store.migrations.rules import hide, make_table, primary, reference, refuse_changes, refuse_rows
from suanwang.adapters.store.migrations.rules import text_columns as text
from suanwang.adapters.store.migrations.rules import whole_columns as whole

revision = "0004"
down_revision = "0003"

RULES = (
    (
        # Periods follow one another without a gap, so the last end is where the open time begins.
        "closed_periods",
        "order",
        "NEW.end_us <= NEW.start_us OR NEW.start_us <> COALESCE("
        "(SELECT MAX(end_us) FROM closed_periods WHERE id <> NEW.id), NEW.start_us)",
    ),
    ("transfers", "closed", "NEW.at_us < (SELECT MAX(end_us) FROM closed_periods)"),
    (
        "usage_corrections",
        "sequence",
        "NEW.sequence <> 1 + (SELECT COUNT(*) FROM usage_corrections"
        " WHERE usage_id = NEW.usage_id AND sequence < NEW.sequence)",
    ),
)
"""Table, rule, and when a new row breaks it."""


def upgrade() -> None:
    """Add the three tables, their triggers, and the index that finds usage by time."""
    make_table(
        "closed_periods",
        *text("id", "hash", "body"),
        *whole("start_us", "end_us", "closed_us", "position"),
        primary("closed_periods", "id"),
    )
    op.create_index("closed_periods_by_end", "closed_periods", ["end_us"])
    make_table(
        "usage_corrections",
        *text("usage_id", "job_id", "body"),
        *whole("sequence", "at_us"),
        primary("usage_corrections", "usage_id", "sequence"),
        reference("usage_corrections", "usage_id", "usage_records"),
    )
    op.create_index("usage_corrections_by_job", "usage_corrections", ["job_id"])
    make_table(
        "documents",
        *text("id", "kind", "subject", "period", "body"),
        *whole("at_us"),
        primary("documents", "id"),
        sa.CheckConstraint("kind IN ('invoice', 'credit_note', 'statement')", name="documents_kind"),
    )
    op.create_index("documents_by_period", "documents", ["period", "subject"])
    op.create_index("usage_records_by_start", "usage_records", ["start_us"])
    for table, rule, broken in RULES:
        refuse_rows(table, f"{table}_{rule}", broken)
    for table in ("closed_periods", "usage_corrections", "documents"):
        refuse_changes(table)
    hide("usage_corrections", "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = usage_corrections.job_id)")
    hide("documents", "subject = {me}")
