"""Ways to do one thing on stores of several sizes, each measured in a process of its own."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import beside
from flywheel.records.execution import Execution
from flywheel.store.open import SqlStore, open_store

Way = Callable[[SqlStore], tuple[int, str]]
"""Gives how much was done, with what was found, which may be empty."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A benchmark: `python -m benchmarks.NAME [--sizes N ...] [--keep FOLDER]`.

    Attributes:
        name: of its module.
        told: its help.
        executions: those of a store of a size.
        ways: what is measured, in this order.
    """

    name: str
    told: str
    executions: Callable[[int], Iterable[Execution]]
    ways: dict[str, Way]

    def main(self) -> None:
        """One line of JSON per size and way."""
        parser = argparse.ArgumentParser(description=self.told)
        parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000])
        parser.add_argument("--keep", type=Path, default=None)
        parser.add_argument("--measure", nargs=2, default=None)
        asked = parser.parse_args()
        if asked.measure:
            self._measure(*asked.measure)
            return
        print(beside())
        with tempfile.TemporaryDirectory() as scratch:
            folder = asked.keep or Path(scratch)
            for size in asked.sizes:
                path = folder / f"{self.name}-{size}.db"
                if not path.exists():
                    store = open_store(f"sqlite:///{path}")
                    store.executions.write(self.executions(size))
                    store.close()
                for way in self.ways:
                    words = ["-m", f"benchmarks.{self.name}", "--measure", f"sqlite:///{path}", way]
                    subprocess.run([sys.executable, *words], check=True)

    def _measure(self, address: str, way: str) -> None:
        """Print what one way takes."""
        store = open_store(address)
        started, cpu = time.perf_counter(), time.process_time()
        count, found = self.ways[way](store)
        taken = {
            "way": way,
            "count": count,
            "wall_s": round(time.perf_counter() - started, 2),
            "cpu_s": round(time.process_time() - cpu, 2),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        print(json.dumps({**taken, "found": found} if found else taken), flush=True)
