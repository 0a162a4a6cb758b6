"""How long one look of `flywheel watch` takes, beside fetching its columns alone as the limit.

Usage: python -m benchmarks.watch [--sizes 100000 1000000] [--keep FOLDER]

Each size gets a SQLite store of its own with one prompt, 7 models x 7 slices, eight weeks of executions,
95 % passed, save for one cell at 70 % in the last week. Each measured process opens the store, then does
one thing.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks.peers import beside
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.store.execution_columns import chunks
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.open import open_store
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.quality import QualityThresholdMonitor

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 56
WAYS = ("rows", "columns", "look")


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


def measure(address: str, way: str) -> None:
    """Print what one way takes: the driver's rows alone, the columns, or a whole look."""
    store = open_store(address)
    row = EXECUTION.c
    names = (row.outcome, row.score, row.started_at_us, row.prompt, row.version, row.slice, row.model)
    started, cpu = time.perf_counter(), time.process_time()
    found = ""
    if way == "rows":
        with store.database.read() as connection:
            query = sa.select(*names).where(row.workspace == "default").order_by(row.seq)
            count = sum(len(chunk) for chunk in chunks(connection, query))
    elif way == "columns":
        count = len(store.executions.quality_columns(Scope(exclude_sources=("experiment",))))
    else:
        monitor = QualityThresholdMonitor(AutomatedAlertingSystem(store, ()))
        report = monitor.read(at=NOW)
        count = sum(1 for _ in report.readings)
        found = ", ".join(one.name for one in report.degraded)
    taken = {
        "way": way,
        "count": count,
        "wall_s": round(time.perf_counter() - started, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps({**taken, "found": found} if found else taken), flush=True)


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
            path = folder / f"watch-{size}.db"
            if not path.exists():
                store = open_store(f"sqlite:///{path}")
                store.executions.write(executions(size))
                store.close()
            for way in WAYS:
                command = [sys.executable, "-m", "benchmarks.watch", "--measure", f"sqlite:///{path}", way]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
