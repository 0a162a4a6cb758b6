"""The flow that reads LangSmith: with a key, without one, against a server that fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from langsmith_stub import KEY, langsmith_stub
from pydantic import SecretStr

from blocks.langsmith import LangSmithBlock, langsmith_block
from flows.import_executions import import_executions
from flywheel.cli.prompt_keeping import keep_version, version_of
from flywheel.phases.telling import tell_live
from flywheel.ports import RunPlan
from flywheel.records.case import Case, Suite
from flywheel.store.open import open_store
from tasks.roll_back import roll_back_release
from tasks.wiring import Places, wired

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]


@pytest.fixture(autouse=True)
def no_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's key."""
    for name in [name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_"))]:
        monkeypatch.delenv(name)


def test_a_saved_block_says_where_and_what(prefect: None, tmp_path: Path) -> None:
    """Key, address, project of the block are used; a second run stores nothing."""
    with langsmith_stub() as stub:
        stub.state.add_run("support")
        stub.state.judge(stub.state.add_run("support"), "correctness", 1)
        LangSmithBlock(api_key=SecretStr(KEY), endpoint=stub.url, project="support").save("mine")
        asked = {"file_format": "langsmith", "langsmith": "mine", "store": str(tmp_path / "s.db")}
        first = import_executions(**asked, return_state=True)
        again = import_executions(**asked, return_state=True)

    assert (first.name, [report.stored for report in first.result().values()]) == ("Completed", [2])
    assert [(report.stored, report.replaced) for report in again.result().values()] == [(0, 0)]


def test_without_a_key_the_run_says_so(prefect: None, tmp_path: Path) -> None:
    """No key is no failure: the run is Skipped, and makes no store."""
    state = import_executions(file_format="langsmith", store=str(tmp_path / "s.db"), return_state=True)

    assert (state.type.value, state.name) == ("COMPLETED", "Skipped")
    assert "LANGSMITH_API_KEY" in state.message
    assert not (tmp_path / "s.db").exists()


def test_a_refused_key_fails_the_run(prefect: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key is told once, without the key."""
    with langsmith_stub() as stub:
        monkeypatch.setenv("LANGSMITH_API_KEY", "lsv2_wrong")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", stub.url)
        state = import_executions(file_format="langsmith", store=str(tmp_path / "s.db"), return_state=True)

    assert state.is_failed()
    assert "the key is not accepted" in state.message
    assert "lsv2_wrong" not in state.message
    assert len(stub.requests) == 1


def test_files_are_needed_for_other_formats(prefect: None) -> None:
    """No paths and another format is a failure that says so."""
    state = import_executions(paths=[], return_state=True)

    assert state.is_failed()
    assert "No files of format" in state.message


def test_the_key_of_a_block_stays_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's key never goes to the address of a block without a key, and the other way round."""
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://elsewhere.example")
    access = LangSmithBlock(api_key=SecretStr("k")).access()
    assert access is not None
    assert access.base_url == "https://api.smith.langchain.com"
    assert LangSmithBlock(endpoint="http://mine.example").access() is None
    assert langsmith_block("default").project_or(None) == "default"


def test_what_a_task_runs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner of a task is observed: behind the task the experiment is there."""
    suite = Suite(suite="questions")
    cases = [Case(case_id="c", suite="questions", inputs={"q": "Which city?"}, expected="city")]
    plan = RunPlan(
        "default", "triage", "v1v1v1v1", "- city\n- dob\nQ: {q}\nA:", suite, "embedded-large", "cycle-7"
    )
    with langsmith_stub() as stub:
        monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
        monkeypatch.setenv("LANGSMITH_ENDPOINT", stub.url)
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        with wired(Places(store=str(tmp_path / "s.db")), lambda _phase, _text: None, live=True) as wiring:
            assert wiring.runner is not None
            wiring.runner.run(plan, cases)

    assert [run["name"] for run in stub.state.runs.values()] == ["triage"]


def test_a_rollback_by_a_flow_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task that rolls back moves the tag to the commit of the earlier text."""
    store = open_store(str(tmp_path / "s.db"))
    with langsmith_stub() as stub:
        monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
        monkeypatch.setenv("LANGSMITH_ENDPOINT", stub.url)
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        places = Places(store=str(tmp_path / "s.db"))
        for text in ("Sort: {q}", "Sort well: {q}"):
            keep_version(store, version_of("default", "triage", text, ()), live=True)
            with wired(places, lambda _phase, _text: None) as wiring:
                tell_live(wiring.observer, wiring.store, "default", "triage")
        roll_back_release.fn("default", "triage", None, "the tone is wrong", places)
        repo = stub.state.repos["triage"]

    assert len(repo["commits"]) == 2
    assert repo["tags"] == {"live": repo["commits"][0]["id"]}
