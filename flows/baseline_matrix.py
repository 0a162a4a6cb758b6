"""Flow `baseline-matrix`: every model on every slice of a suite.

A run makes a new baseline beside the one before; a retried run goes on with its own. It releases nothing.
"""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from pydantic import Field

from flows.form import CallsField, ModelsField, NonBlank, PromptsField, StoreField, UsdField, WorkspaceField
from flywheel.learn.counting import count_of
from flywheel.records.baseline import BaselineMatrix
from tasks.baseline import BaselineDone, BaselineRequest, measure_baseline
from tasks.reading import list_prompts
from tasks.wiring import Places

AnsweringField = Annotated[
    list[NonBlank], Field(title="Models that answer", description="names; empty: the seven embedded ones")
]


@flow(
    name="baseline-matrix",
    description="Pass rate with response time of every model on every slice, held against targets.",
    flow_run_name="baseline {suite}",
    persist_result=False,
)
def baseline_matrix(  # noqa: PLR0913  a form: one field per parameter
    *,
    suite: Annotated[NonBlank, Field(title="Suite", description="whose cases are asked")],
    prompts: PromptsField = [],  # noqa: B006  read, never changed; a form needs a plain default
    answering: AnsweringField = [],  # noqa: B006  read, never changed
    budget_calls: CallsField = None,
    budget_usd: UsdField = None,
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
    models: ModelsField = "default",
) -> State[dict[str, BaselineMatrix]]:
    """Measure one prompt after the other; one that fails does not stop the rest.

    Args:
        suite: whose cases are asked.
        prompts: names; empty takes every prompt of the workspace.
        answering: models; empty takes the seven embedded ones.
        budget_calls: ceiling of model calls per prompt; None is no ceiling.
        budget_usd: ceiling of cost per prompt; None is no ceiling.
        workspace: where suite and prompts are.
        store: name of a Flywheel Store block.
        models: name of a Flywheel Chat Model block, which has the keys.

    Returns:
        Completed, or Completed as `Degraded` when cases or prompts are missing, or Failed when nothing was
        measured; the data is one matrix per prompt.
    """
    places = Places(store=store, models=models)
    names = prompts or list_prompts(workspace, places)
    done: dict[str, BaselineDone] = {}
    problems: list[str] = []
    for name in dict.fromkeys(names):
        request = BaselineRequest(
            workspace=workspace,
            suite=suite,
            prompt=name,
            models=tuple(answering),
            begun=this_run.scheduled_start_time,
            budget_calls=budget_calls,
            budget_usd=budget_usd,
        )
        state = measure_baseline(request, places, return_state=True)
        if state.is_completed():
            done[name] = state.result()
        else:
            problems.append(f"{name}: {state.result(raise_on_failure=False)}")
    return _ending(done, problems)


def _ending(done: dict[str, BaselineDone], problems: list[str]) -> State[dict[str, BaselineMatrix]]:
    data = {name: one.matrix for name, one in done.items()}
    said = [f"{len(done)} of {count_of(len(done) + len(problems), 'prompt')} measured"]
    for name, one in done.items():
        if one.matrix.missed:
            said.append(f"{name}: {', '.join(one.matrix.missed)} below target")
        worse = [change.model for change in one.matrix.changes if change.verdict == "worse"]
        if worse:
            said.append(f"{name}: {', '.join(worse)} worse than before")
        if one.missing or one.errors:
            said.append(
                f"{name}: {count_of(one.missing, 'case')} not asked, {one.errors} without an answer "
                f"{one.stopped}"
            )
    message = ". ".join((*said, *problems)).strip()
    if not done:
        return Failed(message=message, data=data)
    whole = not problems and not any(one.missing or one.errors for one in done.values())
    return Completed(name="Completed" if whole else "Degraded", message=message, data=data)
