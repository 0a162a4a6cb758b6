"""A probe that is killed goes on where it stopped, its rephraser too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from counting_server import counting_server
from test_cli_run_stopped import line_with

from flywheel.probes.rephrasing import PROMPT as REPHRASER
from flywheel.probes.rephrasing import TEXT as REPHRASE
from flywheel.store.open import open_store

PROGRAM = (sys.executable, "-c", "from flywheel.cli.main import main; main()")
CONCURRENCY = 4
PROBE = (
    *("probe", "consistency", "echo", "--prompt", "echo", "--model", "m", "--rephraser", "writer"),
    *("--concurrency", str(CONCURRENCY)),
)
START = REPHRASE.split("{text}", maxsplit=1)[0]


class Answering:
    """A rephrasing where one is asked for, else yes; counts whole questions."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.lock = threading.Lock()

    def __call__(self, text: str) -> str:
        """The answer."""
        with self.lock:
            self.asked[text] += 1
        return f"Tell me: {text.removeprefix(START).strip()}" if text.startswith(START) else "yes"


def kept() -> set[str]:
    """Texts whose answers are stored, as the server names them."""
    store = open_store("sqlite:///.flywheel/flywheel.db")
    runs = [
        one
        for prompt in ("echo", REPHRASER)
        for row in store.sessions.counts("default", begins="probe/", limit=9)
        for one in store.executions.in_session("default", prompt, row.session_id)
    ]
    store.close()
    return {
        f"Say yes.\n{run.inputs['question']}" if run.prompt == "echo" else REPHRASE.format(**run.inputs)
        for run in runs
    }


def started(folder: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    """The probe as a process of its own."""
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [*PROGRAM, *PROBE],
        cwd=folder,
        env={**os.environ, **environ, "PYTHONPATH": root, "COLUMNS": "200"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(asked: Counter[str], number: int) -> None:
    """Until that many questions were asked."""
    ends = time.monotonic() + 120
    while asked.total() < number:
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.fixture
def echo(flywheel, tmp_path):
    """The command line beside a suite of forty questions."""
    rows = [{"inputs": {"question": f"is q{n} there?"}, "expected": "yes"} for n in range(40)]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "echo.txt").write_text("Say yes.\n{question}")
    flywheel("suite", "add", "echo", "cases.jsonl")
    flywheel("prompt", "add", "echo", "echo.txt", "--live")
    return flywheel


@pytest.mark.integration
def test_an_interrupted_rephraser_is_not_followed_by_the_probe(echo, tmp_path):
    """Ctrl-C while the rephraser is asked keeps its answers and sends nothing to the model that is probed."""
    answering = Answering()
    with counting_server(answering, freely=5) as server:
        process = started(tmp_path, server.environ)
        wait_for(server.asked, 5 + CONCURRENCY)
        process.send_signal(signal.SIGINT)
        line = line_with(process, "Stopping")
        server.goes_on.set()
        _, err = process.communicate(timeout=200)
        err = line + err

    assert process.returncode == 130
    assert "Traceback" not in err
    assert all(text.startswith(START) for text in answering.asked)
    assert kept() == set(answering.asked)


@pytest.mark.integration
def test_a_killed_probe_repeats_no_finished_call(echo, tmp_path, monkeypatch):
    """After kill -9, while it rephrases and while it asks, no kept answer is asked for again."""
    answering = Answering()
    with counting_server(answering, rest_s=0.03) as server:
        for kill_at in (8, 45):
            process = started(tmp_path, server.environ)
            wait_for(answering.asked, kill_at)
            process.kill()
            process.communicate()
            done, before = kept(), Counter(answering.asked)
            assert done
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        document = echo(*PROBE, "--json").document

    again = {text for text, count in before.items() if answering.asked[text] > count}
    assert done <= set(before)
    assert not again & done
    whole = document["cases"] + document["variants"]
    rephrased = document["cases"]
    assert document["missing"] == 0
    assert answering.asked.total() - whole - rephrased <= 2 * CONCURRENCY
