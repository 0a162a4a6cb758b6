"""Executions with their texts, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flywheel.records.columns import Scope
from flywheel.records.execution import Execution, Outcome
from flywheel.store.execution_rows import EXECUTION, ROW_COLUMNS, record_of
from flywheel.store.execution_scope import within

_RECORD: Final = [EXECUTION.c[name] for name in ROW_COLUMNS[:-1]]


@dataclass(frozen=True, slots=True)
class PageAsked:
    """Which page.

    Attributes:
        limit: executions at most.
        newest_first: else in the order they were stored.
        beyond: sequence number of the last execution of the page before; None is the first page.
        outcome: only these; None takes all.
    """

    limit: int = 100
    newest_first: bool = True
    beyond: int | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """One page.

    Attributes:
        executions: in the order asked for.
        last: sequence number to go on from; None where nothing follows.
    """

    executions: tuple[Execution, ...]
    last: int | None


def page_of(connection: Connection, scope: Scope, asked: PageAsked) -> ExecutionPage:
    """Executions of a scope with their texts, in the order of storing or against it.

    Pages do not overlap and none is left out, also while others store: an
    execution that is replaced gets a new number, and comes again among the
    newest.

    Args:
        connection: of a read.
        scope: which executions.
        asked: how many, from where.
    """
    seq = EXECUTION.c.seq
    conditions = [within(scope)]
    if asked.outcome is not None:
        conditions.append(EXECUTION.c.outcome == asked.outcome.value)
    if asked.beyond is not None:
        conditions.append(seq < asked.beyond if asked.newest_first else seq > asked.beyond)
    query = (
        sa.select(seq, *_RECORD)
        .where(*conditions)
        .order_by(seq.desc() if asked.newest_first else seq)
        .limit(asked.limit + 1)
    )
    rows = connection.execute(query).all()
    shown = rows[: asked.limit]
    return ExecutionPage(
        executions=tuple(record_of(row[1:]) for row in shown),
        last=int(shown[-1][0]) if len(rows) > asked.limit else None,
    )
