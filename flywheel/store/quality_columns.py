"""The few columns of executions that watching quality needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from flywheel.records.columns import Coded, QualityColumns, Scope
from flywheel.store.execution_columns import OUTCOME_CODES, Codes, chunks, floats
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.execution_scope import MOMENT_US, VERSION_KEY, within


def quality_columns_of(connection: Connection, scope: Scope) -> QualityColumns:
    """Executions of a scope as arrays, in the order they were stored; about 50 bytes a row are held."""
    row = EXECUTION.c
    query = (
        sa.select(
            row.outcome,
            row.score,
            MOMENT_US,
            row.prompt,
            VERSION_KEY,
            row.slice,
            row.model,
            row.latency_ms,
            row.rating,
        )
        .where(within(scope))
        .order_by(row.seq)
    )
    coded = [Codes() for _ in range(4)]
    parts: list[list[NDArray[Any]]] = [
        [
            np.empty(0, np.int8),
            np.empty(0),
            np.empty(0),
            np.empty(0),
            np.empty(0),
            *(np.empty(0, np.int32) for _ in coded),
        ]
    ]
    for chunk in chunks(connection, query):
        outcome, score, moment, *texts, latency, rating = zip(*chunk, strict=True)
        parts.append(
            [
                np.fromiter(map(OUTCOME_CODES.__getitem__, outcome), np.int8, len(chunk)),
                floats(score),
                np.array(moment, dtype=np.float64),
                floats(latency),
                floats(rating),
                *map(Codes.of, coded, texts),
            ]
        )
    outcomes, scores, moments, latencies, ratings, *codes = (
        np.concatenate(arrays) for arrays in zip(*parts, strict=True)
    )
    prompt, version, slice_, model = (
        Coded(found, one.names()) for found, one in zip(codes, coded, strict=True)
    )
    moments /= 1e6
    return QualityColumns(outcomes, scores, moments, prompt, version, slice_, model, latencies, ratings)
