"""How long all value metrics take, beside one plain SQL aggregate and the fetching of their columns.

Usage: python -m benchmarks.value [--sizes 100000 1000000] [--keep FOLDER]

Each size gets a SQLite store of its own: the executions of benchmarks.watch, half of them with a confidence.
Each measured process opens the store, then does one thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa

from benchmarks.sized import Sized
from benchmarks.watch import NOW, executions
from flywheel.learn.value import value_report
from flywheel.records.columns import NOT_EVIDENCE, Scope
from flywheel.records.execution import Execution
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.open import SqlStore
from flywheel.store.value_evidence import value_columns_of, value_evidence

BEGIN = NOW - timedelta(days=90)


def confident(count: int) -> Iterator[Execution]:
    """Made-up executions; every second one says how sure it is, on one of two versions."""
    for number, one in enumerate(executions(count)):
        said = 0.5 + (number % 97) / 200 if number % 2 else None
        yield one.model_copy(update={"confidence": said, "version": f"v{number % 2}"})


def aggregate(store: SqlStore) -> tuple[int, str]:
    """One plain GROUP BY."""
    row = EXECUTION.c
    query = sa.select(row.prompt, row.case_id, row.version, row.outcome, sa.func.count())
    with store.database.read() as connection:
        return len(connection.execute(query.group_by(*query.selected_columns[:4])).all()), ""


def columns(store: SqlStore) -> tuple[int, str]:
    """The columns of the metrics alone."""
    scope = Scope(since=BEGIN, until=NOW, exclude_sources=NOT_EVIDENCE)
    with store.database.read() as connection:
        return len(value_columns_of(connection, scope)), ""


def value(store: SqlStore) -> tuple[int, str]:
    """All metrics."""
    report = value_report(value_evidence(store, "default", (BEGIN, BEGIN), NOW), BEGIN, NOW)
    return sum(one.value is not None for one in report.metrics), ""


WAYS = {"aggregate": aggregate, "columns": columns, "value": value}

if __name__ == "__main__":
    Sized("value", __doc__ or "", confident, WAYS).main()
