"""What failure patterns taught: how many there are, how soon they are answered, how often they return."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.learn.value_delivery import HOUR_S
from flywheel.learn.value_loop import Improvement, LoopWindow
from flywheel.records.value import ValueMetric, ValuePart
from flywheel.records.value_evidence import PastPattern
from flywheel.stats.proportions import Counts, Interval, wilson
from flywheel.stats.rates import poisson_rate, poisson_rate_ratio
from flywheel.stats.survival import median_time

CONFIRMED = 3
"""Failures from which a pattern is more than an accident."""

Key = tuple[str, str]
"""Prompt with the key of a pattern."""


@dataclass(frozen=True, slots=True)
class PatternTimes:
    """Patterns of a window by their first sight.

    Attributes:
        first: cycle that saw a pattern first, by key.
        seen: all sights of it, oldest first.
        answered: improvement that was released from it first, by key.
    """

    first: dict[Key, str]
    seen: dict[Key, list[PastPattern]]
    answered: dict[Key, Improvement]


def pattern_times(window: LoopWindow, patterns: Sequence[PastPattern]) -> PatternTimes:
    """Which cycle saw each pattern first, and which release answers it.

    Args:
        window: of the loop.
        patterns: as its cycles saw them, oldest first.
    """
    seen: dict[Key, list[PastPattern]] = {}
    for sight in patterns:
        seen.setdefault((sight.prompt, sight.pattern_key), []).append(sight)
    first = {key: sights[0].cycle_id for key, sights in seen.items()}
    answered: dict[Key, Improvement] = {}
    for one in window.improvements:
        insights = one.output.insights if one.output else ()
        for insight in insights:
            if one.event.version in insight.proposals:
                for key in insight.patterns:
                    answered.setdefault((one.event.prompt, key), one)
    return PatternTimes(first, seen, answered)


def insight_rate(window: LoopWindow, times: PatternTimes, executions: int) -> ValueMetric:
    """New patterns that were confirmed, for every 100 executions.

    Args:
        window: of the loop.
        times: of the patterns.
        executions: scored, of the window.
    """
    confirmed = [
        key
        for key, sights in times.seen.items()
        if max(one.count for one in sights) >= CONFIRMED or key in times.answered
    ]
    found = poisson_rate(len(confirmed), executions / 100)
    unknown = "" if window.cycles and executions else window.because or "no execution was scored"
    return ValueMetric(
        name="insight_generation_rate",
        title="insights",
        unit="in 100 executions",
        value=None if unknown else found.estimate,
        low=None if unknown else found.low,
        high=None if unknown else found.high,
        of=executions,
        over="scored executions",
        formula=f"failure patterns seen {CONFIRMED} times, or answered by a release / executions x 100",
        because=unknown,
    )


def discovery_rate(window: LoopWindow, times: PatternTimes, patterns: Sequence[PastPattern]) -> ValueMetric:
    """Patterns that were found in 30 days, with the share of failures whose pattern nobody has seen.

    By Good and Turing, the chance that the next failure is of a kind not yet
    seen is the share of failures that are alone of their kind.

    Args:
        window: of the loop.
        times: of the patterns.
        patterns: as the cycles of the window saw them, oldest first.

    References:
        Good (1953), Biometrika 40:237-264.
    """
    newest: dict[str, str] = {one.prompt: one.cycle_id for one in patterns}
    last = [one for one in patterns if newest[one.prompt] == one.cycle_id and one.count]
    failures = sum(_failures([one for one in last if one.prompt == name]) for name in newest)
    alone = sum(one.count == 1 for one in last) + max(0, failures - sum(one.count for one in last))
    unseen = wilson(Counts(min(alone, failures), failures))
    found = poisson_rate(len(times.first), window.days / 30)
    unknown = bool(window.because)
    return ValueMetric(
        name="pattern_discovery_rate",
        title="failure patterns found",
        unit="in 30 days",
        value=None if unknown else found.estimate,
        low=None if unknown else found.low,
        high=None if unknown else found.high,
        of=len(times.first),
        over="failure patterns of the window",
        formula="distinct failure patterns x 30 / days of the window",
        because=window.because,
        parts=(
            ValuePart(
                name="chance that the next failure is of a kind not seen yet (Good-Turing)",
                value=unseen.estimate,
                low=unseen.low,
                high=unseen.high,
                because="" if failures else "the last analyses saw no failure",
            ),
        ),
    )


def fewer_failures(window: LoopWindow, times: PatternTimes) -> ValueMetric:
    """How much rarer the failures are that a release was to answer.

    Before is the last analysis up to the release, after the first one of the
    released version; executions of two versions are never the same.

    Args:
        window: of the loop.
        times: of the patterns.
    """
    before = after = answered = 0
    exposure = [0.0, 0.0]
    outputs = {one.cycle_id: one for one in window.outputs}
    later = {(o.prompt, o.control): o for o in reversed(window.outputs) if o.control}
    for key, one in times.answered.items():
        old = outputs.get(one.event.cycle_id or "")
        new = later.get((one.event.prompt, one.event.version))
        if old is None or new is None or not old.feedback_collected or not new.feedback_collected:
            continue
        counts = {sight.cycle_id: sight.count for sight in times.seen.get(key, ())}
        if old.cycle_id not in counts:
            continue
        answered += 1
        before, after = before + counts[old.cycle_id], after + counts.get(new.cycle_id, 0)
        exposure[0] += old.feedback_collected
        exposure[1] += new.feedback_collected
    ratio = poisson_rate_ratio(after, exposure[1], before, exposure[0])
    return ValueMetric(
        name="reduced_similar_failures",
        title="similar failures reduced",
        unit="share",
        value=_less(ratio.estimate),
        low=_less(ratio.high),
        high=_less(ratio.low),
        of=answered,
        over="patterns with an analysis before and after the release that answers them",
        formula="1 - failures per execution after / before the release",
        because="" if ratio.estimate is not None else "no released improvement was analyzed again",
        parts=(
            ValuePart(name="failures before", value=float(before) if answered else None),
            ValuePart(name="failures after", value=float(after) if answered else None),
        ),
    )


def time_to_improvement(window: LoopWindow, times: PatternTimes) -> ValueMetric:
    """How long a pattern waits until a release answers it; what still waits is not dropped.

    Args:
        window: of the loop.
        times: of the patterns.
    """
    opened = {one.cycle_id: one.opened_at for one in window.cycles}
    hours, happened = [], []
    for key, cycle in times.first.items():
        one = times.answered.get(key)
        end = one.event.created_at if one else window.end
        hours.append(max(0.0, (end - opened[cycle]).total_seconds() / HOUR_S))
        happened.append(one is not None)
    found: Interval = median_time(hours, happened)
    return ValueMetric(
        name="time_to_improvement",
        title="time to improvement",
        unit="hours",
        value=found.estimate,
        low=found.low,
        high=found.high,
        of=len(hours),
        over=f"failure patterns, of which {sum(happened):,} are answered",
        formula="median time from the first sight of a pattern to a release that answers it (Kaplan-Meier)",
        because=found.because if hours else window.because or "no failure pattern was found",
    )


def _failures(patterns: Sequence[PastPattern]) -> int:
    """All failures of an analysis, of which each pattern has its share."""
    largest = max(patterns, key=lambda one: one.count, default=None)
    if largest is None or not largest.share:
        return 0
    return max(math.floor(largest.count / largest.share + 0.5), sum(one.count for one in patterns))


def _less(ratio: float | None) -> float | None:
    return None if ratio is None else 1 - ratio
