"""Counts of what a workspace holds, one grouped query a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flywheel.records.columns import OUTCOMES, Scope
from flywheel.records.tallies import ExecutionTally, WorkspaceTallies
from flywheel.store.alerts import ALERT
from flywheel.store.cycles import CYCLE
from flywheel.store.encoding import from_us
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.execution_scope import MOMENT_US, VERSION_KEY, within
from flywheel.store.model_calls import SqlModelCalls
from flywheel.store.proposals import PROPOSAL
from flywheel.store.reviews import REVIEW
from flywheel.store.session import Database

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

MOST_USD: Final = 1e15
"""A larger cost is none that anybody pays; two of them can add up to infinity."""


def execution_tallies(database: Database, scope: Scope) -> list[ExecutionTally]:
    """Executions of a scope by prompt, version, model, slice.

    Args:
        database: of a store.
        scope: which executions.

    Returns:
        Groups, sorted by their names; those without a name come first.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> execution_tallies(open_store("sqlite://").database, Scope())
        []
    """
    row = EXECUTION.c
    names = (row.prompt, VERSION_KEY.label("version_key"), row.model, row.slice)
    counts = [sa.func.count(sa.case((row.outcome == outcome, 1))) for outcome in OUTCOMES]
    # Sums stay finite; a sum beyond all numbers would be refused by the record.
    cost = sa.case((row.cost_usd <= MOST_USD, row.cost_usd))
    query = (
        sa.select(*names, *counts, sa.func.sum(cost), sa.func.count(cost), sa.func.max(MOMENT_US))
        .where(within(scope))
        .group_by(row.prompt, sa.text("version_key"), row.model, row.slice)
    )
    with database.read() as connection:
        found = [_tally(one) for one in connection.execute(query)]
    return sorted(found, key=lambda t: tuple(n or "" for n in (t.prompt, t.version, t.model, t.slice)))


def workspace_tallies(database: Database, workspace: str) -> WorkspaceTallies:
    """How much of everything there is.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> workspace_tallies(open_store("sqlite://").database, "default").executions
        {}
    """
    with database.read() as connection:
        found = {
            "executions": _counted(connection, EXECUTION.c.outcome, workspace),
            "cycles": _counted(connection, CYCLE.c.status, workspace),
            "verdicts": _counted(connection, PROPOSAL.c.ruling, workspace),
            "reviews": _counted(connection, REVIEW.c.state, workspace),
            "alerts_open": _counted(connection, ALERT.c.severity, workspace, ALERT.c.resolved_us.is_(None)),
        }
    return WorkspaceTallies(
        **found,
        calls=tuple(SqlModelCalls(database).summary(_BEGINNING, workspace)),
        last_cycle_at=last_cycle_at(database, workspace),
    )


def last_cycle_at(database: Database, workspace: str) -> datetime | None:
    """When the newest cycle was closed, None where none was.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> last_cycle_at(open_store("sqlite://").database, "default") is None
        True
    """
    query = sa.select(sa.func.max(CYCLE.c.closed_us)).where(CYCLE.c.workspace == workspace)
    with database.read() as connection:
        closed = connection.execute(query).scalar()
    return None if closed is None else from_us(closed)


def _counted(
    connection: Connection, column: sa.Column[Any], workspace: str, *wanted: sa.ColumnElement[bool]
) -> dict[str, int]:
    rows = connection.execute(
        sa.select(column, sa.func.count())
        .where(column.table.c.workspace == workspace, column.is_not(None), *wanted)
        .group_by(column)
        .order_by(column)
    )
    return {name: int(number) for name, number in rows}


def _tally(row: Sequence[Any]) -> ExecutionTally:
    prompt, version, model, slice_name, *counts, cost, priced, last_us = row
    return ExecutionTally(
        prompt=prompt,
        version=version,
        model=model,
        slice=slice_name,
        **dict(zip(OUTCOMES, counts, strict=True)),
        cost_usd=None if cost is None else float(cost),
        priced=priced,
        last_at=from_us(last_us),
    )
