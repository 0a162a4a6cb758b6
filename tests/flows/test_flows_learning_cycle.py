"""The learning-cycle flow on a real Prefect server and real stores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterId
from recorded_prompts import add_recorded
from small_application import add_small_application

from flows.command import flow_parameters
from flows.learning_cycle import learning_cycle
from flywheel.cycle import SystemClock, Wiring, run_cycle
from flywheel.demo.turn import cycle_request, prepare
from flywheel.llm.registry import chat_model
from flywheel.llm.runner import Runner
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.store.open import SqlStore, open_store

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration, pytest.mark.usefixtures("prefect")]

MODEL = "embedded-small"


def run_flow(**parameters: object) -> tuple[object, object]:
    """State and data of one run."""
    state = learning_cycle(**parameters, return_state=True)
    return state, state.result(raise_on_failure=False)


def artifacts_of(prompt: str) -> dict[str, str]:
    """Newest artifact of each key of a prompt, as text."""
    with get_client(sync_client=True) as client:
        # Asked for by their key: of all there are the server gives 200, whichever they are.
        named = ArtifactFilter(key=ArtifactFilterKey(like_=f"{prompt}%"))
        found = client.read_artifacts(artifact_filter=named)
    newest = sorted(found, key=lambda a: a.created)
    return {a.key: str(a.data) for a in newest if a.key and a.key.startswith(prompt)}


def test_flow_gives_what_plain_python_gives(tmp_path: Path) -> None:
    """On equal stores, the same request and seed, the flow's output equals that of run_cycle."""
    runner = Runner(chat_model)
    stores = [open_store(str(tmp_path / name)) for name in ("plain.db", "flow.db")]
    prepared = [prepare(store, runner, MODEL, SystemClock()).request for store in stores]
    request = prepared[0].model_copy(update={"budget_calls": 800})
    plain = run_cycle(request, Wiring(stores[0], runner))
    _, data = run_flow(**{**flow_parameters([request]), "store": str(tmp_path / "flow.db")})
    assert data[0].output == plain
    assert plain.calls > 0


def test_flow_gives_what_plain_python_gives_on_several_models(tmp_path: Path) -> None:
    """A cycle over two models ends in the same output, and its page has the table of models."""
    stores = [open_store(str(tmp_path / name)) for name in ("plain.db", "flow.db")]
    for store in stores:
        add_small_application(store)
    request = cycle_request("embedded-micro").model_copy(
        update={"also_models": ("embedded-nano",), "budget_calls": 300}
    )
    plain = run_cycle(request, Wiring(stores[0], Runner(chat_model)))
    _, data = run_flow(**{**flow_parameters([request]), "store": str(tmp_path / "flow.db")})
    assert data[0].output == plain
    assert [gain.model for gain in plain.models] == ["embedded-micro", "embedded-nano"]
    assert "on each model" in artifacts_of("demo-customer-360-router")["demo-customer-360-router-summary"]


def test_one_failing_prompt_degrades_the_run(recorded: tuple[str, SqlStore]) -> None:
    """A prompt nobody stored ends its own chain; the others are done and the run is Degraded."""
    address, store = recorded
    add_recorded(store, "billing")
    state, data = run_flow(prompts=["triage", "nobody", "billing"], window_days=None, store=address)
    assert (state.name, state.type.value) == ("Degraded", "COMPLETED")
    assert [outcome.output is not None for outcome in data] == [True, False, True]
    assert "No prompt 'nobody'" in data[1].error
    assert "nobody" in state.message


def test_run_without_any_output_fails(recorded: tuple[str, SqlStore]) -> None:
    """When no prompt could be done the run is Failed, with the reason in its message."""
    state, _ = run_flow(prompts=["nobody"], store=recorded[0])
    assert state.type.value == "FAILED"
    assert "No prompt 'nobody'" in state.message


def test_no_prompts_means_all(recorded: tuple[str, SqlStore]) -> None:
    """An empty list takes every prompt of the workspace."""
    address, store = recorded
    add_recorded(store, "billing")
    _, data = run_flow(window_days=None, dry_run=True, store=address)
    assert [outcome.request.prompt for outcome in data] == ["billing", "triage"]


def test_artifacts_carry_the_numbers(recorded: tuple[str, SqlStore]) -> None:
    """Summary, verdicts, patterns, proposals and lineage are shown, with the numbers of the output."""
    address, _ = recorded
    _, data = run_flow(prompts=["triage"], window_days=None, store=address)
    output = data[0].output
    shown = artifacts_of("triage")
    assert {"triage-summary", "triage-verdicts", "triage-failure-patterns", "triage-lineage"} <= set(shown)
    points = f"{100 * output.performance_delta:+.1f}"
    assert points in shown["triage-summary"]
    assert points in shown["triage-verdicts"]
    assert output.live[:12] in shown["triage-lineage"]
    assert json.loads(shown["triage-failure-patterns"])[0]["count"] == 40


def test_repeated_run_does_no_phase_again(recorded: tuple[str, SqlStore]) -> None:
    """A second run of a dry run's request reads every phase back and gives an equal output."""
    address, store = recorded
    asked = {"prompts": ["triage"], "window_days": None, "dry_run": True, "store": address}
    _, first = run_flow(**asked)
    rows = _phase_rows(store)
    _, second = run_flow(**asked)
    assert first[0].output == second[0].output
    assert _phase_rows(store) == rows


def test_run_continues_after_the_finished_phases(recorded: tuple[str, SqlStore]) -> None:
    """A run that comes after a cycle killed behind analyze starts with generate."""
    from flywheel.cycle import do_analyze, do_collect, open_cycle

    address, store = recorded
    request = FeedbackLoopInput(
        prompt="triage",
        workspace="default",
        suite=None,
        model=None,
        strategy="balanced",
        time_window_days=None,
        budget_calls=None,
        budget_usd=None,
        budget_tokens=None,
        seed=0,
        dry_run=False,
    )
    context = open_cycle(request, Wiring(store))
    do_analyze(do_collect(context, Wiring(store)), Wiring(store))
    before = _phase_rows(store)
    _, data = run_flow(prompts=["triage"], window_days=None, store=address)
    assert data[0].output.cycle_id == context.cycle_id
    after = _phase_rows(store)
    assert {row: after[row] for row in before} == before
    assert len(after) == 6


def test_nightly_run_moves_nothing_without_a_person(recorded: tuple[str, SqlStore]) -> None:
    """With the parameters of the schedule a clear winner is staged, not released."""
    address, store = recorded
    content = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text(encoding="utf-8"))
    (nightly,) = content["deployments"][0]["schedules"]
    add_recorded(store, "billing", cases=150)
    before = store.releases.live("default", "billing")
    asked = {**nightly["parameters"], "prompts": ["billing"], "window_days": None}
    _, data = run_flow(**asked, store=address)
    assert data[0].output.staged
    assert not data[0].output.shipped
    assert store.releases.live("default", "billing") == before


def test_runs_are_named_after_their_prompts(recorded: tuple[str, SqlStore]) -> None:
    """The run and its six phases carry the name of the prompt; alerts are raised for all prompts together."""
    state, _ = run_flow(prompts=["triage"], window_days=None, store=recorded[0])
    run_id = state.state_details.flow_run_id
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(run_id)
        only = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
        names = {task.name for task in client.read_task_runs(flow_run_filter=only)}
    assert run.name == "triage"
    phases = ("collect", "analyze", "generate", "validate", "apply", "track")
    assert names == {"raise alerts", *(f"{phase} triage" for phase in phases)}


def _phase_rows(store: SqlStore) -> dict[tuple[object, ...], object]:
    """When each phase of each cycle was finished."""
    with store.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM cycle_phase").mappings().all()
    return {(row["cycle_id"], row["phase"]): tuple(row.values()) for row in rows}


def test_a_prompt_that_is_not_due_is_left_out(recorded: tuple[str, SqlStore]) -> None:
    """A run that asks what is due does it once; the next one ends as Skipped and says why."""
    address, _ = recorded
    asked = {"prompts": ["triage"], "window_days": None, "store": address, "only_if_due": True}
    first, data = run_flow(**asked)
    again, nothing = run_flow(**asked)
    assert (first.name, len(data)) == ("Completed", 1)
    assert (again.name, again.type.value, nothing) == ("Skipped", "COMPLETED", ())
    assert "triage is not due: 0 scored executions since the last cycle" in again.message
