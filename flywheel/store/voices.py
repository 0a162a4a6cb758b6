"""Ratings, comments, retries, slow answers of a scope, aggregated by the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flywheel.learn.sentiment import voices
from flywheel.records.columns import Scope
from flywheel.records.execution import Outcome
from flywheel.records.voices import Voices
from flywheel.stats.means import Moments
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.execution_scope import within

SLOW = 3.0
"""Times the mean latency from which an answer is slow."""


def voices_of(connection: Connection, scope: Scope) -> Voices:
    """What people said of the executions of a scope that were not skipped; three grouped queries."""
    row = EXECUTION.c
    mine = sa.and_(within(scope), row.outcome != Outcome.SKIPPED.value)
    totals = connection.execute(
        sa.select(
            sa.func.count(sa.case((row.retries > 0, 1))),
            sa.func.count(row.latency_ms),
            sa.func.avg(row.latency_ms),
        ).where(mine)
    ).one()
    retried, timed, mean_ms = totals
    stars = connection.execute(
        sa.select(row.rating, sa.func.count()).where(mine, row.rating.is_not(None)).group_by(row.rating)
    ).all()
    said = connection.execute(
        sa.select(row.comment, sa.func.count()).where(mine, row.comment.is_not(None)).group_by(row.comment)
    ).all()
    slow = 0
    if mean_ms:
        over = sa.select(sa.func.count()).where(mine, row.latency_ms > SLOW * float(mean_ms))
        slow = connection.execute(over).scalar() or 0
    return voices([(text, count) for text, count in said], _moments(stars), retried, timed, slow)


def _moments(stars: Sequence[Any]) -> Moments:
    found = Moments()
    for rating, count in stars:
        found = found + Moments(int(count), float(rating), 0.0)
    return found
