"""Whether new evidence is worth a cycle."""

from __future__ import annotations

from datetime import datetime, timedelta

from flywheel.learn.counting import count_of
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.due import Due, SinceLastCycle, Trigger
from flywheel.records.strategy import LearningStrategy

COOLDOWN_HOURS = 2.0
"""Least time between two cycles that a failure rate or an alert starts."""


def cycle_due(
    request: FeedbackLoopInput,
    since: SinceLastCycle,
    strategy: LearningStrategy,
    now: datetime,
    occasion: Trigger = Trigger.MANUAL,
    cooldown_hours: float = COOLDOWN_HOURS,
) -> Due:
    """Whether a cycle over a prompt should start.

    A cycle that a killed process left behind is always due. Otherwise nothing
    is without `min_tests_for_cycle` new scored executions and a live version.
    Then it is due when an alert on the prompt's quality is open, or when the
    live version fails more often than `max_failure_rate`, either at most once
    every `cooldown_hours`; else when `cycle_interval_hours` have passed.

    Args:
        request: names prompt and workspace.
        since: what came in after the last cycle.
        strategy: the limits.
        now: the time.
        occasion: what asks; the trigger where nothing in the evidence is more urgent.
        cooldown_hours: of the two urgent triggers.

    Returns:
        The trigger with its reason, or the reason why there is none.

    Examples:
        >>> from datetime import UTC
        >>> at = datetime(2026, 3, 1, tzinfo=UTC)
        >>> new = SinceLastCycle(control="v1", scored=40, live_scored=40, live_failed=14)
        >>> cycle_due(FeedbackLoopInput(prompt="triage"), new, LearningStrategy(), at).because
        '14 of 40 new executions of the live version failed (35 %), more than 30 %'
    """
    rate = since.live_failed / since.live_scored if since.live_scored else None

    def due(trigger: Trigger | None, because: str) -> Due:
        return Due(
            prompt=request.prompt,
            workspace=request.workspace,
            trigger=trigger,
            because=because,
            scored=since.scored,
            failure_rate=rate,
        )

    if since.unfinished is not None:
        return due(occasion, f"cycle {since.unfinished} was begun and not finished")
    if since.control is None:
        return due(None, "no version is live, so there is nothing to beat")
    if since.scored < strategy.min_tests_for_cycle:
        asked = f"strategy {strategy.name!r} asks for {strategy.min_tests_for_cycle}"
        return due(None, f"{_new(since)}; {asked}")
    urgent = _urgent(since, strategy, rate)
    if urgent is not None and _passed(since, now, cooldown_hours):
        return due(*urgent)
    if _passed(since, now, strategy.cycle_interval_hours):
        return due(occasion, f"{_new(since)}, {_ago(since, now)}")
    hours = cooldown_hours if urgent is not None else strategy.cycle_interval_hours
    return due(None, f"{_new(since)}, but {_ago(since, now)}; the next may start {hours:g} h after it")


def _urgent(
    since: SinceLastCycle, strategy: LearningStrategy, rate: float | None
) -> tuple[Trigger, str] | None:
    if since.alerts:
        more = f" and {len(since.alerts) - 1} more" if len(since.alerts) > 1 else ""
        return Trigger.QUALITY_ALERT, f"an alert is open: {since.alerts[0]}{more}"
    enough = since.live_scored >= strategy.min_tests_for_cycle
    if rate is not None and enough and rate > strategy.max_failure_rate:
        return Trigger.FAILURE_RATE, (
            f"{since.live_failed} of {since.live_scored} new executions of the live version failed "
            f"({rate:.0%}), more than {strategy.max_failure_rate:.0%}".replace("%", " %")
        )
    return None


def _passed(since: SinceLastCycle, now: datetime, hours: float) -> bool:
    return since.opened_at is None or now - since.opened_at >= timedelta(hours=hours)


def _new(since: SinceLastCycle) -> str:
    after = " since the last cycle" if since.opened_at is not None else ""
    return f"{count_of(since.scored, 'scored execution')}{after}"


def _ago(since: SinceLastCycle, now: datetime) -> str:
    if since.opened_at is None:
        return "no cycle yet"
    return f"the last cycle started {(now - since.opened_at).total_seconds() / 3600:.1f} h ago"
