"""A table for what each workspace wants taken out of its evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; workspaces that are there already have the default policy."""
    op.create_table(
        "workspace_policy",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("patterns_json", sa.Text(), nullable=True),
        sa.Column("kept_json", sa.Text(), nullable=True),
        sa.Column("calling_code", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("workspace"),
    )
