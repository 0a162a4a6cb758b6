"""Every benchmark, one after the other: `make bench`; docs/performance.md keeps what it printed.

None needs an argument. What needs a file or a peer that is not there says so, and is left out.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True)
class Benchmark:
    """What it measures, and the arguments with which it takes minutes instead of an hour."""

    about: str
    arguments: tuple[str, ...] = ()


BENCHMARKS = {
    "import_jsonl": Benchmark("JSONL into SQLite against sqlite3.executemany"),
    "import_junit": Benchmark("JUnit XML against a bare iterparse, a report log against json.loads"),
    "stats": Benchmark("the joint gate, one look of a sequential test"),
    "pytest_overhead": Benchmark("pytest with capture against bare pytest and its peers"),
    "recorder": Benchmark("executions a second into SQLite"),
    "chat_client": Benchmark("the layers of the chat client against the bare openai client"),
    "analyze": Benchmark("the analyze phase over many executions"),
    "service": Benchmark("executions over HTTP against import, a live prompt against a bare route"),
    "watch": Benchmark("one look at the quality of 64 streams"),
    "value": Benchmark("all value metrics against one SQL aggregate"),
    "trust": Benchmark("trust in a thousand agents from a million outcomes"),
    "routing": Benchmark("regret of routing in three settings; decisions a second", ("--worlds", "6")),
    "flaky": Benchmark("flaky tests told from the others, simulated"),
    "grouping": Benchmark("failure patterns against Drain3 on labelled failures"),
    "optimizers": Benchmark("a cycle against gepa and DSPy on equal data", ("--seeds", "2")),
}


def main() -> int:
    """Run those named on the command line, or all; gives the number that failed."""
    console = Console()
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        console.print(f"No benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}. Nothing was run.")
        return 2
    failed = []
    for name in names:
        console.rule(f"{name}: {BENCHMARKS[name].about}")
        command = [sys.executable, "-m", f"benchmarks.{name}", *BENCHMARKS[name].arguments]
        if subprocess.run(command, check=False).returncode != 0:
            failed.append(name)
    if failed:
        console.print(f"Failed: {', '.join(failed)}.")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
