"""How many executions a second the recorder brings into SQLite, by one process, by eight at once.

Run: python benchmarks/recorder.py [EXECUTIONS] [PROCESSES]
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import flywheel
from benchmarks.peers import beside
from flywheel.records.columns import Scope
from flywheel.store.open import open_store

QUESTION = (
    "The customer asks whether the invoice of March can be paid in two parts, since the first one was late."
)


def record_many(address: str, home: str, number: int, start: int = 0) -> tuple[float, float, object]:
    """Record as an application would; seconds in `record`, seconds until all are stored, counts."""
    settings = flywheel.RecorderSettings(spool=Path(home) / "spool")
    with flywheel.recorder("triage", store=address, settings=settings, model="small", version="v1") as rec:
        began = time.perf_counter()
        for position in range(start, start + number):
            rec.record(
                execution_id=f"run-{position}",
                case_id=f"case-{position % 500}",
                slice="billing",
                inputs={"question": QUESTION, "number": position},
                output="billing",
                expected="billing",
                outcome="passed",
                latency_ms=812.5,
                input_tokens=190,
                output_tokens=3,
                cost_usd=0.00021,
            )
        recorded = time.perf_counter() - began
        rec.flush(600)
        stored = time.perf_counter() - began
    return recorded, stored, rec.counts


def stored_in(address: str) -> int:
    """How many executions the store holds."""
    store = open_store(address)
    try:
        return store.executions.counts(Scope()).stored
    finally:
        store.close()


def main() -> None:
    """Print both figures."""
    print(beside())
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    with tempfile.TemporaryDirectory() as home:
        address = f"sqlite:///{home}/one.db"
        open_store(address).close()
        recorded, stored, counts = record_many(address, home, number)
        print(
            f"1 process: {number / recorded:,.0f} records/s in the caller, "
            f"{number / stored:,.0f}/s into SQLite"
        )
        print(f"  {counts}")
        assert stored_in(address) == number  # noqa: S101 - the figure is worth nothing otherwise
        address = f"sqlite:///{home}/many.db"
        open_store(address).close()
        each = number // processes
        began = time.perf_counter()
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            work = [(address, home, each, each * process) for process in range(processes)]
            results = pool.starmap(record_many, work)
        seconds = time.perf_counter() - began
        total = each * processes
        print(
            f"{processes} processes: {total / seconds:,.0f} records/s into one SQLite file, start-up included"
        )
        for _, stored, counts in results:
            print(f"  {each / stored:,.0f}/s {counts}")
        found = stored_in(address)
        waiting = len(list(Path(home, "spool").rglob("*.jsonl")))
        print(f"  stored {found} of {total}; files left in the spool: {waiting}")


if __name__ == "__main__":
    main()
