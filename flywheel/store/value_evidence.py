"""What value metrics are told from, read with one query per noun."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from flywheel.records.columns import NOT_EVIDENCE, Coded, Scope
from flywheel.records.execution import Outcome
from flywheel.records.value_evidence import PastCycle, PastPattern, ValueColumns, ValueEvidence
from flywheel.store.cases import CASE
from flywheel.store.cycles import CYCLE
from flywheel.store.encoding import from_us, to_us
from flywheel.store.execution_columns import Codes, chunks, floats
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.execution_scope import MOMENT_US, VERSION_KEY, within
from flywheel.store.open import SqlStore
from flywheel.store.patterns import PATTERN

MOST_OUTPUTS = 1_000
MOST_ALERTS = 1_000

_PASSED = Outcome.PASSED.value
_SCORED = (_PASSED, Outcome.FAILED.value, Outcome.ERROR.value)


def value_evidence(
    store: SqlStore, workspace: str, begin: tuple[datetime, datetime], until: datetime
) -> ValueEvidence:
    """Executions, cycles, patterns, releases, alerts, ids of cases of a workspace.

    Args:
        store: that is read.
        workspace: the only one looked at.
        begin: start of cycles, start of executions.
        until: their end, exclusive.

    Raises:
        StoreError: the store cannot be read.
    """
    since, of_executions = begin
    scope = Scope(workspace=workspace, since=of_executions, until=until, exclude_sources=NOT_EVIDENCE)
    in_window = sa.and_(
        CYCLE.c.workspace == workspace, CYCLE.c.opened_us >= to_us(since), CYCLE.c.opened_us < to_us(until)
    )
    with store.executions.database.read() as connection:
        columns = value_columns_of(connection, scope)
        cycles = connection.execute(sa.select(CYCLE).where(in_window).order_by(CYCLE.c.seq)).all()
        patterns = connection.execute(_patterns_of(workspace, in_window)).all()
        kept = connection.execute(sa.select(CASE.c.case_id).where(CASE.c.workspace == workspace)).scalars()
        kept_cases = frozenset(kept)
    alerts = {one.alert_id: one for one in store.alerts.recent(workspace, MOST_ALERTS)}
    alerts |= {one.alert_id: one for one in store.alerts.open(workspace)}
    return ValueEvidence(
        columns=columns,
        cycles=tuple(
            PastCycle(row.cycle_id, row.prompt, row.status, row.control, from_us(row.opened_us))
            for row in cycles
        ),
        patterns=tuple(PastPattern(*row) for row in patterns),
        outputs=tuple(store.cycles.outputs(workspace, None, MOST_OUTPUTS)),
        releases=tuple(store.releases.history(workspace, None)),
        alerts=tuple(alerts.values()),
        kept_cases=kept_cases,
    )


def value_columns_of(connection: Connection, scope: Scope) -> ValueColumns:
    """Passed, failed and errored executions of a scope as arrays, in the order they were stored."""
    row = EXECUTION.c
    query = (
        sa.select(
            row.outcome, MOMENT_US, row.confidence, row.prompt, VERSION_KEY, row.case_id, row.model, row.slice
        )
        .where(within(scope), row.outcome.in_(_SCORED))
        .order_by(row.seq)
    )
    coded = [Codes() for _ in range(5)]
    parts: list[list[NDArray[Any]]] = [
        [np.empty(0), np.empty(0), np.empty(0), *(np.empty(0, np.int32) for _ in coded)]
    ]
    for chunk in chunks(connection, query):
        outcome, moment, confidence, *texts = zip(*chunk, strict=True)
        passed = np.fromiter((one == _PASSED for one in outcome), np.float64, len(chunk))
        said = floats(confidence)
        if not np.isnan(said).all():
            # An error has no answer to be sure of.
            said[np.fromiter((one == _SCORED[2] for one in outcome), np.bool_, len(chunk))] = np.nan
        parts.append([passed, np.array(moment, dtype=np.float64), said, *map(Codes.of, coded, texts)])
    passes, moments, confidences, *codes = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    texts_found = [Coded(found, one.names()) for found, one in zip(codes, coded, strict=True)]
    return ValueColumns(passes, moments / 1e6, confidences, *texts_found)


def _patterns_of(workspace: str, in_window: sa.ColumnElement[bool]) -> sa.Select[Any]:
    row = PATTERN.c
    return (
        sa.select(row.cycle_id, row.prompt, row.pattern_key, row["count"], row.share)
        .join(CYCLE, CYCLE.c.cycle_id == row.cycle_id)
        .where(row.workspace == workspace, in_window)
        .order_by(row.seq)
    )
