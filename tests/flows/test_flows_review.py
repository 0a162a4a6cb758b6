"""A staged change put before a person by a form of the run."""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import OrchestrationResult
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.states import Pending
from pydantic import ValidationError
from recorded_prompts import BETTER, LIVE, add_recorded

from flows.learning_cycle import learning_cycle
from flywheel.records.execution import Execution
from flywheel.records.prompt import content_hash
from flywheel.store.open import SqlStore
from tasks.review import ReviewDecision

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration, pytest.mark.usefixtures("prefect")]


class DeployedRun:
    """One run of a deployment, started again by hand as a worker would.

    Args:
        client: of the server.
        parameters: of the run.
    """

    def __init__(self, client: SyncPrefectClient, parameters: dict[str, Any]) -> None:
        self.client = client
        self.parameters = parameters
        deployment = client.create_deployment(
            client.create_flow(learning_cycle), name="test", parameter_openapi_schema={}
        )
        self.run_id: UUID = client.create_flow_run_from_deployment(deployment, parameters=parameters).id

    def start(self) -> str:
        """Run until it ends or suspends; the name of the state it is in then."""
        self.client.set_flow_run_state(self.run_id, Pending())
        run = self.client.read_flow_run(self.run_id)
        with contextlib.suppress(Pause):
            run_flow(learning_cycle, flow_run=run, parameters=self.parameters, return_type="state")
        return self.client.read_flow_run(self.run_id).state.name

    def answer(self, **fields: str) -> OrchestrationResult[Any]:
        """What the form sends."""
        return self.client.resume_flow_run(self.run_id, run_input=fields)

    def task_names(self) -> list[str]:
        """Tasks of this run, in order of their start."""
        tasks = self.client.read_task_runs()
        own = sorted((t for t in tasks if t.flow_run_id == self.run_id), key=lambda t: t.start_time)
        return [t.name for t in own]


@pytest.fixture
def staged(recorded: tuple[str, SqlStore]) -> tuple[DeployedRun, SqlStore]:
    """A run that found a better version, which the strategy lets a person decide."""
    address, store = recorded
    parameters = {
        "prompts": ["triage"],
        "window_days": None,
        "wait_for_review": True,
        "store": address,
        "more": {"auto_apply_threshold": 1.0},
    }
    with get_client(sync_client=True) as client:
        run = DeployedRun(client, parameters)
        assert run.start() == "Suspended"
        yield run, store


def live(store: SqlStore) -> str:
    """What is live for the prompt of these tests."""
    return store.releases.live("default", "triage").version


def test_approval_in_the_form_makes_the_version_live(staged: tuple[DeployedRun, SqlStore]) -> None:
    """An approval resumes the run, which keeps the decision and moves the pointer."""
    run, store = staged
    assert live(store) == content_hash(LIVE)
    assert run.answer(decision="approve", reviewer="Ada", note="reads well").status.value == "ACCEPT"
    assert run.start() == "Completed"
    assert live(store) == content_hash(BETTER)
    (review,) = store.releases.reviews("default", None)
    assert (review.state, review.reviewer, review.note) == ("approved", "Ada", "reads well")
    assert "1 approved" in run.client.read_flow_run(run.run_id).state.message


def test_rejection_leaves_what_is_live(staged: tuple[DeployedRun, SqlStore]) -> None:
    """A rejection is kept with its reviewer; the pointer stays."""
    run, store = staged
    run.answer(decision="reject", reviewer="Ada")
    assert run.start() == "Completed"
    assert live(store) == content_hash(LIVE)
    assert [r.state for r in store.releases.reviews("default", None)] == ["rejected"]


def test_server_refuses_an_answer_that_decides_nothing(staged: tuple[DeployedRun, SqlStore]) -> None:
    """An empty, partial or wrong answer is rejected and the run stays suspended."""
    run, store = staged
    answers: list[dict[str, str]] = [
        {},
        {"decision": "approve"},
        {"reviewer": "Ada"},
        {"decision": "maybe", "reviewer": "Ada"},
        {"decision": "approve", "reviewer": "   "},
        {"decision": "approve", "reviewer": "Ada", "extra": "x"},
    ]
    for fields in answers:
        assert run.answer(**fields).status.value == "REJECT", fields
        assert run.client.read_flow_run(run.run_id).state.name == "Suspended", fields
    assert live(store) == content_hash(LIVE)


def test_resumed_run_does_no_phase_again(staged: tuple[DeployedRun, SqlStore]) -> None:
    """After the form no phase runs, even when new evidence came in while the person thought."""
    run, store = staged
    phases = [name for name in run.task_names() if name.endswith(" triage")]
    store.executions.write(
        [Execution(execution_id="late", prompt="triage", version=content_hash(LIVE), outcome="passed")]
    )
    run.answer(decision="approve", reviewer="Ada")
    assert run.start() == "Completed"
    new = run.task_names()[len(phases) :]
    assert not [name for name in new if name.split()[0] in {"collect", "analyze", "generate", "validate"}]


def test_undeployed_run_leaves_the_change_to_the_command_line(recorded: tuple[str, SqlStore]) -> None:
    """A run without a deployment cannot wait: it ends Degraded and the review keeps waiting."""
    address, store = recorded
    add_recorded(store, "billing")
    state = learning_cycle(
        prompts=["triage"],
        window_days=None,
        wait_for_review=True,
        store=address,
        more={"auto_apply_threshold": 1.0},
        return_state=True,
    )
    assert state.name == "Degraded"
    assert [r.state for r in store.releases.reviews("default", None)] == ["waiting"]


def test_form_has_no_approving_default() -> None:
    """Decision and reviewer are required; nothing is filled in beforehand."""
    with pytest.raises(ValidationError):
        ReviewDecision()
    schema = ReviewDecision.with_initial_data(description="page").model_json_schema()
    assert set(schema["required"]) == {"decision", "reviewer"}
    assert schema["additionalProperties"] is False
