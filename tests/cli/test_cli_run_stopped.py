"""A run that is killed or interrupted goes on where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from counting_server import counting_server

from flywheel.store.open import open_store

CASES = 60
CONCURRENCY = 4
PROGRAM = (sys.executable, "-c", "from flywheel.cli.main import main; main()")
RUN = ("run", "echo", "--prompt", "echo", "--model", "m", "--concurrency", str(CONCURRENCY))


@pytest.fixture
def echo(flywheel, tmp_path):
    """The command line beside a suite of sixty questions."""
    rows = [{"case_id": f"{n:03}", "inputs": {"question": f"q{n}"}, "expected": "yes"} for n in range(CASES)]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "echo.txt").write_text("Say yes.\n{question}\n")
    flywheel("suite", "add", "echo", "cases.jsonl")
    flywheel("prompt", "add", "echo", "echo.txt", "--live")
    return flywheel


def started(folder: Path, environ: dict[str, str], model: str = "m") -> subprocess.Popen[str]:
    """The run as a process of its own."""
    run = [model if word == "m" else word for word in RUN]
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [*PROGRAM, *run],
        cwd=folder,
        env={**os.environ, **environ, "PYTHONPATH": root, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(asked, number):
    """Until that many questions were asked."""
    ends = time.monotonic() + 120
    while asked.total() < number:
        assert time.monotonic() < ends, f"only {asked.total()} of {number} questions came"
        time.sleep(0.01)


def stored_questions() -> set[str]:
    """Questions whose answers are kept."""
    store = open_store("sqlite:///.flywheel/flywheel.db")
    kept = store.executions.in_session("default", "echo", "run/echo")
    store.close()
    return {e.inputs["question"] for e in kept}


@pytest.mark.integration
def test_a_killed_run_repeats_no_finished_call(echo, tmp_path, monkeypatch):
    """After kill -9, twice, no kept answer is asked for again, at most the calls under way are."""
    with counting_server(lambda _: "yes", rest_s=0.03) as server:
        for kill_at in (15, 40):
            process = started(tmp_path, server.environ)
            wait_for(server.asked, kill_at)
            process.kill()
            process.communicate()
            kept = stored_questions()
            assert kept
            before = dict(server.asked)
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        document = echo(*RUN, "--json").document

        again = {question for question, n in before.items() if server.asked[question] > n}
        assert not again & kept
        assert document["kept"] == len(kept)
        assert document["runs"][0]["report"]["successful_tests"] == CASES
        assert server.asked.total() - CASES <= 2 * CONCURRENCY
        assert set(server.asked) == {f"q{n}" for n in range(CASES)}


@pytest.mark.integration
def test_an_interrupted_run_keeps_what_it_asked(echo, tmp_path, monkeypatch):
    """Ctrl-C sends nothing more, waits for the calls under way, keeps all, and says how to go on."""
    with counting_server(lambda _: "yes", freely=8) as server:
        process = started(tmp_path, server.environ)
        wait_for(server.asked, 8 + CONCURRENCY)
        process.send_signal(signal.SIGINT)
        line = line_with(process, "Stopping")
        server.goes_on.set()
        out, err = process.communicate(timeout=200)
        err, asked = line + err, set(server.asked)

        assert (process.returncode, len(asked)) == (130, 8 + CONCURRENCY)
        assert f"{len(asked)} of {CASES} cases are kept. The same command goes on" in " ".join(err.split())
        assert "Traceback" not in err
        assert "echo@" in out
        assert stored_questions() == asked
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        assert echo(*RUN, "--json").document["asked"] == CASES - len(asked)
        assert set(server.asked.values()) == {1}


@pytest.mark.integration
def test_a_second_interrupt_leaves_at_once(echo, tmp_path):
    """Who presses Ctrl-C twice does not wait for a call that hangs."""
    with counting_server(lambda _: "yes", freely=0) as server:
        process = started(tmp_path, server.environ)
        wait_for(server.asked, CONCURRENCY)
        process.send_signal(signal.SIGINT)
        assert "Ctrl-C again leaves" in line_with(process, "Stopping")
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=200) == 130
        process.communicate()


@pytest.mark.integration
@pytest.mark.parametrize("first_is_killed", [False, True])
def test_of_two_equal_runs_one_asks(echo, tmp_path, first_is_killed):
    """The second says whom it waits for and reuses what the first got; it goes on if the first dies."""
    gate = threading.Event()
    with counting_server(lambda _: "yes" if gate.wait(200) else 500) as server:
        first = started(tmp_path, server.environ)
        wait_for(server.asked, CONCURRENCY)
        second = started(tmp_path, server.environ)
        line = line_with(second, "aiting for process")
        if first_is_killed:
            first.kill()
            first.wait()
        gate.set()
        _, err = second.communicate(timeout=200)
        first.communicate(timeout=200)

        assert f"process {first.pid} of" in line
        assert second.returncode == 0, err
        assert first.returncode == (-signal.SIGKILL if first_is_killed else 0)
        assert len(stored_questions()) == CASES
        assert server.asked.total() <= CASES + (CONCURRENCY if first_is_killed else 0)


@pytest.mark.integration
def test_runs_of_other_models_go_on_beside_each_other(echo, tmp_path):
    """A run of another model over the same suite waits for nobody."""
    gate = threading.Event()
    with counting_server(lambda _: "yes" if gate.wait(200) else 500) as server:
        first = started(tmp_path, server.environ)
        second = started(tmp_path, server.environ, "other")
        wait_for(server.asked, 2 * CONCURRENCY)
        gate.set()
        _, err = second.communicate(timeout=200)
        first.communicate(timeout=200)

    assert (first.returncode, second.returncode) == (0, 0)
    assert "aiting for process" not in err
    assert set(server.asked.values()) == {2}


def line_with(process: subprocess.Popen[str], word: str) -> str:
    """The next line on stderr with a word in it."""
    assert process.stderr is not None
    return next((line for line in process.stderr if word in line), "")
