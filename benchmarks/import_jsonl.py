"""Import of JSONL against plain sqlite3.executemany, with the memory both take.

Run `python -m benchmarks.import_jsonl [LINES]`. Each measurement is a process
of its own, so that peaks of memory are its own too.

- `executemany`: rows that were parsed before the clock started go into the
  same table with the same indexes by one `sqlite3.executemany` in one
  transaction. This is the least that any importer has to do.
- `import`: `import_file` from the file to the store, with parsing, validation,
  content hashes, comparison with what is stored, in transactions of 10,000.
- `import, a quarter`: the same for a quarter of the lines; flat memory means
  that its peak is the same.
- `import, again`: repeating the import, which changes nothing.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from benchmarks.peers import beside
from flywheel.capture.importing import ImportSettings, import_file
from flywheel.capture.lines import LineReader
from flywheel.store.execution_rows import ROW_COLUMNS
from flywheel.store.open import open_store

LINES = 1_000_000


@dataclass(frozen=True, slots=True)
class Measurement:
    """One step in a process of its own.

    Attributes:
        step: what was done.
        lines: how many lines.
        seconds: time taken, for `executemany` without the parsing.
        cpu_seconds: of the processor; other programs on the machine do not disturb it much.
        peak_mib: largest memory of the process.
    """

    step: str
    lines: int
    seconds: float
    cpu_seconds: float
    peak_mib: float


def run(lines: int = LINES) -> dict[str, Measurement]:
    """Measure all steps and print them.

    Args:
        lines: of the generated file.

    Returns:
        Measurements by step.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole, quarter = folder / "whole.jsonl", folder / "quarter.jsonl"
        _write(whole, lines)
        _write(quarter, lines // 4)
        print(f"{lines:,} lines, {whole.stat().st_size / lines:,.0f} bytes each")
        steps = {
            "executemany": _measured("executemany", whole, folder / "plain.db"),
            "import": _measured("import", whole, folder / "whole.db"),
            "import, a quarter": _measured("import", quarter, folder / "quarter.db"),
            "import, again": _measured("again", whole, folder / "whole.db"),
        }
    for step, found in steps.items():
        rate = found.lines / found.seconds
        cpu = f"{found.cpu_seconds:8.2f} s of the processor"
        print(f"{step:18} {found.seconds:8.2f} s {rate:10,.0f} lines/s {cpu} {found.peak_mib:8.0f} MiB peak")
    plain, whole = steps["executemany"], steps["import"]
    print(
        f"import / executemany: {whole.seconds / plain.seconds:.2f} in time, "
        f"{whole.cpu_seconds / plain.cpu_seconds:.2f} in time of the processor"
    )
    growth = steps["import"].peak_mib - steps["import, a quarter"].peak_mib
    print(f"memory for four times the lines: {growth:+.0f} MiB")
    return steps


def generated(lines: int, seed: int = 1) -> Iterator[bytes]:
    """Lines of evidence as a test suite of a language model application would write them."""
    draw = random.Random(seed)
    for number in range(lines):
        is_right = draw.random() < 0.7
        line = {
            "execution_id": f"run-{number:09d}",
            "prompt": "support-router",
            "version": f"v{number % 2 + 1}",
            "case_id": f"case-{number // 2:08d}",
            "suite": "support",
            "slice": f"queue-{number // 2 % 7}",
            "model": f"model-{number // 14 % 3}",
            "inputs": {"question": f"Order {draw.randrange(10**8)} came without its charger, what can I do?"},
            "output": f"Queue {draw.randrange(7)}: the customer misses a part of the order, send it.",
            "expected": "returns",
            "outcome": "passed" if is_right else "failed",
            "confidence": round(draw.random(), 3),
            "latency_ms": round(draw.gammavariate(4, 200), 3),
            "input_tokens": draw.randrange(200, 900),
            "output_tokens": draw.randrange(10, 80),
            "cost_usd": round(draw.random() / 100, 6),
            "metadata": {"region": "eu-west", "attempt": 1},
            "started_at": f"2026-01-{number % 28 + 1:02d}T{number % 24:02d}:{number % 60:02d}:00.250Z",
        }
        if not is_right:
            line["error_message"] = "expected 'returns'"
        yield json.dumps(line).encode() + b"\n"


def _write(path: Path, lines: int) -> None:
    with path.open("wb") as file:
        file.writelines(generated(lines))


def _measured(step: str, source: Path, store: Path) -> Measurement:
    command = [sys.executable, "-m", "benchmarks.import_jsonl", "--step", step, str(source), str(store)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measurement(**json.loads(done.stdout))


def _step(step: str, source: Path, store: Path) -> Measurement:
    if step == "executemany":
        lines, seconds, cpu_seconds = _executemany(source, store)
    else:
        opened = open_store(str(store))
        started = time.process_time()
        report = import_file(source, opened, ImportSettings())
        lines, seconds, cpu_seconds = report.read, report.seconds, time.process_time() - started
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measurement(step, lines, seconds, cpu_seconds, peak_mib)


def _executemany(source: Path, store: Path) -> tuple[int, float, float]:
    """Rows in parts, so that parsing them stays off the clock without all of them in memory."""
    open_store(str(store)).close()
    columns = (*ROW_COLUMNS, "stored_at_us")
    statement = f"INSERT INTO execution ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    connection = sqlite3.connect(store, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    read, lines = LineReader().row, 0
    seconds = cpu_seconds = 0.0
    now_us = time.time_ns() // 1000
    with source.open("rb") as file:
        connection.execute("BEGIN")
        while rows := [(*read(line), now_us) for line in islice(file, 50_000)]:
            started, cpu_started = time.perf_counter(), time.process_time()
            connection.executemany(statement, rows)
            seconds += time.perf_counter() - started
            cpu_seconds += time.process_time() - cpu_started
            lines += len(rows)
        started, cpu_started = time.perf_counter(), time.process_time()
        connection.execute("COMMIT")
        connection.close()
    seconds += time.perf_counter() - started
    return lines, seconds, cpu_seconds + time.process_time() - cpu_started


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lines", nargs="?", type=int, default=LINES)
    parser.add_argument("--step", nargs=3, metavar=("STEP", "SOURCE", "STORE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step is None:
        print(beside(always="sqlite3.executemany of the same rows"))
        run(given.lines)
        return
    step, source, store = given.step
    print(json.dumps(asdict(_step(step, Path(source), Path(store)))))


if __name__ == "__main__":
    main()
