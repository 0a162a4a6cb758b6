"""`flywheel import langsmith`: exported files, or the project itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from langsmith_stub import KEY, Stub, langsmith_stub

from flywheel.store.open import open_store

SAMPLE = Path(__file__).parents[1] / "data" / "langsmith_runs.jsonl"


@pytest.fixture(autouse=True)
def no_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's key."""
    for name in [name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_"))]:
        monkeypatch.delenv(name)


def test_an_exported_file_needs_no_key(flywheel):
    """A file comes in, and a report tells of it."""
    assert flywheel("import", "langsmith", str(SAMPLE), "--json").document["stored"] == 5
    assert flywheel("report", "--prompt", "triage", "--json").document["overall"]["total_tests"] == 4


def test_a_project_comes_in_and_goes_on(flywheel, monkeypatch: pytest.MonkeyPatch):
    """The first reading stores what is there, the second nothing; the counts are those of files."""
    with langsmith_stub() as stub:
        monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
        monkeypatch.setenv("LANGSMITH_ENDPOINT", stub.url)
        for minutes in range(3):
            stub.state.add_run("support", start=datetime.now(UTC) - timedelta(minutes=minutes))
        command = ("import", "langsmith", "--project", "support", "--prompt", "triage")
        first = flywheel(*command, "--since", "2h", "--json").document
        again = flywheel(*command)

    assert (first["stored"], first["files"][0]["path"]) == (3, "langsmith project support")
    assert "langsmith project support: 3 read, 0 stored" in again.out


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("langsmith", "--project", "p"), "LANGSMITH_API_KEY is not set", 2),
        (("langsmith",), "There is no PATH", 2),
        (("csv", "--project", "p"), "with the format langsmith", 2),
        (("langsmith", "--project", "p", "--map", "a=model"), "--map", 2),
    ],
)
def test_wrong_use_is_said(flywheel, words: tuple[str, ...], said: str, code: int):
    """Without a key, without a path, with both: it says what to do, and nothing is made."""
    answer = flywheel("import", *words)

    assert answer.code == code
    assert said in " ".join(answer.err.split())
    assert not Path(".flywheel").exists()


@pytest.mark.parametrize("since", ["soon", "2999-01-01", "9999999d"])
def test_a_time_that_is_none_is_refused(flywheel, monkeypatch: pytest.MonkeyPatch, since: str):
    """--since says what it needs before anything is asked."""
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")

    answer = flywheel("import", "langsmith", "--project", "p", "--since", since)

    assert answer.code == 2
    assert "Nothing was read" in answer.err


@pytest.mark.integration
def test_a_killed_reading_repeats_nothing_and_loses_nothing(tmp_path: Path):
    """A kill in the middle: stored pages stay, the same command adds the rest, every run is there once."""
    store = open_store(str(tmp_path / "s.db"))
    command = [sys.executable, "-c", "from flywheel.cli.main import main; main()"]
    command += ["import", "langsmith", "--project", "support", "--prompt", "triage", "--json"]
    with langsmith_stub() as stub:
        for number in range(600):
            stub.state.add_run("support", start=datetime.now(UTC) - timedelta(minutes=2 * number))
        ask = stub.fault_for
        asked = iter(range(100))
        stub.fault_for = lambda path: ask(path) if "query" not in path or next(asked) >= 3 else None
        stub.fail("/runs/query", drip_s=0.5)
        environ = {**os.environ, "LANGSMITH_API_KEY": KEY, "LANGSMITH_ENDPOINT": stub.url}
        environ["FLYWHEEL_DATABASE_URL"] = str(tmp_path / "s.db")
        child = subprocess.Popen(command, env=environ, cwd=tmp_path, stdout=subprocess.DEVNULL)
        while stub.asked("runs/query") < 4:
            assert child.poll() is None
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        kept = store.executions.watermark("default")
        done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
        cursors = [body["cursor"] for body in stub.bodies if body and "cursor" in body]

    assert kept == 300
    told = json.loads(done.stdout)
    assert (told["stored"], told["replaced"], told["rejected"]) == (300, 0, 0)
    assert told["unchanged"] < 20
    assert cursors[2] == cursors[3], "the page that was not stored is asked for again, none before it"
    assert store.executions.watermark("default") == 600


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """A server that the environment names, with the switch on."""
    with langsmith_stub() as served:
        monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
        monkeypatch.setenv("LANGSMITH_ENDPOINT", served.url)
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        yield served


def live_text(stub: Stub, prompt: str = "triage") -> str:
    """What the tag `live` stands on."""
    repo = stub.state.repos[prompt]
    (commit,) = [one for one in repo["commits"] if one["id"] == repo["tags"]["live"]]
    return str(commit["manifest"]["kwargs"]["messages"][0]["kwargs"]["prompt"]["kwargs"]["template"])


def releases(stub: Stub) -> list[tuple[str, str]]:
    """Kind with reason of each release that was told."""
    runs = [run for run in stub.state.runs.values() if run["name"].startswith("release ")]
    return [(run["inputs"]["kind"], run["outputs"]["why"]) for run in runs]


def test_a_cycle_tells_what_became_live(triage, stub: Stub):
    """With key and switch the version that was shipped is live in the hub; a rollback moves it back."""
    answer = triage("cycle", "--prompt", "triage", "--all-time", "--json")
    after_cycle = live_text(stub)
    rolled = triage("rollback", "triage", "--why", "the tone is wrong")
    after_rollback = live_text(stub)
    again = triage("rollback", "triage", "--to", "v2", "--why", "it was not")

    assert answer.document["cycles"][0]["output"]["shipped"]
    assert "LangSmith" not in answer.err + rolled.err + again.err
    assert ("billing" in after_cycle, "billing" in after_rollback) == (True, False)
    assert live_text(stub) == after_cycle
    assert len(stub.state.repos["triage"]["commits"]) == 2
    assert [kind for kind, _ in releases(stub)] == ["cycle", "rollback", "rollback"]
    assert releases(stub)[1][1] == "the tone is wrong"


def test_what_a_person_decides_is_told(triage, stub: Stub):
    """An approval moves the tag, with the note as feedback on the cycle that staged it."""
    triage("cycle", "--prompt", "triage", "--all-time", "--strategy", "monitoring", "--json")
    before = dict(stub.state.repos)
    review = triage("review", "list", "--json").document["reviews"][0]
    answer = triage("review", "approve", review["review_id"], "--by", "ann", "--note", "reads well", "--json")
    (point,) = [one for one in stub.state.feedback if one["key"] == "review"]

    assert before == {}
    assert answer.document["review"]["state"] == "approved"
    assert "LangSmith" not in answer.err
    assert (point["value"], "ann: reads well" in point["comment"]) == ("approved", True)
    assert stub.state.runs[point["run_id"]]["name"] == "cycle triage"
    assert "billing" in live_text(stub)
    assert [kind for kind, _ in releases(stub)] == ["review"]


def test_a_first_version_is_told(flywheel, stub: Stub):
    """`prompt add --live` is a release; adding without it is none."""
    Path("a.txt").write_text("Sort: {question}")
    Path("b.txt").write_text("Sort well: {question}")
    first = flywheel("prompt", "add", "triage", "a.txt", "--live", "--json")
    second = flywheel("prompt", "add", "triage", "b.txt", "--json")

    assert first.document["made_live"]
    assert "LangSmith" not in first.err + second.err
    assert live_text(stub) == "Sort: {question}"
    assert releases(stub) == [("first", "first version")]


def test_a_run_is_an_experiment_too(flywheel, stub: Stub):
    """`flywheel run` tells its answers once they are stored; going on tells nothing twice."""
    Path("a.txt").write_text("- city\n- dob\nQ: {q}\nA:")
    rows = [{"case_id": str(n), "inputs": {"q": f"Which city {n}?"}, "expected": "city"} for n in range(4)]
    Path("s.jsonl").write_text("\n".join(map(json.dumps, rows)))
    flywheel("prompt", "add", "triage", "a.txt")
    flywheel("suite", "add", "s", "s.jsonl")
    command = ("run", "s", "--prompt", "triage", "--model", "embedded-small", "--json")
    answers = [flywheel(*command) for _ in range(2)]
    (project,) = stub.state.projects.values()

    assert [answer.code for answer in answers] == [0, 0]
    assert "LangSmith" not in answers[0].err
    assert len(stub.state.runs) == 4
    assert {run["session_id"] for run in stub.state.runs.values()} == {project["id"]}
    assert {run["extra"]["metadata"]["flywheel.source"] for run in stub.state.runs.values()} == {"experiment"}


def test_a_cycle_without_its_langsmith_is_done_all_the_same(triage, monkeypatch: pytest.MonkeyPatch):
    """A dead endpoint changes nothing but one line on stderr."""
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("LANGSMITH_TRACING", "true")

    answer = triage("cycle", "--prompt", "triage", "--all-time", "--json")

    assert answer.code == 0
    assert answer.document["cycles"][0]["output"]["shipped"]
    assert "was not told all" in answer.err
    assert KEY not in answer.err + answer.out
