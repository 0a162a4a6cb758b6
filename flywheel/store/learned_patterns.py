"""Learned patterns as rows: what is found now, what was found once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.records.learned import LearnedPattern
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_us, to_us
from flywheel.store.session import Database, table_of


class LearnedPatternRow(StoreTable, table=True):
    """One learned pattern; `record_json` is the record without its times."""

    __tablename__ = "learned_pattern"

    workspace: str = Field(primary_key=True)
    pattern_key: str = Field(primary_key=True)
    kind: str
    tier: str
    first_seen_us: int = Field(sa_type=sa.BigInteger)
    last_seen_us: int = Field(sa_type=sa.BigInteger)
    retired_us: int | None = Field(default=None, sa_type=sa.BigInteger)
    record_json: str = Field(sa_type=sa.Text)


LEARNED = table_of(LearnedPatternRow)
_TIMES = {"first_seen", "last_seen", "retired_at"}


def keep_patterns(
    db: Database, connection: Connection, workspace: str, found: Sequence[LearnedPattern], at: datetime
) -> int:
    """Keep what is found now, retire the rest; gives how many were retired by it.

    A pattern that comes back keeps the time it was first seen.
    """
    at_us = to_us(at)
    rows = [
        {
            "workspace": workspace,
            "pattern_key": one.pattern_key,
            "kind": one.kind.value,
            "tier": one.tier.value,
            "first_seen_us": at_us,
            "last_seen_us": at_us,
            "retired_us": None,
            "record_json": one.model_dump_json(exclude=_TIMES),
        }
        for one in found
    ]
    if rows:
        update = ("kind", "tier", "last_seen_us", "retired_us", "record_json")
        db.upsert(connection, LEARNED, rows, key=("workspace", "pattern_key"), update=update)
    retired = connection.execute(
        sa.update(LEARNED)
        .where(
            LEARNED.c.workspace == workspace,
            LEARNED.c.last_seen_us < at_us,
            LEARNED.c.retired_us.is_(None),
        )
        .values(retired_us=at_us)
    )
    return retired.rowcount


def patterns_of(
    connection: Connection, workspace: str, kind: str | None, *, retired: bool = False
) -> list[LearnedPattern]:
    """Kept patterns, those that are found now unless the retired ones are asked for."""
    row = LEARNED.c
    query = sa.select(LEARNED).where(
        row.workspace == workspace, row.retired_us.is_not(None) if retired else row.retired_us.is_(None)
    )
    if kind is not None:
        query = query.where(row.kind == kind)
    return [
        LearnedPattern.model_validate_json(found.record_json).model_copy(
            update={
                "first_seen": from_us(found.first_seen_us),
                "last_seen": from_us(found.last_seen_us),
                "retired_at": None if found.retired_us is None else from_us(found.retired_us),
            }
        )
        for found in connection.execute(query.order_by(row.kind, row.pattern_key))
    ]
