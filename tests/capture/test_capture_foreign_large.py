"""Large files of other tools: flat in memory, finished by repeating the import."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from foreign_files import added_up, imported, kept

from flywheel.capture.importing import BATCH_ROWS
from flywheel.store.open import open_store

pytestmark = pytest.mark.integration

IMPORT = """
import json, resource, sys
from pathlib import Path
from flywheel.capture.importing import ImportSettings, import_file
from flywheel.store.open import open_store

kind, source, address = sys.argv[1:4]
def told(done):
    print(done, flush=True)
report = import_file(Path(source), open_store(address), ImportSettings(kind, dry_run="dry" in sys.argv), told)
print(json.dumps([report.read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def junit(cases: int, tool: str = "pytest") -> Iterator[str]:
    """A file as pytest writes it, all in one line; every tenth case fails."""
    wrapper = "pytest tests" if tool == "pytest" else "run"
    yield f'<?xml version="1.0" encoding="utf-8"?><testsuites name="{wrapper}"><testsuite name="{tool}" '
    yield f'tests="{cases}" timestamp="2026-01-01T00:00:00+00:00" hostname="host">'
    for number in range(cases):
        yield f'<testcase classname="tests.test_answers.TestBilling" name="test_total[{number}]" time="0.012"'
        if number % 10:
            yield " />"
        else:
            yield '><failure message="AssertionError: assert 1 == 2">def test_total(number):\n'
            yield "&gt;       assert 1 == 2\nE       assert 1 == 2</failure></testcase>"
    yield "</testsuite></testsuites>"


def reportlog(cases: int) -> Iterator[str]:
    """A log as pytest-reportlog writes it, three reports a test."""
    yield json.dumps({"pytest_version": "9.2.0", "$report_type": "SessionStart"}) + "\n"
    for number in range(cases):
        for when in ("setup", "call", "teardown"):
            report = {
                "nodeid": f"tests/test_answers.py::TestBilling::test_total[{number}]",
                "outcome": "failed" if when == "call" and number % 10 == 0 else "passed",
                "when": when,
                "longrepr": None,
                "user_properties": [],
                "duration": 0.012,
                "start": 1_795_000_000.5 + number,
                "$report_type": "TestReport",
            }
            yield json.dumps(report) + "\n"


def importing(kind: str, source: Path, store: Path, *options: str) -> subprocess.Popen[str]:
    """An import in a process of its own; prints the bytes done after each batch, then its peak in MiB."""
    command = [sys.executable, "-c", IMPORT, kind, str(source), str(store), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=store.parent)


def large(folder: Path, kind: str, cases: int) -> Path:
    """A file of so many cases."""
    path = folder / f"{kind}-{cases}"
    with path.open("w") as file:
        file.writelines(reportlog(cases) if kind == "reportlog" else junit(cases, kind))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pytest", "surefire", "reportlog"])
def test_memory_does_not_grow_with_the_file(kind: str, tmp_path: Path):
    """Seven times the cases take a few bytes more for each name; the store's own cache is left out."""
    peaks = {}
    for cases in (30_000, 200_000):
        source = large(tmp_path, kind, cases)
        known = "reportlog" if kind == "reportlog" else "junit"
        printed, _ = importing(known, source, tmp_path / "runs.db", "dry").communicate()
        read, peaks[cases] = json.loads(printed.splitlines()[-1])
        assert read == cases

    assert peaks[200_000] < peaks[30_000] + 24


@pytest.mark.parametrize("kind", ["pytest", "reportlog"])
def test_a_killed_import_is_finished_by_repeating_it(kind: str, tmp_path: Path):
    """After kill -9 whole batches are there; a repetition adds the rest and nothing twice."""
    cases = 2 * BATCH_ROWS + 500
    source = large(tmp_path, kind, cases)
    known = "reportlog" if kind == "reportlog" else "junit"

    killed = importing(known, source, tmp_path / "runs.db")
    assert killed.stdout is not None
    killed.stdout.readline()
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    store = open_store(str(tmp_path / "runs.db"))
    there = len(kept(store))
    report = imported(source, store, known)

    assert there > 0
    assert (report.read, report.stored, report.unchanged) == (cases, cases - there, there)
    assert added_up(report)
    assert len(kept(store)) == cases


def test_a_bomb_of_text_is_not_unpacked_into_memory(tmp_path: Path):
    """Of a text far larger than is kept only the beginning is, wherever it stands."""
    store = open_store("sqlite://")
    path = tmp_path / "report.xml"
    with path.open("w") as file:
        file.write('<testsuite name="s"><testcase name="loud"><failure message="no">')
        file.writelines("x" * 2**20 for _ in range(40))
        file.write('</failure></testcase><testcase name="quiet"/></testsuite>')

    report = imported(path, store, "junit")

    assert (report.stored, report.rejected) == (2, 0)
    assert max(len(row["error_message"] or "") for row in kept(store)) < 20_100
    assert list(islice((row["outcome"] for row in kept(store)), 2)) == ["failed", "passed"]
