"""The few columns of executions that trust in agents needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from flywheel.records.columns import AgentColumns, Coded, Scope
from flywheel.store.execution_columns import OUTCOME_CODES, Codes, chunks, floats
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.execution_scope import MOMENT_US, within


def agent_columns_of(connection: Connection, scope: Scope) -> AgentColumns:
    """Executions of a scope that name an agent as arrays, in the order of time; 40 bytes a row are held."""
    row = EXECUTION.c
    query = (
        sa.select(row.outcome, row.score, row.latency_ms, MOMENT_US, row.agent, row.slice, row.case_id)
        .where(within(scope), row.agent.is_not(None))
        .order_by(row.seq)
    )
    coded = [Codes() for _ in range(3)]
    parts: list[list[NDArray[Any]]] = [
        [np.empty(0, np.int8), *(np.empty(0) for _ in range(3)), *(np.empty(0, np.int32) for _ in coded)]
    ]
    for chunk in chunks(connection, query):
        outcome, *rest = zip(*chunk, strict=True)
        codes = np.fromiter(map(OUTCOME_CODES.__getitem__, outcome), np.int8, len(chunk))
        parts.append([codes, *map(floats, rest[:3]), *map(Codes.of, coded, rest[3:])])
    arrays = [np.concatenate(found) for found in zip(*parts, strict=True)]
    # Sorted here: executions are often stored in another order than they happened in.
    order = np.argsort(arrays[3], kind="stable")
    outcomes, score, latency, moment, *texts = (found[order] for found in arrays)
    agent, slice_, case = (Coded(found, one.names()) for found, one in zip(texts, coded, strict=True))
    return AgentColumns(outcomes, score, latency, moment / 1e6, agent, slice_, case)
