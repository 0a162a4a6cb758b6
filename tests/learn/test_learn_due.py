"""When new evidence is worth a cycle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.due import cycle_due
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.due import Due, SinceLastCycle, Trigger
from flywheel.records.strategy import LearningStrategy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST = FeedbackLoopInput(prompt="triage")


def since(**changes: object) -> SinceLastCycle:
    """Forty new executions, four of them failed, a day and more after the last cycle."""
    usual = {"control": "v1", "scored": 40, "live_scored": 40, "live_failed": 4}
    return SinceLastCycle.model_validate({**usual, "opened_at": NOW - timedelta(hours=25), **changes})


def judged(found: SinceLastCycle, occasion: Trigger = Trigger.MANUAL, **settings: object) -> Due:
    """What the balanced strategy says, with some settings of another value."""
    strategy = LearningStrategy.model_validate({**LearningStrategy().model_dump(), **settings})
    return cycle_due(REQUEST, found, strategy, NOW, occasion)


@pytest.mark.parametrize(
    ("found", "trigger", "said"),
    [
        (since(), Trigger.MANUAL, "40 scored executions since the last cycle, the last cycle started 25.0 h"),
        (since(opened_at=None), Trigger.MANUAL, "40 scored executions, no cycle yet"),
        (
            since(scored=19),
            None,
            "19 scored executions since the last cycle; strategy 'balanced' asks for 20",
        ),
        (since(opened_at=NOW - timedelta(hours=3)), None, "the next may start 24 h after it"),
        (
            since(opened_at=NOW - timedelta(hours=3), live_failed=13),
            Trigger.FAILURE_RATE,
            "13 of 40 new executions of the live version failed (32 %), more than 30 %",
        ),
        (since(opened_at=NOW - timedelta(hours=3), live_failed=12), None, "may start 24 h after it"),
        (since(opened_at=NOW - timedelta(hours=1), live_failed=40), None, "may start 2 h after it"),
        (
            since(opened_at=NOW - timedelta(hours=3), alerts=("triage: quality",)),
            Trigger.QUALITY_ALERT,
            "an alert is open: triage: quality",
        ),
        (since(alerts=("triage: quality",), scored=3), None, "3 scored executions"),
        (since(control=None), None, "no version is live, so there is nothing to beat"),
        (since(unfinished="ab12", scored=0), Trigger.MANUAL, "cycle ab12 was begun and not finished"),
        (since(live_scored=0, live_failed=0), Trigger.MANUAL, "40 scored executions"),
    ],
)
def test_what_is_due(found, trigger, said):
    """Enough new tests, then an alert or failures after the cooldown, else the interval, with numbers."""
    answer = judged(found)

    assert answer.trigger is trigger
    assert answer.is_due is (trigger is not None)
    assert said in answer.because


def test_who_asks_is_the_trigger():
    """A finished test run that makes a cycle due is its trigger, unless failures are."""
    assert judged(since(), Trigger.TEST_COMPLETION).trigger is Trigger.TEST_COMPLETION
    assert judged(since(live_failed=40), Trigger.TEST_COMPLETION).trigger is Trigger.FAILURE_RATE


def test_no_execution_has_no_failure_rate():
    """Without a scored execution of the live version the rate is unknown, not 0."""
    assert judged(since(live_scored=0, live_failed=0)).failure_rate is None
    assert judged(since(live_failed=0)).failure_rate == 0


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200), st.floats(0, 100))
def test_more_failures_never_make_a_cycle_less_due(scored, one, other, hours):
    """With everything else equal, more failures keep what is due due."""
    fewer, more = sorted((min(one, scored), min(other, scored)))
    opened = NOW - timedelta(hours=hours)

    first, second = (
        judged(since(scored=scored, live_scored=scored, live_failed=failed, opened_at=opened))
        for failed in (fewer, more)
    )

    assert second.is_due or not first.is_due
