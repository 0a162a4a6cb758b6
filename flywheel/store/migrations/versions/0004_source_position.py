"""A table for how far each other tool's records were read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; nothing was read before."""
    op.create_table(
        "source_position",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("position_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "source"),
    )
