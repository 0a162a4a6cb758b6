"""Executions that can become cases, the newest of each; others with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from flywheel.records.columns import Scope
from flywheel.records.execution import Execution, Outcome
from flywheel.store.execution_rows import EXECUTION, ROW_COLUMNS, record_of
from flywheel.store.execution_scope import MOMENT_US, within
from flywheel.store.session import Database

_ROW = EXECUTION.c
_FAILURES = (Outcome.FAILED.value, Outcome.ERROR.value)
_FITS = sa.and_(_ROW.outcome != Outcome.SKIPPED.value, _ROW.inputs.is_not(None), _ROW.expected.is_not(None))
_WHY_NOT = sa.case(
    (_ROW.outcome == Outcome.SKIPPED.value, "it was skipped"),
    (sa.and_(_ROW.inputs.is_(None), _ROW.expected.is_(None)), "no inputs, no expected"),
    (_ROW.inputs.is_(None), "no inputs"),
    else_="no expected",
)


@dataclass(frozen=True, slots=True)
class NoCase:
    """Executions that are no case for one reason.

    Attributes:
        reason: what they lack.
        executions: how many.
        example: id of one of them.
    """

    reason: str
    executions: int
    example: str


def newest_per_case(database: Database, scope: Scope, *, failures: bool) -> list[Execution]:
    """The newest execution of each case that has inputs and an expectation, in the order of storing.

    Without a case id, executions of equal inputs are one case.

    Args:
        database: the store's.
        scope: which executions.
        failures: only failed ones and errors.
    """
    place = (
        sa.func.row_number()
        .over(
            partition_by=sa.func.coalesce(_ROW.case_id, _ROW.inputs),
            order_by=(MOMENT_US.desc(), _ROW.seq.desc()),
        )
        .label("place")
    )
    ranked = sa.select(_ROW.seq, place).where(_wanted(scope, failures), _FITS).subquery()
    newest = sa.select(ranked.c.seq).where(ranked.c.place == 1)
    query = sa.select(*(_ROW[name] for name in ROW_COLUMNS[:-1])).where(_ROW.seq.in_(newest))
    with database.read() as connection:
        return [record_of(row) for row in connection.execute(query.order_by(_ROW.seq))]


def no_cases(database: Database, scope: Scope, *, failures: bool) -> list[NoCase]:
    """Executions of the scope that cannot be cases, by reason, the most frequent first."""
    query = (
        sa.select(_WHY_NOT.label("why"), sa.func.count(), sa.func.min(_ROW.execution_id))
        .where(_wanted(scope, failures), sa.not_(_FITS))
        .group_by(sa.text("why"))
    )
    with database.read() as connection:
        found = [NoCase(*row) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (-one.executions, one.reason))


def _wanted(scope: Scope, failures: bool) -> sa.ColumnElement[bool]:
    outcomes = _ROW.outcome.in_(_FAILURES) if failures else sa.true()
    return sa.and_(within(scope), outcomes)
