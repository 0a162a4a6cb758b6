"""Judged recommendations of a workspace as arrays, one row for each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from flywheel.records.columns import Coded
from flywheel.records.judged import JudgedColumns
from flywheel.records.recommendation import RecommendationStatus
from flywheel.store.execution_columns import Codes, chunks, floats
from flywheel.store.recommendation_rows import OUTCOME, RECOMMENDATION

_ABOUT: Final = ("agent", "type", "workflow", "correlation_id")
_SUCCESS: Final = {s.value: s.success for s in RecommendationStatus if s.success is not None}


def judged_columns_of(connection: Connection, workspace: str) -> JudgedColumns:
    """Recommendations of a workspace that have a judgement; several judges are averaged by the database.

    What a cleanup took is there too, without its content.
    """
    row = OUTCOME.c
    success = sa.case(_SUCCESS, value=row.status)
    last = sa.func.max(row.evaluated_us)
    about = [sa.func.min(row[name]) for name in _ABOUT]
    judged = (
        sa.select(
            row.recommendation_id.label("recommendation_id"),
            sa.func.avg(success).label("success"),
            last.label("last_us"),
            sa.func.min(row.confidence).label("confidence"),
            *(column.label(name) for column, name in zip(about, _ABOUT, strict=True)),
        )
        .where(row.workspace == workspace, row.status.in_(_SUCCESS))
        .group_by(row.recommendation_id)
        .subquery()
    )
    same = (RECOMMENDATION.c.workspace == workspace) & (
        RECOMMENDATION.c.recommendation_id == judged.c.recommendation_id
    )
    query = (
        sa.select(
            judged.c.success,
            judged.c.confidence,
            judged.c.last_us,
            *(judged.c[name] for name in _ABOUT),
            RECOMMENDATION.c.content,
        )
        .select_from(judged.outerjoin(RECOMMENDATION, same))
        .order_by(judged.c.last_us, judged.c.recommendation_id)
    )
    return _columns(connection, query)


def _columns(connection: Connection, query: sa.Select[Any]) -> JudgedColumns:
    coded = [Codes() for _ in (*_ABOUT, "content")]
    parts: list[list[NDArray[Any]]] = [
        [*(np.empty(0) for _ in range(3)), *(np.empty(0, np.int32) for _ in coded)]
    ]
    for chunk in chunks(connection, query):
        success, stated, last_us, *texts = zip(*chunk, strict=True)
        numbers = [np.array(success, dtype=np.float64), floats(stated), np.array(last_us, dtype=np.float64)]
        parts.append([*numbers, *map(Codes.of, coded, texts)])
    succeeded, confidence, moment, *codes = (np.concatenate(found) for found in zip(*parts, strict=True))
    agent, type_, workflow, correlation, content = (
        Coded(found, one.names()) for found, one in zip(codes, coded, strict=True)
    )
    moment /= 1e6
    return JudgedColumns(agent, type_, workflow, correlation, content, confidence, succeeded, moment)
