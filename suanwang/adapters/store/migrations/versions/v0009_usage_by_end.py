"""Usage by its end: policies that remember read what was used in the last weeks at every tick."""

from alembic import op

revision = "0009"
down_revision = "0003"


def upgrade() -> None:
    """One index."""
    op.create_index("usage_records_by_end", "usage_records", ["end_us", "id"])
