"""How long all value metrics take, beside one plain SQL aggregate and the fetching of their columns.

Usage: python -m benchmarks.value [--sizes 100000 1000000] [--keep FOLDER]

Each size gets a SQLite store of its own: the executions of benchmarks.watch, half of them with a confidence.
Each measured process opens the store, then does one thing.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks.peers import beside
from benchmarks.watch import NOW, executions
from flywheel.learn.value import value_report
from flywheel.records.columns import NOT_EVIDENCE, Scope
from flywheel.records.execution import Execution
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.open import open_store
from flywheel.store.value_evidence import value_columns_of, value_evidence

WAYS = ("aggregate", "columns", "value")
BEGIN = NOW - timedelta(days=90)


def confident(count: int) -> Iterator[Execution]:
    """Made-up executions; every second one says how sure it is, on one of two versions."""
    for number, one in enumerate(executions(count)):
        said = 0.5 + (number % 97) / 200 if number % 2 else None
        yield one.model_copy(update={"confidence": said, "version": f"v{number % 2}"})


def measure(address: str, way: str) -> None:
    """Print what one way takes."""
    store = open_store(address)
    row = EXECUTION.c
    started, cpu = time.perf_counter(), time.process_time()
    if way == "aggregate":
        query = sa.select(row.prompt, row.case_id, row.version, row.outcome, sa.func.count())
        with store.database.read() as connection:
            count = len(connection.execute(query.group_by(*query.selected_columns[:4])).all())
    elif way == "columns":
        scope = Scope(since=BEGIN, until=NOW, exclude_sources=NOT_EVIDENCE)
        with store.database.read() as connection:
            count = len(value_columns_of(connection, scope))
    else:
        report = value_report(value_evidence(store, "default", (BEGIN, BEGIN), NOW), BEGIN, NOW)
        count = sum(one.value is not None for one in report.metrics)
    taken = {
        "way": way,
        "count": count,
        "wall_s": round(time.perf_counter() - started, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(taken), flush=True)


def main() -> None:
    """One line of JSON per size and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--keep", type=Path, default=None)
    parser.add_argument("--measure", nargs=2, default=None)
    asked = parser.parse_args()
    if asked.measure:
        measure(*asked.measure)
        return
    print(beside())
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        for size in asked.sizes:
            path = folder / f"value-{size}.db"
            if not path.exists():
                store = open_store(f"sqlite:///{path}")
                store.executions.write(confident(size))
                store.close()
            for way in WAYS:
                command = [sys.executable, "-m", "benchmarks.value", "--measure", f"sqlite:///{path}", way]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
