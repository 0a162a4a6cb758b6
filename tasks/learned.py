"""What evidence teaches, as Prefect tasks: beliefs in models, patterns of recommendations."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import task
from prefect.logging import get_run_logger

from blocks.store import store_block
from flywheel.cli.drawing import UNKNOWN, amount, percent
from flywheel.cli.learned_page import where_of
from flywheel.learn.meta_learning import MetaLearner
from flywheel.phases.effectiveness import update_beliefs
from flywheel.phases.learned import Refreshed, refresh_patterns
from flywheel.records.base import Count, Name, Record, Share
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.learned import LearnedPattern, PredictionReport
from flywheel.records.model_belief import ModelBelief
from flywheel.records.strategy import LearningStrategy
from tasks.artifacts import Row, cells
from tasks.policy import POLICY, QUICK_S
from tasks.publishing import publish_table
from tasks.wiring import Places


class BeliefsDone(Record):
    """What became of the beliefs in the models of one prompt.

    Attributes:
        prompt: None is all prompts together.
        models: that executions name.
        moved: beliefs that were kept anew.
        unmoved: those that stay as they were kept.
        largest: move of those that stay; None when none stays.
    """

    prompt: Name | None
    models: Count
    moved: Count
    unmoved: Count
    largest: Share | None


class PatternsDone(Record):
    """What a refresh of patterns found.

    Attributes:
        judged: recommendations it rests on.
        proven, retired: patterns shown on later recommendations; found no more.
        patterns: all that is found.
    """

    judged: Count
    proven: Count
    retired: Count
    patterns: tuple[LearnedPattern, ...]


@task(
    name="update-beliefs",
    description="Keeps the beliefs in models that the evidence moved far enough.",
    task_run_name="beliefs of {prompt}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def update_model_beliefs(
    prompt: Name | None, workspace: Name, strategy: LearningStrategy, places: Places
) -> BeliefsDone:
    """Bring the beliefs of one prompt up to date; the table is an artifact.

    Args:
        prompt: whose executions; None takes all together.
        workspace: whose.
        strategy: its `model_update_threshold` counts.
        places: names of the blocks.
    """
    with store_block(places.store).open() as store:
        done = update_beliefs(store, workspace, prompt, strategy, datetime.now(UTC))
    named = prompt or "all prompts"
    publish_table(
        FeedbackLoopInput(prompt=named, workspace=workspace),
        "models",
        belief_rows(done.found, done.kept.moved),
        f"Expected pass rate of every model on {named}, with its credible interval.",
    )
    return BeliefsDone(
        prompt=prompt,
        models=len({one.model for one in done.found}),
        moved=len(done.kept.moved),
        unmoved=done.kept.unmoved,
        largest=None if done.kept.largest is None else min(1.0, done.kept.largest),
    )


@task(
    name="refresh-patterns",
    description="Mines judged recommendations; keeps what is found, retires what is found no more.",
    task_run_name="patterns of {workspace}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def refresh_learned_patterns(workspace: Name, places: Places) -> PatternsDone:
    """Find the patterns anew; patterns and rules are artifacts.

    Args:
        workspace: whose recommendations.
        places: names of the blocks.
    """
    with store_block(places.store).open() as store:
        done = refresh_patterns(store, MetaLearner(workspace=workspace), datetime.now(UTC))
    about = FeedbackLoopInput(prompt="recommendations", workspace=workspace)
    publish_table(about, "patterns", pattern_rows(done.patterns), "When recommendations succeed or fail.")
    publish_table(about, "rules", rule_rows(done), "What the proven patterns advise.")
    proven = len({one.pattern_key for one in done.patterns if one.tier.value == "proven"})
    return PatternsDone(judged=done.judged, proven=proven, retired=done.retired, patterns=done.patterns)


@task(
    name="foretell-outcomes",
    description="How well later outcomes are foretold from the earlier ones.",
    task_run_name="foretell in {workspace}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def foretell_outcomes(workspace: Name, places: Places) -> PredictionReport:
    """Measure the prediction on outcomes that took no part in the learning.

    Args:
        workspace: whose recommendations.
        places: names of the blocks.
    """
    with store_block(places.store).open() as store:
        report = MetaLearner(workspace=workspace).predict(store.learned.judged(workspace))
    get_run_logger().info(report.because)
    return report


def belief_rows(found: tuple[ModelBelief, ...], moved: tuple[ModelBelief, ...]) -> list[Row]:
    """Beliefs as rows of a table, the whole of each model before its slices.

    Args:
        found: from all evidence.
        moved: those that were kept anew.
    """
    anew = {(one.model, one.slice) for one in moved}
    ordered = sorted(found, key=lambda one: (one.model, one.slice or ""))
    rows: list[Row] = [
        {
            "model": one.model,
            "slice": one.slice or "all",
            "pass rate": percent(one.mean),
            "interval": f"{percent(one.low)} to {percent(one.high)}",
            "runs": one.outcomes,
            "USD": amount(one.cost_usd.mean, "", 4),
            "ms": amount(one.latency_ms.mean),
            "kept": "anew" if (one.model, one.slice) in anew else "as before",
        }
        for one in ordered
    ]
    return cells(rows)


def pattern_rows(patterns: tuple[LearnedPattern, ...]) -> list[Row]:
    """Patterns as rows of a table, the proven first.

    Args:
        patterns: of a workspace.
    """
    rows: list[Row] = [
        {
            "pattern": one.kind.value,
            "where": where_of(one.where),
            "tier": one.tier.value,
            "strength": one.strength.value,
            "succeed": percent(one.shrunk_rate),
            "interval": f"{percent(one.low)} to {percent(one.high)}",
            "n": one.judged,
            "frequency": percent(one.frequency),
            "lift": UNKNOWN if one.lift is None else f"{one.lift:.2f}",
            "q": f"{one.q_value:.3f}",
            "later": UNKNOWN if one.later_rate is None else f"{percent(one.later_rate)} of {one.later}",
        }
        for one in patterns
    ]
    return cells(rows)


def rule_rows(done: Refreshed) -> list[Row]:
    """Rules as rows of a table, the largest effect first.

    Args:
        done: what a refresh found.
    """
    rows: list[Row] = [
        {"rule": one.says, "acts": "alone" if one.acts_alone else "advises", "sure": percent(one.confidence)}
        for one in done.rules
    ]
    return cells(rows)
