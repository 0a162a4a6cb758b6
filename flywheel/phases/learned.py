"""Learned patterns brought up to date: found anew, kept, retired where they are found no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flywheel.learn.meta_learning import MetaLearner
from flywheel.ports import Store
from flywheel.records.learned import DecisionRule, LearnedPattern


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did.

    Attributes:
        judged: recommendations it rests on.
        patterns: found now.
        rules: what the proven ones advise.
        retired: patterns that were found before and are found no more.
    """

    judged: int
    patterns: tuple[LearnedPattern, ...]
    rules: tuple[DecisionRule, ...]
    retired: int


def refresh_patterns(store: Store, learner: MetaLearner, now: datetime) -> Refreshed:
    """Mine all judged recommendations of a workspace, keep what is found.

    Repeating it over the same recommendations finds the same; only the time
    they were last seen moves.

    Args:
        store: with recommendations; patterns are kept there.
        learner: what counts as a pattern, in which workspace.
        now: when they were seen.
    """
    judged = store.learned.judged(learner.workspace)
    patterns = learner.patterns(judged)
    retired = store.learned.keep_patterns(learner.workspace, patterns, now)
    return Refreshed(len(judged), patterns, learner.rules(patterns), retired)
