"""Tables for recommendations, for what judges made of them, for the trust of agents over time."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _about() -> list[sa.Column[Any]]:
    return [
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("recommendation_id", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("correlation_id", sa.String(), nullable=True),
        sa.Column("workflow", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
    ]


def upgrade() -> None:
    """Make the tables; nothing else changes."""
    op.create_table(
        "recommendation",
        *_about(),
        sa.Column("seq", _SEQUENCE, nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("reasoning", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("workspace", "recommendation_id", name="uq_recommendation"),
    )
    op.create_index("ix_recommendation_agent", "recommendation", ["workspace", "agent", "created_us"])
    op.create_index("ix_recommendation_workflow", "recommendation", ["workspace", "workflow"])
    op.create_index("ix_recommendation_correlation", "recommendation", ["workspace", "correlation_id"])
    op.create_index("ix_recommendation_created", "recommendation", ["workspace", "created_us"])
    op.create_table(
        "recommendation_outcome",
        *_about(),
        sa.Column("seq", _SEQUENCE, nullable=False),
        sa.Column("judged_by", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("overall", sa.Float(), nullable=True),
        sa.Column("evaluated_us", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("qualities", sa.Text(), nullable=True),
        sa.Column("feedback", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("workspace", "recommendation_id", "judged_by", name="uq_recommendation_outcome"),
    )
    op.create_index(
        "ix_recommendation_outcome_time", "recommendation_outcome", ["workspace", "evaluated_us", "seq"]
    )
    op.create_table(
        "trust_score",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "agent", "updated_us"),
    )
