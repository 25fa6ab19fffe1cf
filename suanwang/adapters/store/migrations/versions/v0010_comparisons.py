"""Comparisons of estimates with the meter: append-only, numbered by pool and class of work, one a job."""

import sqlalchemy as sa

from suanwang.adapters.store.migrations.rules import hide, make_table, primary, reference, refuse_changes, unique
from suanwang.adapters.store.migrations.rules import text_columns as text
from suanwang.adapters.store.migrations.rules import whole_columns as whole

revision = "0010"
down_revision = "0005"


def upgrade() -> None:
    """Make the table, its triggers and, on PostgreSQL, its policy."""
    make_table(
        "comparisons",
        *text("pool_id", "work", "job_id", "body"),
        *whole("sequence", "at_us"),
        primary("comparisons", "pool_id", "work", "sequence"),
        unique("comparisons", "job_id"),
        reference("comparisons", "job_id", "jobs"),
        sa.CheckConstraint("sequence >= 1", name="comparisons_first"),
    )
    refuse_changes("comparisons")
    hide("comparisons", "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = comparisons.job_id AND jobs.tenant = {me})")
