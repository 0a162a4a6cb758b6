"""What a cycle did can be read back from LangSmith with its own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from cycle_world import World
from langsmith import Client
from langsmith_stub import KEY, Stub, langsmith_stub

from flywheel.cycle import run_cycle
from flywheel.errors import ModelUnavailable
from flywheel.llm.langsmith_api import LangSmithAccess
from flywheel.llm.langsmith_observer import LangSmithObserver
from flywheel.llm.observed_model import observed_models
from flywheel.llm.observed_runner import ObservedRunner
from flywheel.llm.refiner import refiner_of
from flywheel.llm.scripted import ScriptedModel
from flywheel.phases.telling import tell_review
from flywheel.records.chat import ChatRequest

REWRITE = (
    '{"prompt": "Pick one name: red, green, blue.\\n\\nQuestion: {question}\\nName:", "why": "w", "show": []}'
)


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A server."""
    with langsmith_stub() as served:
        yield served


def told(world: World, stub: Stub, writer: Callable[[ChatRequest], str | None]) -> LangSmithObserver:
    """Run the cycle of a world with an observer; a scripted model writes and explains."""
    observer = LangSmithObserver(LangSmithAccess(KEY, stub.url))
    models = observed_models(lambda _name: ScriptedModel(writer), observer)
    assert world.wiring.runner is not None
    wiring = replace(
        world.wiring,
        runner=ObservedRunner(world.wiring.runner, observer.ran),
        chat=models,
        observer=observer,
        proposers=lambda _request: refiner_of("writer", models),
    )
    try:
        run_cycle(world.request, wiring)
    finally:
        assert observer.close() is None
    return observer


def client_of(stub: Stub) -> Client:
    """The real client."""
    return Client(api_url=stub.url, api_key=KEY, info={"version": "0.18.2"})


@pytest.mark.integration
def test_the_real_client_reads_back_a_whole_cycle(make_world, stub: Stub):
    """One tree with six phases and the calls below them; experiments with scores and verdicts; the hub."""
    world = make_world(refiner="writer", explain="writer")
    told(world, stub, lambda _request: REWRITE)
    client = client_of(stub)

    runs = list(client.list_runs(project_name="flywheel/default", limit=100))
    (root,) = [run for run in runs if run.parent_run_id is None]
    phases = {run.id: run.name for run in runs if run.parent_run_id == root.id}
    assert sorted(phases.values()) == sorted(["collect", "analyze", "generate", "validate", "apply", "track"])
    calls = [run for run in runs if run.run_type == "llm"]
    assert {phases[run.parent_run_id] for run in calls} == {"analyze", "generate"}
    assert all(run.dotted_order.startswith(f"{root.dotted_order}.") for run in runs if run is not root)
    assert all(run.end_time is not None and run.id.version == 7 for run in runs)
    assert {run.trace_id for run in runs} == {root.id}

    shipped = world.store.releases.live("default", "colours")
    assert shipped is not None
    gates = [
        one
        for one in client.list_projects(reference_free=False)
        if (one.extra or {}).get("metadata", {}).get("flywheel.purpose") == "gate"
    ]
    (winner,) = [p for p in gates if p.extra["metadata"]["flywheel.version"] == shipped.version]
    rows = list(client.list_runs(project_id=winner.id, limit=100))
    points = {one["key"]: one for one in stub.state.feedback if one["session_id"] == str(winner.id)}
    assert winner.end_time is not None
    assert {"score", "verdict", "gain", "gain_low", "gain_high"} == points.keys()
    assert (points["verdict"]["value"], points["gain"]["score"] > 0) == ("ship", True)
    assert {row.extra["metadata"]["flywheel.cycle"] for row in rows} == {
        root.extra["metadata"]["flywheel.cycle"]
    }
    examples = {one.id for one in client.list_examples(dataset_name="flywheel/default/colours")}
    assert {row.reference_example_id for row in rows} <= examples
    commit = client.pull_prompt_commit("colours:live", skip_cache=True)
    assert "Output format" in str(commit.manifest)


@pytest.mark.integration
def test_a_call_that_fails_is_a_run_with_its_error(make_world, stub: Stub):
    """The error is there, tokens and cost are absent, the cycle is done."""

    def down(_request: ChatRequest) -> str:
        raise ModelUnavailable("the server is down")

    told(make_world(refiner="writer", budget_calls=200), stub, down)
    failed = [run for run in stub.state.runs.values() if run.get("error")]

    assert failed
    assert {run["run_type"] for run in failed} == {"llm"}
    assert all("down" in run["error"] for run in failed)
    assert all("usage_metadata" not in run["extra"]["metadata"] for run in failed)


@pytest.mark.integration
def test_a_cycle_that_breaks_off_says_so_and_goes_on_in_the_same_tree(make_world, stub: Stub):
    """The phase and the cycle carry the error; the next attempt goes on below the same root."""
    world = make_world(budget_calls=80)

    def broken(*_arguments: object) -> None:
        raise KeyboardInterrupt

    halted = replace(world, wiring=replace(world.wiring, proposers=broken))
    observer = LangSmithObserver(LangSmithAccess(KEY, stub.url))
    with pytest.raises(KeyboardInterrupt):
        run_cycle(halted.request, replace(halted.wiring, observer=observer))
    assert observer.close() is None
    errors = {run["name"]: run.get("error") for run in stub.state.runs.values()}
    runner = ObservedRunner(world.wiring.runner, observer.ran)
    run_cycle(world.request, replace(world.wiring, runner=runner, observer=observer))
    assert observer.close() is None

    assert errors == {
        "cycle colours": "KeyboardInterrupt: ",
        "collect": None,
        "analyze": None,
        "generate": "KeyboardInterrupt: ",
    }
    roots = [
        run for run in stub.state.runs.values() if run["run_type"] == "chain" and not run["parent_run_id"]
    ]
    assert [run["name"] for run in roots] == ["cycle colours"]
    assert len([run for run in stub.state.runs.values() if run["name"] == "generate"]) == 2


@pytest.mark.integration
def test_a_rejection_is_seen_on_cycle_and_experiment(make_world, stub: Stub):
    """What a person said, with name and note, long after the cycle and by another process."""
    world = make_world(auto_apply_threshold=1.0)
    told(world, stub, lambda _request: None)
    (review, *_) = world.store.releases.reviews("default")
    asked = ("default", review.review_id, False, "ann", "too long", world.wiring.clock.now())
    decided = world.store.releases.decide(*asked)
    another = LangSmithObserver(LangSmithAccess(KEY, stub.url))
    tell_review(another, world.store, decided)

    assert another.close() is None
    points = [one for one in stub.state.feedback if one["key"] == "review"]
    assert [one["value"] for one in points] == ["rejected", "rejected"]
    assert all("ann: too long" in one["comment"] for one in points)
    assert points[0]["run_id"] in stub.state.runs
    assert points[1]["session_id"] in stub.state.projects
