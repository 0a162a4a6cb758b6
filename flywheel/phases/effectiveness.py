"""Beliefs in models brought up to date: from the evidence, where it moved them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flywheel.learn.effectiveness import BeliefRules, Kept, model_beliefs, update_of
from flywheel.ports import Store
from flywheel.records.columns import NOT_EVIDENCE, Scope
from flywheel.records.model_belief import ModelBelief
from flywheel.records.strategy import LearningStrategy


@dataclass(frozen=True, slots=True)
class BeliefUpdate:
    """What an update of one prompt did.

    Attributes:
        found: beliefs from all evidence now.
        kept: what was written, what stays.
    """

    prompt: str | None
    found: tuple[ModelBelief, ...]
    kept: Kept


def believed_now(
    store: Store, workspace: str, prompt: str | None, rules: BeliefRules | None = None
) -> tuple[ModelBelief, ...]:
    """What the stored executions say of the models; nothing is written.

    Experiments and probes do not count: cases picked to break a prompt, or to
    compare two versions, say nothing of how often a model passes in use.

    Args:
        store: with executions.
        workspace: whose.
        prompt: whose executions; None takes all.
        rules: how evidence becomes belief.
    """
    scope = Scope(workspace=workspace, prompt=prompt, exclude_sources=NOT_EVIDENCE)
    return model_beliefs(store.executions.columns(scope), workspace, prompt, rules)


def update_beliefs(
    store: Store, workspace: str, prompt: str | None, strategy: LearningStrategy, now: datetime
) -> BeliefUpdate:
    """Keep the beliefs that moved by more than `model_update_threshold`.

    Repeating it over the same executions writes nothing.

    Args:
        store: with executions; beliefs are kept there.
        workspace: whose.
        prompt: whose executions; None takes all.
        strategy: its `model_update_threshold` counts.
        now: written beside what is kept.
    """
    found = believed_now(store, workspace, prompt)
    kept = update_of(store.learned.beliefs(workspace, prompt), found, strategy.model_update_threshold)
    store.learned.keep_beliefs(kept.moved, now)
    return BeliefUpdate(prompt, found, kept)
