"""Writers at once, and writers that are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from collections import Counter

import pytest
from postgres_schemas import named, wait_until_left

from flywheel.records.columns import Scope
from flywheel.store.open import SqlStore

WRITER = """
import sys
from flywheel.records.execution import Execution
from flywheel.store.open import open_store
store, who = open_store(sys.argv[1]), sys.argv[2]
for batch in range(int(sys.argv[3])):
    rows = [
        Execution(execution_id=f"{batch}-{n}", outcome="passed", comment=who if n % 2 else "both")
        for n in range(500)
    ]
    counts = store.executions.write(rows)
    print(counts.stored, counts.replaced, counts.unchanged, flush=True)
"""


def writer(address: str, who: str, batches: int) -> subprocess.Popen[str]:
    """A process that stores batches of 500 and prints the counts after each."""
    command = [sys.executable, "-c", WRITER, address, who, str(batches)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.integration
def test_two_processes_write_the_same_ids(store_address: str, store: SqlStore) -> None:
    """No error, no id twice; together they stored each once and replaced what differed."""
    both = [writer(store_address, who, 8) for who in ("one", "two")]
    counts: Counter[str] = Counter()
    for process in both:
        out, _ = process.communicate()
        assert process.returncode == 0
        for line in out.splitlines():
            counts.update(dict(zip(("stored", "replaced", "unchanged"), map(int, line.split()), strict=True)))
    assert counts == {"stored": 4000, "replaced": 2000, "unchanged": 2000}
    columns = store.executions.columns(Scope())
    assert len(columns) == len(set(columns.seq.tolist())) == 4000


@pytest.mark.integration
def test_a_killed_writer_leaves_whole_batches(store_address: str, store: SqlStore) -> None:
    """After kill -9 every batch is there whole or not at all, and the rest can be handed in again."""
    killed = f"killed-{uuid.uuid4().hex}"
    process = writer(named(store_address, killed), "one", 10_000)
    assert process.stdout is not None
    reported = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGKILL)
    reported += process.stdout.readlines()
    process.wait()
    wait_until_left(store_address, killed)
    stored = store.executions.counts(Scope()).stored
    assert stored % 500 == 0
    assert stored >= 500 * len(reported)
    again = writer(store_address, "one", stored // 500 + 1)
    lines = again.communicate()[0].splitlines()
    assert lines[:-1] == ["0 0 500"] * (stored // 500)
    assert lines[-1] == "500 0 0"
