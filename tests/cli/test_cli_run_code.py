"""`flywheel run` with a scorer of the user's that misbehaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from counting_server import counting_server

from flywheel.store.open import open_store

SCORER = """
import os, sys, time
from pathlib import Path

Path("pids").open("a").write(f"{os.getpid()}\\n")

def odd(answer, expected, inputs):
    match inputs["do"]:
        case "hang":
            while True:
                pass
        case "sleep":
            time.sleep(600)
        case "raise":
            raise ValueError("no")
        case "exit":
            sys.exit(1)
        case "die":
            os._exit(3)
        case "nan":
            return float("nan")
        case "text":
            return "good"
        case "object":
            return {1, 2}
        case "none":
            return None
        case "print":
            print("noise on stdout")
    return True
"""

WAYS = ("hang", "fine", "sleep", "raise", "exit", "die", "nan", "text", "object", "none", "print")


@pytest.fixture
def odd(flywheel, tmp_path, monkeypatch):
    """The command line beside a suite whose scorer does what each case says."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2]}{os.pathsep}{tmp_path}")
    (tmp_path / "odd_scorer.py").write_text(SCORER)
    (tmp_path / "odd.txt").write_text("{do}")
    rows = [{"case_id": way, "inputs": {"do": way}} for way in WAYS]
    (tmp_path / "odd.jsonl").write_text("\n".join(map(json.dumps, rows)))
    parameters = ("--set", "path=odd_scorer:odd", "--set", "timeout_s=2")
    assert flywheel("suite", "add", "odd", "odd.jsonl", "--scorer", "code", *parameters).code == 0
    flywheel("prompt", "add", "odd", "odd.txt", "--live")
    with counting_server(lambda text: f"answer to {text}") as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        yield flywheel


def alive(pids):
    """Those of these processes that are still there."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_scorer_that_misbehaves_leaves_its_case_unscored(odd):
    """Every way has its reason, every answer is kept, the run goes on to the end."""
    answer = odd("run", "odd", "--prompt", "odd", "--model", "m", "--json")
    rows = {row["case_id"]: row for row in answer.document["runs"][0]["results"]}
    said = {way: (row["outcome"], row["error_type"]) for way, row in rows.items()}
    assert said == {
        "hang": ("unscored", "scorer_timeout"),
        "sleep": ("unscored", "scorer_timeout"),
        "fine": ("passed", None),
        "print": ("passed", None),
        "none": ("unscored", "no_score"),
        **dict.fromkeys(("raise", "exit", "die", "nan", "text", "object"), ("unscored", "scorer_error")),
    }
    assert "gave nothing within 2 s and was ended" in rows["hang"]["error"]
    assert "exit code 3" in rows["die"]["error"]
    assert "gave {1, 2}" in rows["object"]["error"]
    store = open_store("sqlite:///.flywheel/flywheel.db")
    kept = store.executions.in_session("default", "odd", "run/odd")
    store.close()
    assert {e.output for e in kept} == {f"answer to {way}" for way in WAYS}


RIGHT = "def right(answer, expected, inputs):\n    return {}\n"


@pytest.fixture
def corrected(flywheel, tmp_path, monkeypatch):
    """The command line beside a suite whose scorer passes nothing; then a server, then its correction."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2]}{os.pathsep}{tmp_path}")
    file = tmp_path / "own_scorer.py"
    file.write_text(RIGHT.format("False"))
    (tmp_path / "greet.txt").write_text("Say yes.\n{q}")
    rows = [{"case_id": f"{n}", "inputs": {"q": f"question {n}"}, "expected": "yes"} for n in range(120)]
    (tmp_path / "greet.jsonl").write_text("\n".join(map(json.dumps, rows)))
    words = ("--scorer", "code", "--set", "path=own_scorer:right")
    assert flywheel("suite", "add", "greet", "greet.jsonl", *words).code == 0
    flywheel("prompt", "add", "greet", "greet.txt", "--live")
    with counting_server(lambda _: "yes") as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        yield flywheel, server.asked, lambda: file.write_text(RIGHT.format("answer == expected"))


def test_a_run_with_a_corrected_scorer_asks_nothing(corrected):
    """Every kept answer is scored anew."""
    flywheel, asked, correct = corrected
    run = ("run", "greet", "--prompt", "greet", "--model", "m", "--limit", "5", "--json")
    rates = [flywheel(*run).document["runs"][0]["report"]["success_rate"]]
    correct()
    rates.append(flywheel(*run).document["runs"][0]["report"]["success_rate"])

    assert rates == [0.0, 1.0]
    assert asked.total() == 5


def test_a_cycle_with_a_corrected_scorer_is_another_one_of_the_same_answers(corrected):
    """The live version is scored anew by the answers that are kept; only a candidate that is new is asked."""
    flywheel, asked, correct = corrected
    cycle = ("cycle", "--prompt", "greet", "--suite", "greet", "--model", "m", "--strategy", "monitoring")
    first, again = (flywheel(*cycle, "--json").document["cycles"][0] for _ in range(2))
    before = asked.total()
    correct()
    second = flywheel(*cycle, "--json").document["cycles"][0]
    verdicts = [one["verdicts"][0] for one in (first, second)]

    assert again == first
    assert first["output"]["cycle_id"] != second["output"]["cycle_id"]
    assert [verdict["evidence"]["control_mean"] for verdict in verdicts] == [0.0, 1.0]
    assert verdicts[0]["proposal"]["version"] != verdicts[1]["proposal"]["version"]
    assert asked.total() - before == verdicts[1]["evidence"]["pairs"]


ASK = """
import sys
from flywheel.learn.scorers_process import worker_of
arguments = {"answer": "a", "expected": None, "inputs": {"do": sys.argv[1]}}
print(worker_of("odd_scorer:odd", 1.0).ask(arguments), flush=True)
"""


@pytest.mark.integration
@pytest.mark.parametrize(("way", "killed"), [("fine", False), ("hang", True)], ids=["end", "kill"])
def test_no_process_of_a_scorer_outlives_what_asked_it(tmp_path, way, killed):
    """After a usual end, or kill -9 while a scorer hangs, nothing is left burning."""
    (tmp_path / "odd_scorer.py").write_text(SCORER)
    path = f"{Path(__file__).parents[2]}{os.pathsep}{tmp_path}"
    process = subprocess.Popen(
        [sys.executable, "-c", ASK, way],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
    )
    ends, pids = time.monotonic() + 240, tmp_path / "pids"
    while not (pids.exists() and pids.read_text().strip()):
        assert time.monotonic() < ends
        time.sleep(0.01)
    if killed:
        process.kill()
    process.wait()
    while alive(pids.read_text().split()):
        assert time.monotonic() < ends, "a process of the scorer is left"
        time.sleep(0.05)
