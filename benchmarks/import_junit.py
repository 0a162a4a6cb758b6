"""Import of JUnit XML, or of a pytest report log, against a bare reading of the same file.

Run `python -m benchmarks.import_junit [CASES]`. Each measurement is a process
of its own, so that peaks of memory are its own too.

- `iterparse`: `xml.etree.ElementTree.iterparse` over the file, each case
  cleared when it ends; nothing is made of it. The least that any reader of
  such a file has to do. For a report log it is `json.loads` of each line.
- `items`: `junit_items` to the end, which is the part that is the importer's own.
- `dry run`: and every item judged as an execution, redaction left out.
- `import`: and stored, redacted, in transactions of 10,000.
- `import, a quarter`: the same for a quarter of the cases; flat memory means
  that its peak is the same, save what SQLite keeps of its file.

A file of pytest is read twice, since the names of its cases tell which
attempts were repeated; one of surefire once.
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
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from xml.etree.ElementTree import iterparse

from benchmarks.peers import beside
from flywheel.capture.formats import FOREIGN
from flywheel.capture.importing import ImportSettings, import_file
from flywheel.capture.source_files import opened
from flywheel.store.open import open_store

CASES = 200_000
STEPS = ("bare", "items", "dry run", "import", "import, a quarter")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One step in a process of its own.

    Attributes:
        seconds: time taken.
        cpu_seconds: of the processor; other programs on the machine do not disturb it much.
        peak_mib: largest memory of the process.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float


def run(cases: int = CASES) -> dict[str, dict[str, Measurement]]:
    """Measure all steps for each kind of file and print them.

    Args:
        cases: of each generated file.

    Returns:
        Measurements by step, by kind of file.
    """
    found: dict[str, dict[str, Measurement]] = {}
    for kind in ("pytest", "surefire", "reportlog"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            whole, quarter = (
                _written(folder / "whole", kind, cases),
                _written(folder / "quarter", kind, cases // 4),
            )
            print(f"{kind}: {cases:,} cases, {whole.stat().st_size / cases:,.0f} bytes each")
            found[kind] = {
                step: _measured(step, kind, quarter if "quarter" in step else whole, folder / f"{number}.db")
                for number, step in enumerate(STEPS)
            }
        bare = found[kind]["bare"]
        for step, told in found[kind].items():
            size = cases // 4 if "quarter" in step else cases
            ratio = told.cpu_seconds / bare.cpu_seconds * (cases / size)
            print(
                f"  {step:18} {told.seconds:7.2f} s  cpu {told.cpu_seconds:7.2f} s  {ratio:5.1f} x bare"
                f"  {told.cpu_seconds / size * 1e6:6.1f} µs a case  {told.peak_mib:5.0f} MiB"
            )
    return found


def _measured(step: str, kind: str, source: Path, store: Path) -> Measurement:
    command = [sys.executable, "-m", "benchmarks.import_junit", "--step", step, kind, str(source), str(store)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measurement(**json.loads(done.stdout))


def _step(step: str, kind: str, source: Path, store: Path) -> Measurement:
    known = "reportlog" if kind == "reportlog" else "junit"
    target = open_store(str(store)) if step.startswith("import") else open_store("sqlite://")
    started, cpu_started = time.perf_counter(), time.process_time()
    if step == "bare":
        _bare(kind, source)
    elif step == "items":
        with opened(source) as file:
            for _ in FOREIGN[known](file):
                pass
    else:
        import_file(source, target, ImportSettings(known, dry_run=step == "dry run"))
    return Measurement(
        time.perf_counter() - started,
        time.process_time() - cpu_started,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _bare(kind: str, source: Path) -> None:
    if kind == "reportlog":
        with source.open("rb") as lines:
            for line in lines:
                json.loads(line)
        return
    # The file is the benchmark's own, so that no hostile XML can be in it.
    events = iterparse(source, events=("start", "end"))  # noqa: S314
    _, root = next(events)
    for event, element in events:
        if event == "end" and element.tag == "testcase":
            element.clear()
            root.clear()


def _written(path: Path, kind: str, cases: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_reportlog(cases) if kind == "reportlog" else _junit(cases, kind))
    return path


def _junit(cases: int, kind: str) -> Iterator[str]:
    """Cases as pytest, or surefire, writes them; every tenth fails."""
    line = "" if kind == "pytest" else "\n"
    yield '<?xml version="1.0" encoding="utf-8"?>\n'
    yield f'<testsuites name="{kind} tests"><testsuite name="{kind}" tests="{cases}" '
    yield f'timestamp="2026-01-01T00:00:00+00:00" hostname="host">{line}'
    for number in range(cases):
        yield f'<testcase classname="tests.test_answers.TestBilling" name="test_total[{number}]" time="0.012"'
        if number % 10:
            yield f" />{line}"
            continue
        yield '><failure message="AssertionError: assert 1 == 2">def test_total(number):\n'
        yield "&gt;       assert 1 == 2\nE       assert 1 == 2\n\ntests/a.py:3: AssertionError"
        yield f"</failure></testcase>{line}"
    yield "</testsuite></testsuites>"


def _reportlog(cases: int) -> Iterator[str]:
    """Three reports a test, as pytest-reportlog writes them; every tenth test fails."""
    clock = count(1_795_000_000)
    yield json.dumps({"pytest_version": "9.2.0", "$report_type": "SessionStart"}) + "\n"
    for number in range(cases):
        nodeid = f"tests/test_answers.py::TestBilling::test_total[{number}]"
        for when in ("setup", "call", "teardown"):
            is_failed = when == "call" and number % 10 == 0
            report = {
                "nodeid": nodeid,
                "location": ["tests/test_answers.py", 12, f"TestBilling.test_total[{number}]"],
                "keywords": {
                    "test_total": 1,
                    "TestBilling": 1,
                    "tests": 1,
                    "parametrize": 1,
                    "pytestmark": 1,
                },
                "outcome": "failed" if is_failed else "passed",
                "longrepr": {"reprcrash": {"message": "AssertionError: assert 1 == 2"}}
                if is_failed
                else None,
                "when": when,
                "user_properties": [],
                "sections": [],
                "duration": 0.012,
                "start": next(clock) + 0.5,
                "$report_type": "TestReport",
            }
            yield json.dumps(report) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="?", type=int, default=CASES)
    parser.add_argument(
        "--step", nargs=4, metavar=("STEP", "KIND", "SOURCE", "STORE"), help=argparse.SUPPRESS
    )
    given = parser.parse_args()
    if given.step is None:
        print(beside(always="xml.etree.ElementTree.iterparse and json.loads"))
        run(given.cases)
        return
    step, kind, source, store = given.step
    print(json.dumps(asdict(_step(step, kind, Path(source), Path(store)))))


if __name__ == "__main__":
    main()
