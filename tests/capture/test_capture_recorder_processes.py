"""The recorder across processes: exit, fork, kill -9, many at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from recorder_world import stored

from flywheel.capture.record_spool import RecordSpool
from flywheel.capture.recorder import RecorderSettings, recorder
from flywheel.records.execution import Execution
from flywheel.store.execution_rows import row_of
from flywheel.store.open import open_store

pytestmark = pytest.mark.integration

MADE = """
import os, sys, flywheel
settings = flywheel.RecorderSettings(within_s=60, close_s=60)
rec = flywheel.recorder("triage", store=sys.argv[1], settings=settings)
def many(name, number):
    for n in range(number):
        rec.record(execution_id=f"{name}-{n}", outcome="passed")
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], list[str]]:
    """Run a script beside a store of its own; ids of what is stored afterwards."""

    def call(script: str) -> list[str]:
        address = f"sqlite:///{tmp_path / 'runs.db'}"
        done = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", MADE + script, address],
            env={**os.environ, "FLYWHEEL_HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return ids(address)

    return call


def ids(address: str) -> list[str]:
    """Execution ids in a store."""
    return sorted(execution.execution_id for execution in stored(open_store(address)))


def test_what_is_recorded_is_flushed_at_exit(run: Callable[[str], list[str]]):
    """A script that closes nothing loses nothing."""
    assert len(run("many('a', 40)")) == 40


def test_an_exception_at_the_end_loses_nothing(run: Callable[[str], list[str]]):
    """sys.exit in the middle flushes as well."""
    assert len(run("many('a', 5)\nsys.exit(0)")) == 5


@pytest.mark.parametrize("end", ["rec.close(); os._exit(0)", "sys.exit(0)"])
def test_a_forked_child_starts_fresh(run: Callable[[str], list[str]], end: str):
    """What the parent had in memory is written by the parent only; the child's own by the child."""
    script = f"""
many("before", 10)
child = os.fork()
if child == 0:
    assert rec.counts.recorded == 0
    many("child", 10)
    {end}
many("parent", 10)
_, status = os.waitpid(child, 0)
assert status == 0
rec.close()
assert (rec.counts.stored, rec.counts.unchanged) == (20, 0), rec.counts
"""
    found = run(script)

    assert len(found) == len(set(found)) == 30


def test_a_fork_while_the_worker_is_busy(run: Callable[[str], list[str]]):
    """Children forked in the middle of everything neither hang nor write anything twice."""
    script = """
children = []
for round in range(8):
    many(f"parent{round}", 300)
    child = os.fork()
    if child == 0:
        many(f"child{round}", 20)
        rec.close()
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
"""
    assert len(run(script)) == 8 * 320


def test_a_child_of_multiprocessing_is_flushed(run: Callable[[str], list[str]]):
    """A forked worker of multiprocessing leaves by os._exit; its executions are stored all the same."""
    script = """
import multiprocessing
fork = multiprocessing.get_context("fork")
children = [fork.Process(target=many, args=(f"child{n}", 7)) for n in range(2)]
for child in children:
    child.start()
for child in children:
    child.join()
    assert child.exitcode == 0
"""
    assert len(run(script)) == 14


def test_a_kill_costs_no_more_than_it_says(tmp_path: Path):
    """After kill -9 all but the last most_records executions are there, each once, stored or on disk."""
    address = f"sqlite:///{tmp_path / 'runs.db'}"
    script = """
import sys, flywheel
rec = flywheel.recorder("triage", store=sys.argv[1])
n = 0
while True:
    rec.record(execution_id=f"{n:07d}", outcome="passed", inputs={"question": "Where?" * 10})
    n += 1
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, address],
        env={**os.environ, "FLYWHEEL_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    recorded = 0
    while recorded < 3000:
        recorded = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    # The pipe may be empty already: then the last line read is the last one written.
    recorded = int((process.stdout.read().split() or [recorded])[-1])
    process.wait()
    with recorder(store=address, settings=RecorderSettings(spool=tmp_path / "spool", close_s=60)) as rec:
        rec.flush()

    found = ids(address)
    assert len(found) == len(set(found))
    assert len(found) >= recorded - RecorderSettings().most_records


def test_eight_processes_share_a_store(tmp_path: Path):
    """Eight recorders write into one SQLite file without an error; nothing is missing, nothing is twice."""
    address = f"sqlite:///{tmp_path / 'runs.db'}"
    script = MADE + "many(sys.argv[2], 400)\nrec.close()\nassert rec.counts.lost == 0\n"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, address, f"p{number}"],
            env={**os.environ, "FLYWHEEL_HOME": str(tmp_path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    results = [(process.communicate()[1], process.returncode) for process in processes]
    with recorder(store=address, settings=RecorderSettings(spool=tmp_path / "spool", close_s=60)) as rec:
        rec.flush()

    assert results == [("", 0)] * 8
    assert len(ids(address)) == 3200


def test_the_spool_of_a_dead_process_comes_home(tmp_path: Path):
    """Lines that a process left behind are stored by the next one, without its half-written last line."""
    address = f"sqlite:///{tmp_path / 'runs.db'}"
    settings = RecorderSettings(spool=tmp_path / "spool", close_s=60)
    rec = recorder(store=address, settings=settings)
    folder = rec._delivery.spool.folder
    left_behind = RecordSpool(folder, 10_000)
    left_behind.append([row_of(Execution(execution_id="left", outcome="passed"))])
    left_behind.release()
    (path,) = left_behind.files()
    with path.open("ab") as file:
        file.write(b'{"execution_id": "torn", "outc')
    with rec:
        rec.flush()

    assert ids(address) == ["left"]
    assert left_behind.files() == []


def test_the_spool_of_a_living_process_is_left_alone(tmp_path: Path):
    """Who still appends to a file keeps it."""
    alive, other = (RecordSpool(tmp_path, 10_000) for _ in range(2))
    row = row_of(Execution(execution_id="r1", outcome="passed"))
    alive.append([row])

    assert list(other.bring_home()) == []
    assert list(alive.bring_home()) == [[row]]
