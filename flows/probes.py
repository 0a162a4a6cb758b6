"""Flow `probes`: what breaks a prompt, with a model.

A run asks everything anew beside the runs before; a retried run goes on with its own. It releases nothing.
"""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from pydantic import Field

from flows.baseline_matrix import AnsweringField
from flows.form import CallsField, ModelsField, NonBlank, StoreField, UsdField, WorkspaceField
from flywheel.learn.counting import count_of
from flywheel.records.base import Share
from flywheel.records.probe import ProbeKind, ProbeReport
from tasks.probe import ProbeDone, ProbeRequest, probe_prompt
from tasks.wiring import Places

KindsField = Annotated[list[ProbeKind], Field(title="Kinds", description="what to find out", min_length=1)]
KeepField = Annotated[str | None, Field(title="Keep in", description="suite for what broke")]
LimitsField = Annotated[
    dict[str, Share],
    Field(
        title="Limits",
        description="min_consistency, max_attack_success, max_broken, max_calibration_error",
    ),
]


@flow(
    name="probes",
    description="Asks a suite's reflect cases in other ways, and tells what breaks.",
    flow_run_name="probes {suite}",
    persist_result=False,
)
def probes(  # noqa: PLR0913  a form: one field per parameter
    *,
    suite: Annotated[NonBlank, Field(title="Suite", description="whose reflect cases are asked")],
    prompt: Annotated[NonBlank, Field(title="Prompt", description="its live version")],
    kinds: KindsField = [ProbeKind.CONSISTENCY, ProbeKind.ROBUSTNESS],  # noqa: B006  read, never changed
    answering: AnsweringField = [],  # noqa: B006  read, never changed
    keep: KeepField = None,
    limits: LimitsField = {},  # noqa: B006  read, never changed
    budget_calls: CallsField = None,
    budget_usd: UsdField = None,
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
    models: ModelsField = "default",
) -> State[dict[str, ProbeReport]]:
    """Probe a prompt in one way after the other; one that fails does not stop the rest.

    Args:
        suite: whose reflect cases are asked.
        prompt: its live version.
        kinds: what to find out.
        answering: models; empty takes the seven embedded ones.
        keep: suite for what broke.
        limits: by name, as the options of the command.
        budget_calls: ceiling of model calls of each probe; None is no ceiling.
        budget_usd: ceiling of cost of each probe; None is no ceiling.
        workspace: where suite and prompt are.
        store: name of a Flywheel Store block.
        models: name of a Flywheel Chat Model block, which has the keys.

    Returns:
        Completed, or Completed as `Degraded` when a limit is missed or answers are missing, or Failed when
        nothing was found out; the data is one report per kind.
    """
    places = Places(store=store, models=models)
    done: dict[str, ProbeDone] = {}
    problems: list[str] = []
    for kind in dict.fromkeys(kinds):
        request = ProbeRequest(
            kind=kind,
            workspace=workspace,
            suite=suite,
            prompt=prompt,
            models=tuple(answering),
            begun=this_run.scheduled_start_time,
            keep=keep,
            limits=limits,
            budget_calls=budget_calls,
            budget_usd=budget_usd,
        )
        state = probe_prompt(request, places, return_state=True)
        if state.is_completed():
            done[kind.value] = state.result()
        else:
            problems.append(f"{kind.value}: {state.result(raise_on_failure=False)}")
    return _ending(done, problems)


def _ending(done: dict[str, ProbeDone], problems: list[str]) -> State[dict[str, ProbeReport]]:
    data = {kind: one.report for kind, one in done.items()}
    said = [f"{len(done)} of {count_of(len(done) + len(problems), 'probe')} done"]
    for kind, one in done.items():
        said += one.missed
        if one.missing or one.errors:
            said.append(
                f"{kind}: {count_of(one.missing, 'case')} not asked, {one.errors} without an answer "
                f"{one.stopped}"
            )
    message = ". ".join((*said, *problems)).strip()
    if not done:
        return Failed(message=message, data=data)
    whole = not problems and not any(one.missing or one.errors or one.missed for one in done.values())
    return Completed(name="Completed" if whole else "Degraded", message=message, data=data)
