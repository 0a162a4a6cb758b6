"""How long one look of `flywheel watch` takes, beside fetching its columns alone as the limit.

Usage: python -m benchmarks.watch [--sizes 100000 1000000] [--keep FOLDER]

Each size gets a SQLite store of its own with one prompt, 7 models x 7 slices, eight weeks of executions,
95 % passed, save for one cell at 70 % in the last week. Each measured process opens the store, then does
one thing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from benchmarks.sized import Sized
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.store.execution_columns import chunks
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.open import SqlStore
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.quality import QualityThresholdMonitor

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 56


def executions(count: int) -> Iterator[Execution]:
    """Made-up executions in the order of time, with one cell that fell a week ago."""
    rng = random.Random(7)
    for number in range(count):
        model, part = f"model-{rng.randrange(7)}", f"slice-{rng.randrange(7)}"
        age = DAYS * (1 - number / count)
        fell = age < 7 and (model, part) == ("model-3", "slice-5")
        yield Execution(
            execution_id=f"e{number}",
            prompt="bench",
            case_id=f"case {number % 50_000}",
            slice=part,
            model=model,
            outcome="passed" if rng.random() < (0.7 if fell else 0.95) else "failed",
            latency_ms=rng.lognormvariate(6, 0.5),
            inputs={"question": f"question {number % 50_000}"},
            output="an answer of some length, as they are",
            started_at=NOW - timedelta(days=age),
        )


def rows(store: SqlStore) -> tuple[int, str]:
    """The rows of the driver alone."""
    row = EXECUTION.c
    names = (row.outcome, row.score, row.started_at_us, row.prompt, row.version, row.slice, row.model)
    with store.database.read() as connection:
        query = sa.select(*names).where(row.workspace == "default").order_by(row.seq)
        return sum(len(chunk) for chunk in chunks(connection, query)), ""


def columns(store: SqlStore) -> tuple[int, str]:
    """The columns of a look."""
    return len(store.executions.quality_columns(Scope(exclude_sources=("experiment",)))), ""


def look(store: SqlStore) -> tuple[int, str]:
    """A whole look; what it found fallen."""
    report = QualityThresholdMonitor(AutomatedAlertingSystem(store, ())).read(at=NOW)
    return sum(1 for _ in report.readings), ", ".join(one.name for one in report.degraded)


WAYS = {"rows": rows, "columns": columns, "look": look}

if __name__ == "__main__":
    Sized("watch", __doc__ or "", executions, WAYS).main()
