"""What became of an alert, with a table of who was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns that older alerts leave empty; nobody was told before."""
    for name, kind in (
        ("first_severity", sa.String()),
        ("times", sa.Integer()),
        ("last_raised_us", sa.BigInteger()),
        ("last_id", sa.String()),
        ("told_us", sa.BigInteger()),
        ("told_severity", sa.String()),
        ("told_times", sa.Integer()),
        ("acknowledged_us", sa.BigInteger()),
        ("acknowledged_by", sa.String()),
    ):
        op.add_column("alert", sa.Column(name, kind, nullable=True))
    op.create_table(
        "alert_notice",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("intent_us", sa.BigInteger(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("done_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_alert_notice_alert", "alert_notice", ["workspace", "alert_id"])
    op.create_index("ix_alert_notice_state", "alert_notice", ["workspace", "state"])
