"""Failure patterns as rows: what the newest analysis of each prompt found."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.records.analysis import Analysis, FailurePattern
from flywheel.store.base import StoreTable
from flywheel.store.session import table_of


class FailurePatternRow(StoreTable, table=True):
    """One failure pattern of one cycle; `record_json` is the whole record."""

    __tablename__ = "failure_pattern"
    __table_args__ = (sa.UniqueConstraint("workspace", "cycle_id", "pattern_key", name="uq_failure_pattern"),)

    seq: int | None = Field(default=None, primary_key=True)
    workspace: str
    prompt: str
    cycle_id: str = Field(foreign_key="cycle.cycle_id")
    pattern_key: str
    kind: str
    slice: str | None = None
    count: int
    share: float
    confidence: float
    record_json: str = Field(sa_type=sa.Text)


PATTERN = table_of(FailurePatternRow)


def replace_patterns(connection: Connection, analysis: Analysis) -> None:
    """Keep the patterns of a cycle in place of those the same cycle kept before."""
    context = analysis.context
    workspace, cycle_id = context.request.workspace, context.cycle_id
    connection.execute(
        sa.delete(PATTERN).where(PATTERN.c.workspace == workspace, PATTERN.c.cycle_id == cycle_id)
    )
    rows = [
        {
            **pattern.model_dump(include={"pattern_key", "kind", "slice", "count", "share", "confidence"}),
            "workspace": workspace,
            "prompt": context.request.prompt,
            "cycle_id": cycle_id,
            "record_json": pattern.model_dump_json(),
        }
        # The unseen ones are kept, or a pattern that comes back would look new.
        for pattern in (*analysis.patterns, *analysis.unseen)
    ]
    if rows:
        connection.execute(sa.insert(PATTERN), rows)


def keep_causes(
    connection: Connection, workspace: str, cycles: sa.Select[tuple[str]], patterns: Sequence[FailurePattern]
) -> int:
    """Put written causes beside the stored patterns of the selected cycles; gives how many were there."""
    written = {p.pattern_key: p.root_cause for p in patterns if p.root_cause is not None}
    rows = connection.execute(
        sa.select(PATTERN.c.seq, PATTERN.c.pattern_key, PATTERN.c.record_json).where(
            PATTERN.c.workspace == workspace,
            PATTERN.c.cycle_id.in_(cycles),
            PATTERN.c.pattern_key.in_(written),
        )
    ).all()
    for row in rows:
        stored = FailurePattern.model_validate_json(row.record_json)
        with_cause = stored.model_copy(update={"root_cause": written[row.pattern_key]})
        connection.execute(
            sa.update(PATTERN)
            .where(PATTERN.c.seq == row.seq)
            .values(record_json=with_cause.model_dump_json())
        )
    return len({row.pattern_key for row in rows})


def patterns_of(
    connection: Connection, workspace: str, cycles: sa.Select[tuple[str]]
) -> list[FailurePattern]:
    """Patterns of the selected cycles, most damaging first: by count, then by share; unseen ones have 0.

    Args:
        connection: of a read or a write.
        workspace: the only one looked at.
        cycles: a select of cycle ids.
    """
    rows = connection.execute(
        sa.select(PATTERN.c.record_json)
        .where(PATTERN.c.workspace == workspace, PATTERN.c.cycle_id.in_(cycles))
        .order_by(PATTERN.c.count.desc(), PATTERN.c.share.desc(), PATTERN.c.pattern_key, PATTERN.c.seq)
    )
    return [FailurePattern.model_validate_json(row.record_json) for row in rows]
