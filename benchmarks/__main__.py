"""Every benchmark, one after the other: `make bench`; docs/performance.md keeps what it printed."""

from __future__ import annotations

import subprocess
import sys

from rich.console import Console

BENCHMARKS = {
    "import_jsonl": "JSONL into SQLite against sqlite3.executemany",
    "import_junit": "JUnit XML into SQLite against a bare iterparse, a report log against json.loads",
    "stats": "the joint gate, one look of a sequential test",
    "pytest_overhead": "pytest with capture against bare pytest and its peers",
    "recorder": "executions a second into SQLite",
    "analyze": "the analyze phase over many executions",
    "flaky": "flaky tests told from the others, simulated",
    "grouping": "failure patterns against Drain3 on labelled failures",
}


def main() -> int:
    """Run those named on the command line, or all; gives the number that failed."""
    console = Console()
    names = sys.argv[1:] or list(BENCHMARKS)
    failed = 0
    for name in names:
        console.rule(f"{name}: {BENCHMARKS.get(name, '')}")
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
