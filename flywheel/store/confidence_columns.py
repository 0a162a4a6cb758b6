"""The few columns of executions that say whether confidence means what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from flywheel.records.columns import Coded, ConfidenceColumns, Scope
from flywheel.records.execution import Outcome
from flywheel.store.execution_columns import Codes, chunks, floats
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.execution_scope import within

_PASSED = Outcome.PASSED.value
_TOLD = (_PASSED, Outcome.FAILED.value)


def confidence_columns_of(connection: Connection, scope: Scope) -> ConfidenceColumns:
    """Passed and failed executions of a scope as arrays, in the order they were stored."""
    row = EXECUTION.c
    query = (
        sa.select(row.outcome, row.confidence, row.prompt, row.slice, row.model)
        .where(within(scope), row.outcome.in_(_TOLD))
        .order_by(row.seq)
    )
    coded = [Codes() for _ in range(3)]
    parts: list[list[NDArray[Any]]] = [[np.empty(0), np.empty(0), *(np.empty(0, np.int32) for _ in coded)]]
    for chunk in chunks(connection, query):
        outcome, confidence, *texts = zip(*chunk, strict=True)
        passed = np.fromiter((one == _PASSED for one in outcome), np.float64, len(chunk))
        parts.append([floats(confidence), passed, *map(Codes.of, coded, texts)])
    confidences, passes, *codes = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    prompt, slice_, model = (Coded(found, one.names()) for found, one in zip(codes, coded, strict=True))
    return ConfidenceColumns(confidences, passes, prompt, slice_, model)
