"""Imports that are killed, or that meet each other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres_schemas import named, wait_until_left

from flywheel.capture.importing import ImportSettings, import_file
from flywheel.records.columns import Scope
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.open import open_store

pytestmark = pytest.mark.integration

LINES = 40_000

IMPORT = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from flywheel.capture.importing import ImportSettings, import_file
from flywheel.store.open import open_store

source, address, folder = sys.argv[1:]
store = open_store(address)
def told(done):
    print(done, flush=True)
report = import_file(Path(source), store, ImportSettings(quarantine_folder=Path(folder)), told)
print(json.dumps([report.read, report.stored, report.replaced, report.unchanged, report.rejected]))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four batches of good lines, with a bad one in each."""
    path = tmp_path / "runs.jsonl"
    with path.open("w") as file:
        for number in range(LINES):
            file.write(
                json.dumps({"execution_id": f"r{number}", "outcome": "passed", "inputs": number}) + "\n"
            )
            if number % 10_000 == 5:
                file.write("{}\n")
    return path


def importing(source: Path, address: str, folder: Path) -> subprocess.Popen[str]:
    """An import in a process of its own, which prints the bytes done after each batch."""
    command = [sys.executable, "-c", IMPORT, str(source), address, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def state(address: str) -> tuple[int, str]:
    """How many executions are stored, with the digest of their content."""
    store = open_store(address)
    with store.executions.database.read() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(EXECUTION)).scalar_one()
    digest = store.executions.digest(Scope(workspace="default"))
    store.close()
    return count, digest


def test_a_killed_import_is_finished_by_repeating_it(source: Path, store_address: str, tmp_path: Path):
    """After kill -9 whole batches are there; a repetition ends in the state of an undisturbed import."""
    undisturbed = f"sqlite:///{tmp_path / 'undisturbed.db'}"
    import_file(source, open_store(undisturbed), ImportSettings(quarantine_folder=tmp_path / "other"))
    open_store(store_address).close()

    name = f"killed-{uuid.uuid4().hex}"
    killed = importing(source, named(store_address, name), tmp_path / "quarantine")
    assert killed.stdout is not None
    killed.stdout.readline()
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    wait_until_left(store_address, name)
    after_kill, _ = state(store_address)
    report = import_file(
        source, open_store(store_address), ImportSettings(quarantine_folder=tmp_path / "quarantine")
    )

    assert after_kill >= 10_000
    assert after_kill % 10_000 == 0
    assert (report.stored, report.unchanged) == (LINES - after_kill, after_kill)
    assert state(store_address) == state(undisturbed)
    assert sorted(file.suffix for file in (tmp_path / "quarantine").iterdir()) == [".jsonl", ".jsonl"]
    assert report.quarantine_path is not None
    assert report.quarantine_path.read_text() == "{}\n" * 4


def test_two_processes_may_import_the_same_file_at_once(source: Path, store_address: str, tmp_path: Path):
    """Both succeed, each line is stored once, and both count all lines."""
    open_store(store_address).close()

    both = [importing(source, store_address, tmp_path / "quarantine") for _ in range(2)]
    reports = [json.loads(process.communicate()[0].splitlines()[-1]) for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert [(read, rejected) for read, _, _, _, rejected in reports] == [(LINES + 4, 4)] * 2
    assert sum(stored for _, stored, _, _, _ in reports) == LINES
    assert sum(unchanged for _, _, _, unchanged, _ in reports) == LINES
    assert state(store_address)[0] == LINES
    assert len(list((tmp_path / "quarantine").iterdir())) == 2


def test_an_interrupted_import_leaves_no_partial_file(source: Path, tmp_path: Path):
    """Ctrl-C ends the import between batches; quarantine files appear only at the end."""
    address = f"sqlite:///{tmp_path / 'store.db'}"
    open_store(address).close()

    process = importing(source, address, tmp_path / "quarantine")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.wait()
    process.stdout.close()

    assert process.returncode != 0 or state(address)[0] == LINES
    assert [p for p in (tmp_path / "quarantine").iterdir() if p.suffix == ".partial"] == []
    assert state(address)[0] % 10_000 == 0
