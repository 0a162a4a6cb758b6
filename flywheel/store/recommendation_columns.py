"""Judgements of recommendations as arrays, fetched in chunks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from flywheel.records.columns import Coded, RecommendationColumns
from flywheel.records.recommendation import RecommendationStatus
from flywheel.store.execution_columns import Codes, chunks, floats
from flywheel.store.recommendation_rows import OUTCOME, RECOMMENDATION

_TEXTS: Final = ("recommendation_id", "agent", "type", "workflow", "correlation_id", "judged_by")
_SUCCESS: Final = {status.value: status.success for status in RecommendationStatus}


def recommendation_columns_of(
    connection: Connection, workspace: str, since_us: int | None
) -> RecommendationColumns:
    """Judgements of a workspace in the order of time; about 70 bytes a row are held."""
    coded = [Codes() for _ in _TEXTS]
    parts: list[list[NDArray[Any]]] = [
        [*(np.empty(0) for _ in range(5)), *(np.empty(0, np.int32) for _ in _TEXTS)]
    ]
    for query in (_judged(workspace, since_us), _unjudged(workspace, since_us)):
        for chunk in chunks(connection, query):
            status, *rest = zip(*chunk, strict=True)
            success = floats([_SUCCESS.get(one) for one in status])
            parts.append([success, *map(floats, rest[:4]), *map(Codes.of, coded, rest[4:])])
    arrays = [np.concatenate(found) for found in zip(*parts, strict=True)]
    moment = np.where(np.isnan(arrays[4]), arrays[3], arrays[4])
    order = np.argsort(moment, kind="stable")
    success, confidence, overall, created, evaluated, *codes = (found[order] for found in arrays)
    columns = [Coded(found, one.names()) for found, one in zip(codes, coded, strict=True)]
    return RecommendationColumns(
        recommendation=columns[0].codes,
        agent=columns[1],
        type=columns[2],
        workflow=columns[3],
        correlation=columns[4],
        judge=columns[5],
        confidence=confidence,
        success=success,
        quality=overall / 100.0,
        created=created / 1e6,
        evaluated=evaluated / 1e6,
    )


def _judged(workspace: str, since_us: int | None) -> sa.Select[Any]:
    row = OUTCOME.c
    # The unknown judge is kept under the empty name.
    texts = [row[name] for name in _TEXTS[:-1]] + [sa.func.nullif(row.judged_by, "")]
    query = sa.select(row.status, row.confidence, row.overall, row.created_us, row.evaluated_us, *texts)
    query = query.where(row.workspace == workspace).order_by(row.evaluated_us, row.seq)
    return query if since_us is None else query.where(row.evaluated_us >= since_us)


def _unjudged(workspace: str, since_us: int | None) -> sa.Select[Any]:
    row, judged = RECOMMENDATION.c, OUTCOME.c
    nothing = sa.null()
    query = sa.select(
        nothing,
        row.confidence,
        nothing,
        row.created_us,
        nothing,
        *(row[name] for name in _TEXTS[:-1]),
        nothing,
    )
    any_judge = (judged.workspace == row.workspace, judged.recommendation_id == row.recommendation_id)
    query = query.where(row.workspace == workspace, ~sa.exists().where(*any_judge))
    query = query.order_by(row.created_us, row.seq)
    return query if since_us is None else query.where(row.created_us >= since_us)
