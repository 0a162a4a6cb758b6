"""Flow `learning-cycle`: six phases per prompt, as tasks.

Running it again over the same evidence does nothing twice: finished phases
are read from our store. It has no retries of its own; its tasks have.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from prefect.tasks import Task

from blocks.model import model_block
from blocks.strategy import strategy_of_block
from flows.command import run_command
from flows.form import (
    AlertsField,
    AlsoModelsField,
    CallsField,
    DryRunField,
    DueField,
    ModelField,
    ModelsField,
    MoreField,
    PromptsField,
    ReviewField,
    SeedField,
    StoreField,
    StrategyBlockField,
    StrategyField,
    SuiteField,
    TokensField,
    TriggerField,
    UsdField,
    WindowField,
    WorkspaceField,
)
from flows.waiting import Reviewed, outcomes_before_suspension, review_staged
from flywheel.cycle import CycleOutcome
from flywheel.learn.counting import count_of
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.due import Due, Trigger
from tasks.analyze import analyze
from tasks.apply import apply
from tasks.collect import collect
from tasks.generate import generate
from tasks.raise_alerts import check_channels, raise_cycle_alerts
from tasks.reading import judge_due, list_prompts
from tasks.track import track
from tasks.validate import validate
from tasks.wiring import Places

PHASES: tuple[Task[[Any, Places], Any], ...] = (collect, analyze, generate, validate, apply, track)
PROMPTS_AT_ONCE = 4
SHOWN_AT_MOST = 3
"""Prompts of which a message tells why they are not due."""


def run_name() -> str:
    """Name of this run: which prompts, whether dry."""
    asked = this_run.parameters
    return name_of(asked.get("prompts") or [], dry_run=bool(asked.get("dry_run")))


def name_of(prompts: Sequence[str], *, dry_run: bool) -> str:
    """Up to three prompts by name, more by number; none means all.

    Examples:
        >>> name_of(["triage"], dry_run=False), name_of([], dry_run=True)
        ('triage', 'all prompts (dry run)')
    """
    many = count_of(len(prompts), "prompt") if prompts else "all prompts"
    names = ", ".join(prompts) if 0 < len(prompts) <= 3 else many
    return f"{names} (dry run)" if dry_run else names


@flow(
    name="learning-cycle",
    description="One turn of the flywheel per prompt: collect, analyze, generate, validate, apply, track.",
    flow_run_name=run_name,
    persist_result=False,
)
def learning_cycle(  # noqa: PLR0913  a form: one field per parameter
    *,
    prompts: PromptsField = [],  # noqa: B006  read, never changed; a form needs a plain default
    suite: SuiteField = None,
    model: ModelField = None,
    also_models: AlsoModelsField = [],  # noqa: B006  read, never changed
    strategy: StrategyField = "balanced",
    strategy_block: StrategyBlockField = None,
    window_days: WindowField = 7,
    budget_calls: CallsField = None,
    budget_usd: UsdField = None,
    budget_tokens: TokensField = None,
    seed: SeedField = 0,
    dry_run: DryRunField = False,
    wait_for_review: ReviewField = False,
    only_if_due: DueField = False,
    trigger: TriggerField = "manual",
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
    models: ModelsField = "default",
    alerts: AlertsField = ["default"],  # noqa: B006  read, never changed; a form needs a plain default
    more: MoreField = {},  # noqa: B006  read, never changed
) -> State[tuple[CycleOutcome, ...]]:
    """One turn of the flywheel for each prompt; one that fails does not stop the rest.

    Args:
        prompts: names; empty takes every prompt of the workspace.
        suite: cases for live experiments; None compares recorded executions only.
        model: answers in live experiments; None takes the model block's, when a suite is named.
        also_models: a winner is run on each of these too, and must be shown not to be worse there.
        strategy: name of a preset of LearningStrategy.
        strategy_block: name of a Flywheel Strategy block, in place of the preset; None takes the preset.
        window_days: how far back; None takes everything stored.
        budget_calls: ceiling of model calls per prompt; None is no ceiling.
        budget_usd: ceiling of cost per prompt; None is no ceiling.
        budget_tokens: ceiling of tokens per prompt; None is no ceiling.
        seed: of every random draw.
        dry_run: everything but the release.
        wait_for_review: suspend this run with a form when a change is staged.
        only_if_due: leave out prompts for which their strategy sees no need of a cycle now.
        trigger: who asks for what is due; cycles started by failures or alerts say so themselves.
        workspace: where the prompts are.
        store: name of a Flywheel Store block.
        models: name of a Flywheel Chat Model block.
        alerts: names of Flywheel Alert Channel blocks; an alert is kept even where nobody is told.
        more: other fields of FeedbackLoopInput by name.

    Returns:
        Completed, or Completed as `Degraded` when something could not be done, or
        Failed when nothing could; the data is one outcome per prompt, in order.
    """
    places = Places(store=store, models=models)
    if suite is not None and model is None:
        model = model_block(models).model
    # A misspelt name is refused before anything runs.
    check_channels(alerts)
    own = strategy_of_block(strategy_block) if strategy_block else None
    shared: dict[str, Any] = {
        "workspace": workspace,
        "suite": suite,
        "model": model,
        **({"also_models": also_models} if also_models else {}),
        "strategy": own.name if own else strategy,
        "own_strategy": own,
        "time_window_days": window_days,
        "budget_calls": budget_calls,
        "budget_usd": budget_usd,
        "budget_tokens": budget_tokens,
        "seed": seed,
        "dry_run": dry_run,
        **more,
    }
    names = prompts or list_prompts(workspace, places)
    requests = [FeedbackLoopInput(prompt=name, **shared) for name in dict.fromkeys(names)]
    outcomes = outcomes_before_suspension(requests, places)
    if outcomes is None:
        judged = judge_due(requests, Trigger(trigger), places) if only_if_due else ()
        due = {one.prompt for one in judged if one.is_due}
        requests = [request for request in requests if request.prompt in due or not only_if_due]
        if judged and not requests:
            return Completed(name="Skipped", message=_not_due(judged), data=())
        outcomes = _turns(requests, places)
        raise_cycle_alerts(outcomes, alerts, places, return_state=True)
    return _ending(outcomes, review_staged(outcomes, places) if wait_for_review else Reviewed())


def _not_due(judged: Sequence[Due]) -> str:
    if len(judged) > SHOWN_AT_MOST:
        return f"none of {len(judged)} prompts is due"
    return ". ".join(f"{one.prompt} is not due: {one.because}" for one in judged)


def _turns(requests: Sequence[FeedbackLoopInput], places: Places) -> tuple[CycleOutcome, ...]:
    if len(requests) == 1:
        return (_turn(requests[0], places, PHASES),)
    # Prefect cannot stop a thread: with many prompts the model client's limits of time hold.
    untimed = tuple(phase.with_options(timeout_seconds=0) for phase in PHASES)
    with ThreadPoolExecutor(PROMPTS_AT_ONCE, thread_name_prefix="prompt") as pool:
        running = [pool.submit(copy_context().run, _turn, request, places, untimed) for request in requests]
        return tuple(turn.result() for turn in running)


def _turn(
    request: FeedbackLoopInput, places: Places, phases: Sequence[Task[[Any, Places], Any]]
) -> CycleOutcome:
    """The phases of one prompt in order; the first that fails ends its chain, nobody else's."""
    record: Any = request
    for phase in phases:
        state = phase(record, places, return_state=True)
        if not state.is_completed():
            error = state.result(raise_on_failure=False)
            return CycleOutcome(request, None, str(error) or repr(error))
        record = state.result()
    return CycleOutcome(request, record)


def _ending(outcomes: Sequence[CycleOutcome], reviewed: Reviewed) -> State[tuple[CycleOutcome, ...]]:
    failed = [f"{o.request.prompt}: {o.error}" for o in outcomes if o.output is None]
    partial = [
        f"{o.request.prompt}: {stage.phase.value} is incomplete, {stage.detail}"
        for o in outcomes
        if o.output is not None
        for stage in o.output.workflow_stages
        if stage.status == "degraded"
    ]
    applied = sum(o.output.improvements_applied for o in outcomes if o.output is not None)
    staged = sum(len(o.output.staged) for o in outcomes if o.output is not None)
    counts = [f"{len(outcomes) - len(failed)} of {count_of(len(outcomes), 'prompt')}", f"{applied} released"]
    counts += [f"{staged} staged"]
    counts += [f"{len(reviewed.approved)} approved"] if reviewed.approved else []
    counts += [f"{len(reviewed.rejected)} rejected by a person"] if reviewed.rejected else []
    message = ". ".join((", ".join(counts), *failed, *partial, *reviewed.undecided))
    if failed and len(failed) == len(outcomes):
        return Failed(message=message, data=tuple(outcomes))
    name = "Degraded" if failed or partial or reviewed.undecided else "Completed"
    return Completed(name=name, message=message, data=tuple(outcomes))


if __name__ == "__main__":
    raise SystemExit(run_command(learning_cycle))
