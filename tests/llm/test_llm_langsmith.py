"""What was done is told to LangSmith; whatever it answers, the work does not wait for it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chat_stub import Reply, chat_stub, completion
from langchain_core.tracers.langchain import wait_for_all_tracers
from langsmith.utils import get_env_var
from langsmith_state import ROUTES
from langsmith_stub import KEY, Stub
from two_doors import both_doors, complete

from flywheel.llm.langsmith_observer import LangSmithObserver, langsmith_observer
from flywheel.llm.observed_runner import ObservedRunner
from flywheel.llm.openai_chat import Endpoint, OpenAIChat
from flywheel.llm.registry import chat_model
from flywheel.llm.runner import Runner
from flywheel.ports import ObservedCall, RunPlan
from flywheel.records.case import Case, Suite
from flywheel.records.chat import ChatAnswer, ChatRequest, Message
from flywheel.records.cycle import CycleContext, FeedbackLoopInput, Phase
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import LiveVersion
from flywheel.records.strategy import PRESETS

SUITE = Suite(suite="questions")
CASES = [
    Case(case_id=f"c{n}", suite="questions", inputs={"q": "Which city?"}, expected="city") for n in range(5)
]
TEXT = "- city\n- dob\nQ: {q}\nA:"
RECORDED = Path(
    os.environ.get("FLYWHEEL_RECORDED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)
API = RECORDED / "langsmith_openapi" / "langsmith-openapi-2026-05.json"


def plan(version: str = "v1v1v1v1", session: str = "cycle-7") -> RunPlan:
    """A plan of the embedded model."""
    return RunPlan("default", "triage", version, TEXT, SUITE, "embedded-large", session)


def version_of(text: str, prompt: str = "triage") -> PromptVersion:
    """A version that became live."""
    return PromptVersion(prompt=prompt, version=content_hash(text), text=text)


def live_of(version: PromptVersion, revision: int = 1) -> LiveVersion:
    """What the store says of it."""
    return LiveVersion(
        prompt=version.prompt,
        workspace="default",
        version=version.version,
        revision=revision,
        released_at=datetime.now(UTC),
        kind="manual",
        why="better",
    )


def test_every_call_becomes_a_run_of_an_experiment(stub: Stub, observer: LangSmithObserver):
    """Batches of one arm are one experiment over one suite; each call has its case, score, cycle."""
    runner = ObservedRunner(Runner(chat_model), observer.ran)
    for version in ("v1v1v1v1", "v2v2v2v2"):
        runner.run(plan(version), CASES[:3])
        runner.run(plan(version), CASES[3:])

    assert observer.close() is None
    experiments = [one for one in stub.state.projects.values() if one["reference_dataset_id"]]
    runs = list(stub.state.runs.values())
    assert [one["name"] for one in stub.state.suites.values()] == ["flywheel/default/questions"]
    assert (len(experiments), len(stub.state.examples), len(runs)) == (2, 5, 10)
    assert {run["extra"]["metadata"]["flywheel.session"] for run in runs} == {"cycle-7"}
    assert {run["extra"]["metadata"]["flywheel.source"] for run in runs} == {"experiment"}
    assert [one["key"] for one in stub.state.feedback] == ["score"] * 10


def test_a_release_is_a_commit_with_the_tag_on_it(stub: Stub, observer: LangSmithObserver):
    """The first release makes prompt, commit, tag; the next moves the tag; an earlier text gets it back."""
    for number, text in enumerate(("Sort {question}", 'Sort {question} as {"team": ...}', "Sort {question}")):
        version = version_of(text)
        observer.released(version, live_of(version, number))
        assert observer.close() is None
    repo = stub.state.repos["triage"]
    templates = [
        commit["manifest"]["kwargs"]["messages"][0]["kwargs"]["prompt"]["kwargs"]["template"]
        for commit in repo["commits"]
    ]

    assert templates == ["Sort {question}", 'Sort {question} as {{"team": ...}}']
    assert repo["tags"] == {"live": repo["commits"][0]["id"]}
    assert [run["outputs"]["why"] for run in stub.state.runs.values()] == ["better"] * 3


def test_the_same_release_twice_changes_nothing(stub: Stub, observer: LangSmithObserver):
    """A conflict says that the commit is there already; the tag stays on it."""
    version = version_of("Sort {q}", "Bank/Q 1")
    live = live_of(version)
    for _ in range(2):
        observer.released(version, live)
        assert observer.close() is None

    (repo,) = stub.state.repos.values()
    assert len(repo["commits"]) == 1
    assert repo["tags"] == {"live": repo["commits"][0]["id"]}
    assert len(stub.state.runs) == 1


def test_a_server_that_refuses_is_told_of_and_nothing_else_happens(stub: Stub, observer: LangSmithObserver):
    """What is refused does not keep the others back; what went wrong is said without the key."""
    stub.fail("datasets", 422)
    runner = ObservedRunner(Runner(chat_model), observer.ran)
    runner.run(plan(), CASES)
    version = version_of("Sort {q}")
    observer.released(version, live_of(version))

    told = observer.close()

    assert told is not None
    assert "status 422" in told
    assert "5 of 7 messages" in told
    assert KEY not in told
    assert stub.state.repos["triage"]["tags"]


@pytest.mark.parametrize("environ", [{}, {"LANGSMITH_TRACING": "true"}, {"LANGSMITH_API_KEY": KEY}])
def test_nobody_is_told_without_key_and_switch(environ: dict[str, str]):
    """Key alone reads, switch alone does nothing."""
    assert langsmith_observer(environ) is None
    assert langsmith_observer({"LANGSMITH_API_KEY": KEY, "LANGSMITH_TRACING": "true"}) is not None


@both_doors
def test_calls_are_not_told_twice(stub: Stub, monkeypatch: pytest.MonkeyPatch, door: str):
    """LangChain's own tracing stays off for the calls of a cycle, whatever the environment says."""
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    monkeypatch.setenv("LANGSMITH_ENDPOINT", stub.url)
    get_env_var.cache_clear()
    with chat_stub(Reply(completion("city"))) as model:
        chat = OpenAIChat("openai:stub-1", Endpoint(model="stub-1", base_url=model.base_url, api_key="k"))
        asked = ChatRequest(model="stub-1", messages=(Message(role="user", content="?"),))
        answer = complete(chat, asked, door)
        wait_for_all_tracers()
    get_env_var.cache_clear()

    assert answer.text == "city"
    assert stub.requests == []


@pytest.mark.skipif(not API.exists(), reason="the published description is not here")
def test_requests_are_as_the_published_description_has_them(stub: Stub, observer: LangSmithObserver):
    """Keys of what is sent are those of the vendor's description, the needed ones are there."""
    sent: list[tuple[str, Any]] = []

    def seen(_state: object, parts: list[tuple[str, Any]], query: Any) -> Any:
        sent.extend(parts)
        return stub.state.multipart(parts, query)

    context = CycleContext(
        cycle_id="c7",
        request=FeedbackLoopInput(prompt="triage"),
        strategy=PRESETS["balanced"],
        window_start=None,
        window_end=datetime.now(UTC),
        watermark=0,
        control="v0",
    )
    asked = ChatRequest(model="m", messages=(Message(role="user", content="?"),), purpose="refine")
    now = datetime.now(UTC)
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(ROUTES, "POST /runs/multipart", seen)
        observer.began(context, Phase.GENERATE)
        observer.called(ObservedCall(asked, now, now, ChatAnswer(text="!", model="m", cost_usd=0.1)))
        observer.ended(context, Phase.GENERATE, None, "broken")
        ObservedRunner(Runner(chat_model), observer.ran).run(plan(), CASES)
        version = version_of("Sort {q}")
        observer.released(version, live_of(version))
        assert observer.close() is None
    bodies = {
        path.split("?")[0]: body for (_, path), body in zip(stub.requests, stub.bodies, strict=True) if body
    }
    described = json.loads(API.read_text(encoding="utf-8"))
    schemas = described["components"]["schemas"]
    bulk = described["paths"]["/api/v1/examples/bulk"]["post"]["requestBody"]["content"]["application/json"]
    runs = [value for name, value in sent if name.count(".") == 1 and name[0] == "p"]
    points = [value for name, value in sent if name.startswith("feedback.")]
    (experiment,) = [body for path, body in bodies.items() if path == "/api/v1/sessions"]
    wanted: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (experiment, schemas["TracerSessionCreate"]),
        (bodies["/api/v1/datasets"], schemas["DatasetCreate"]),
        (bodies["/api/v1/examples/bulk"][0], bulk["schema"]["items"]),
        (bodies["/api/v1/repos"], schemas["CreateRepoRequest"]),
        (bodies["/commits/-/triage"], schemas["commits.CreateCommitReq"]),
        (bodies["/api/v1/repos/-/triage/tags"], schemas["RepoTagRequest"]),
        (bodies["/api/v1/repos/-/triage/tags/live"], schemas["RepoUpdateTagRequest"]),
        *((run, schemas["runs.Run"]) for run in runs),
        *((point, schemas["FeedbackCreateSchema"]) for point in points),
    ]

    assert {run["run_type"] for run in runs if "run_type" in run} == {"chain", "llm"}
    for body, schema in wanted:
        assert body.keys() <= schema["properties"].keys()
        assert set(schema.get("required", ())) <= body.keys()
