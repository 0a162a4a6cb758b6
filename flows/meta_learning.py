"""Flow `meta-learning`: what executions teach of models, what outcomes teach of recommendations.

A run again over the same evidence keeps nothing anew.
"""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed, Failed
from pydantic import Field

from flows.form import PromptsField, StoreField, Strategy, WorkspaceField
from flywheel.learn.counting import count_of
from flywheel.records.base import Record
from flywheel.records.learned import PredictionReport
from flywheel.records.strategy import PRESETS
from tasks.learned import (
    BeliefsDone,
    PatternsDone,
    foretell_outcomes,
    refresh_learned_patterns,
    update_model_beliefs,
)
from tasks.reading import list_prompts
from tasks.wiring import Places


class Learned(Record):
    """What a run learned.

    Attributes:
        beliefs: one for each prompt, then one for all together.
        patterns: of recommendations; None where that failed.
        prediction: how well outcomes are foretold; None where that failed.
    """

    beliefs: tuple[BeliefsDone, ...]
    patterns: PatternsDone | None
    prediction: PredictionReport | None


@flow(
    name="meta-learning",
    description="Beliefs in models, patterns of recommendations, how well outcomes are foretold.",
    flow_run_name="learn in {workspace}",
    persist_result=False,
)
def meta_learning(
    *,
    prompts: PromptsField = [],  # noqa: B006  read, never changed; a form needs a plain default
    strategy: Annotated[
        Strategy, Field(title="Strategy", description="its model_update_threshold says what is kept anew")
    ] = "balanced",
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
) -> State[Learned]:
    """Learn from everything that is stored; one prompt that fails does not stop the rest.

    Args:
        prompts: names; empty takes every prompt of the workspace.
        strategy: a preset.
        workspace: whose evidence.
        store: name of a Flywheel Store block.

    Returns:
        Completed, or Completed as `Degraded` when a part could not be learned, or Failed when nothing could.
    """
    places = Places(store=store)
    names: list[str | None] = [*dict.fromkeys(prompts or list_prompts(workspace, places)), None]
    problems: list[str] = []
    beliefs = []
    for name in names:
        state = update_model_beliefs(name, workspace, PRESETS[strategy], places, return_state=True)
        if state.is_completed():
            beliefs.append(state.result())
        else:
            problems.append(f"{name or 'all prompts'}: {state.result(raise_on_failure=False)}")
    mined = refresh_learned_patterns(workspace, places, return_state=True)
    foretold = foretell_outcomes(workspace, places, return_state=True)
    if not mined.is_completed():
        problems.append(f"patterns: {mined.result(raise_on_failure=False)}")
    if not foretold.is_completed():
        problems.append(f"prediction: {foretold.result(raise_on_failure=False)}")
    done = Learned(
        beliefs=tuple(beliefs),
        patterns=mined.result() if mined.is_completed() else None,
        prediction=foretold.result() if foretold.is_completed() else None,
    )
    message = ". ".join((*_told(done), *problems))
    if not beliefs and done.patterns is None:
        return Failed(message=message, data=done)
    return Completed(name="Degraded" if problems else "Completed", message=message, data=done)


def _told(done: Learned) -> list[str]:
    moved = sum(one.moved for one in done.beliefs)
    said = [f"{count_of(moved, 'belief')} kept anew, {sum(one.unmoved for one in done.beliefs)} as before"]
    if done.patterns is not None:
        found = count_of(len(done.patterns.patterns), "pattern")
        said.append(f"{found}, {done.patterns.proven} proven, {done.patterns.retired} retired")
    if done.prediction is not None:
        said.append(done.prediction.because.removesuffix("."))
    return said
