"""What was heard of the signals of sites, with the time when it was heard: append-only."""

from alembic import op

from suanwang.adapters.store.migrations.rules import make_table, primary, refuse_changes
from suanwang.adapters.store.migrations.rules import text_columns as text
from suanwang.adapters.store.migrations.rules import whole_columns as whole

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the table, its triggers, and the index that finds what reaches into a time."""
    make_table(
        "signal_versions",
        *text("site_id", "field", "body"),
        *whole("at_us", "start_us", "until_us"),
        primary("signal_versions", "site_id", "field", "at_us", "start_us"),
    )
    op.create_index("signal_versions_by_end", "signal_versions", ["until_us"])
    refuse_changes("signal_versions")
