"""LangSmith is told what a cycle did; whatever it answers, the cycle does not wait for it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_stub import Reply, chat_stub, completion
from langchain_core.tracers.langchain import wait_for_all_tracers
from langsmith.utils import get_env_var
from langsmith_stub import KEY, Stub, langsmith_stub

from flywheel.llm.langsmith_api import LangSmithAccess
from flywheel.llm.langsmith_observer import LangSmithObserver, langsmith_observer
from flywheel.llm.observed_runner import ObservedRunner
from flywheel.llm.openai_chat import Endpoint, OpenAIChat
from flywheel.llm.registry import chat_model
from flywheel.llm.runner import Runner
from flywheel.ports import RunPlan
from flywheel.records.case import Case, Suite
from flywheel.records.chat import ChatRequest, Message
from flywheel.records.prompt import PromptVersion, content_hash

SUITE = Suite(suite="questions")
CASES = [
    Case(case_id=f"c{n}", suite="questions", inputs={"q": "Which city?"}, expected="city") for n in range(5)
]
TEXT = "- city\n- dob\nQ: {q}\nA:"
RECORDED = Path(
    os.environ.get("FLYWHEEL_RECORDED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)
API = RECORDED / "langsmith_openapi" / "langsmith-openapi-2026-05.json"


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A server."""
    with langsmith_stub() as served:
        yield served


@pytest.fixture
def observer(stub: Stub) -> LangSmithObserver:
    """What tells the server."""
    return LangSmithObserver(LangSmithAccess(KEY, stub.url))


def plan(version: str = "v1v1v1v1", session: str = "cycle-7") -> RunPlan:
    """A plan of the embedded model."""
    return RunPlan("default", "triage", version, TEXT, SUITE, "embedded-large", session)


def version_of(text: str, prompt: str = "triage") -> PromptVersion:
    """A version that became live."""
    return PromptVersion(prompt=prompt, version=content_hash(text), text=text)


def test_every_call_becomes_a_run_of_an_experiment(stub: Stub, observer: LangSmithObserver):
    """Batches of one arm are one experiment over one suite; each call has its case, score, cycle."""
    runner = ObservedRunner(Runner(chat_model), observer)
    for version in ("v1v1v1v1", "v2v2v2v2"):
        runner.run(plan(version), CASES[:3])
        runner.run(plan(version), CASES[3:])

    assert observer.close() is None
    experiments = [one for one in stub.state.projects.values() if one["reference_dataset_id"]]
    runs = list(stub.state.runs.values())
    assert list(stub.state.suites) == ["flywheel/default/questions"]
    assert (len(experiments), len(stub.state.examples), len(runs)) == (2, 5, 10)
    assert {run["extra"]["metadata"]["flywheel.session"] for run in runs} == {"cycle-7"}
    assert {run["extra"]["metadata"]["flywheel.source"] for run in runs} == {"experiment"}
    assert [one["key"] for one in stub.state.feedback] == ["score"] * 10


def test_a_release_is_a_commit_with_the_tag_on_it(stub: Stub, observer: LangSmithObserver):
    """The first release makes prompt, commit, tag; the next moves the tag; an earlier text commits again."""
    for text in ("Sort {question}", 'Sort {question} as {"team": ...}', "Sort {question}"):
        observer.released(version_of(text), "better")
        assert observer.close() is None
    repo = stub.state.repos["triage"]
    templates = [
        commit["manifest"]["kwargs"]["messages"][0]["kwargs"]["prompt"]["kwargs"]["template"]
        for commit in repo["commits"]
    ]

    assert templates == ["Sort {question}", 'Sort {question} as {{"team": ...}}', "Sort {question}"]
    assert repo["tags"] == {"live": repo["commits"][-1]["id"]}


def test_the_same_release_twice_changes_nothing(stub: Stub, observer: LangSmithObserver):
    """A conflict says that the commit is there already; the tag stays on it."""
    for _ in range(2):
        observer.released(version_of("Sort {q}", "Bank/Q 1"), "better")
        assert observer.close() is None

    (repo,) = stub.state.repos.values()
    assert len(repo["commits"]) == 1
    assert repo["tags"] == {"live": repo["commits"][0]["id"]}


def test_a_server_that_refuses_is_told_of_and_nothing_else_happens(stub: Stub, observer: LangSmithObserver):
    """One refused document does not keep the others back; what went wrong is said without the key."""
    stub.fail("upload-experiment", 422)
    runner = ObservedRunner(Runner(chat_model), observer)
    for version in ("v1v1v1v1", "v2v2v2v2"):
        runner.run(plan(version), CASES)

    told = observer.close()

    assert told is not None
    assert "status 422" in told
    assert KEY not in told
    assert len(stub.state.runs) == 5


@pytest.mark.parametrize("environ", [{}, {"LANGSMITH_TRACING": "true"}, {"LANGSMITH_API_KEY": KEY}])
def test_nobody_is_told_without_key_and_switch(environ: dict[str, str]):
    """Key alone reads, switch alone does nothing."""
    assert langsmith_observer(environ) is None
    assert langsmith_observer({"LANGSMITH_API_KEY": KEY, "LANGSMITH_TRACING": "true"}) is not None


CHILD = """
import sys
from flywheel.llm.langsmith_observer import langsmith_observer
from flywheel.records.chat import ChatRequest, Message
from flywheel.records.prompt import PromptVersion, content_hash
import os
observer = langsmith_observer(os.environ)
observer.released(PromptVersion(prompt="p", version=content_hash("x"), text="x"), "why")
print("closing", flush=True)
told = observer.close()
print(told, flush=True)
"""


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["silent", "closed"])
def test_a_dead_endpoint_does_not_hold_up_the_end(kind: str):
    """A port that says nothing, or none at all: the process ends within three seconds."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        if kind == "silent":
            port.listen()
        address = f"http://127.0.0.1:{port.getsockname()[1]}"
        environ = {
            **os.environ,
            "LANGSMITH_API_KEY": KEY,
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_ENDPOINT": address,
        }
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD], env=environ, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "closing\n"
        began = time.monotonic()
        told, _ = child.communicate()
        took = time.monotonic() - began

    assert child.returncode == 0
    assert "was not told all" in told
    assert "everything is in the store" in told
    assert took < 3.0


def test_calls_are_not_told_twice(stub: Stub, monkeypatch: pytest.MonkeyPatch):
    """LangChain's own tracing stays off for the calls of a cycle, whatever the environment says."""
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    monkeypatch.setenv("LANGSMITH_ENDPOINT", stub.url)
    get_env_var.cache_clear()
    with chat_stub(Reply(completion("city"))) as model:
        chat = OpenAIChat("openai:stub-1", Endpoint(model="stub-1", base_url=model.base_url, api_key="k"))
        answer = chat.complete(ChatRequest(model="stub-1", messages=(Message(role="user", content="?"),)))
        wait_for_all_tracers()
    get_env_var.cache_clear()

    assert answer.text == "city"
    assert stub.requests == []


@pytest.mark.skipif(not API.exists(), reason="the published description is not here")
def test_documents_are_as_the_published_description_has_them(stub: Stub, observer: LangSmithObserver):
    """Keys of what is sent are those of the vendor's description, the needed ones are there."""
    ObservedRunner(Runner(chat_model), observer).run(plan(), CASES)
    observer.released(version_of("Sort {q}"), "better")
    assert observer.close() is None
    schemas = json.loads(API.read_text(encoding="utf-8"))["components"]["schemas"]
    sent = {
        path.split("?")[0]: body for (_, path), body in zip(stub.requests, stub.bodies, strict=True) if body
    }
    upload = sent["/api/v1/datasets/upload-experiment"]
    wanted: list[tuple[dict[str, Any], str]] = [
        (upload, "ExperimentResultsUpload"),
        (upload["results"][0], "ExperimentResultRow"),
        (upload["results"][0]["evaluation_scores"][0], "FeedbackCreateCoreSchema"),
        (sent["/api/v1/repos"], "CreateRepoRequest"),
        (sent["/commits/-/triage"], "commits.CreateCommitReq"),
        (sent["/api/v1/repos/-/triage/tags"], "RepoTagRequest"),
        (sent["/api/v1/repos/-/triage/tags/live"], "RepoUpdateTagRequest"),
    ]

    for body, name in wanted:
        assert body.keys() <= schemas[name]["properties"].keys(), name
        assert set(schemas[name].get("required", ())) <= body.keys(), name
