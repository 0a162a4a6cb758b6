"""A table for who works on what, so that two equal commands do not do the same work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; claims of phases, which stood beside what the phases gave, are over by now."""
    op.create_table(
        "claim",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder_json", sa.Text(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "name"),
    )
    op.execute("DELETE FROM cycle_phase WHERE phase LIKE '% (claimed)'")
