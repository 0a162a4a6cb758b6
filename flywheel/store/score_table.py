"""Mean score per case for each arm, summed up by the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flywheel.records.columns import Scope, ScoreTable
from flywheel.records.execution import Outcome
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.execution_scope import VERSION_KEY, hashes_of_label, within

ArmKind = Literal["version", "model", "agent"]

_COUNTED: Final = (Outcome.PASSED.value, Outcome.FAILED.value, Outcome.ERROR.value)
_SCORE: Final = sa.case(
    (EXECUTION.c.outcome == Outcome.ERROR.value, sa.func.coalesce(EXECUTION.c.score, 0.0)),
    else_=EXECUTION.c.score,
)
_SUMMED: Final = (_SCORE, EXECUTION.c.latency_ms, EXECUTION.c.cost_usd)


def score_table_of(connection: Connection, scope: Scope, arms: Sequence[str], by: ArmKind) -> ScoreTable:
    """Mean score of each arm on each case; NaN where an arm has no scored execution.

    An execution that ended in an error counts with score 0 when it has none of
    its own: whoever asked got no answer. Skipped and unscored executions never
    count, nor do executions without a case.

    Args:
        connection: of a read.
        scope: which executions count.
        arms: names; of by=version content hashes or labels.
        by: what tells the arms apart.
    """
    key = VERSION_KEY if by == "version" else EXECUTION.c[by]
    arm_of = (
        _arm_of_key(connection, scope, arms) if by == "version" else {arm: i for i, arm in enumerate(arms)}
    )
    row = EXECUTION.c
    sums = [part for column in _SUMMED for part in (sa.func.sum(column), sa.func.count(column))]
    query = (
        sa.select(row.case_id, key.label("arm"), sa.func.min(row.slice), *sums)
        .where(within(scope), row.case_id.is_not(None), row.outcome.in_(_COUNTED), _SCORE.is_not(None))
        .where(key.in_(list(arm_of)))
        .group_by(row.case_id, sa.text("arm"))
    )
    return _table([tuple(found) for found in connection.execute(query)], tuple(arms), arm_of)


def _arm_of_key(connection: Connection, scope: Scope, arms: Sequence[str]) -> dict[str, int]:
    """Position of the arm behind each value VERSION_KEY can take; the first arm that claims it has it."""
    positions: dict[str, int] = {}
    for position, arm in enumerate(arms):
        known = connection.execute(hashes_of_label(scope.workspace, scope.prompt, arm)).scalars()
        for name in (arm, *known):
            positions.setdefault(name, position)
    return positions


def _table(rows: list[tuple[Any, ...]], arms: tuple[str, ...], arm_of: dict[str, int]) -> ScoreTable:
    cases = tuple(sorted({row[0] for row in rows}))
    place = {case: i for i, case in enumerate(cases)}
    slices: list[str | None] = [None] * len(cases)
    # One (sum, count) per measure, case and arm; two keys of one arm add up.
    sums = np.zeros((len(_SUMMED), len(cases), len(arms)))
    counts = np.zeros(sums.shape, np.int32)
    for case, key, slice_, *parts in rows:
        i, j = place[case], arm_of[key]
        slices[i] = slices[i] or slice_
        sums[:, i, j] += [total or 0.0 for total in parts[0::2]]
        counts[:, i, j] += parts[1::2]
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return ScoreTable(
        cases=cases,
        slices=tuple(slices),
        arms=arms,
        scores=means[0],
        runs=counts[0],
        latency_ms=means[1],
        cost_usd=means[2],
    )
