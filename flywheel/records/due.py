"""Whether a cycle is due, with what it was judged by."""

from __future__ import annotations

from enum import StrEnum

from flywheel.records.base import Count, Name, Record, Share, UtcDatetime


class Trigger(StrEnum):
    """What makes a cycle start."""

    TEST_COMPLETION = "test_completion"
    SCHEDULE = "schedule"
    FAILURE_RATE = "failure_rate"
    QUALITY_ALERT = "quality_alert"
    MANUAL = "manual"


OCCASIONS = (Trigger.MANUAL, Trigger.TEST_COMPLETION, Trigger.SCHEDULE)
"""Triggers that come from outside: somebody, or something, asks. The others are found in the evidence."""


class SinceLastCycle(Record):
    """What came in for a prompt after its last cycle.

    Attributes:
        control: the live version; None where nothing is live.
        scored: passed, failed, errored executions of all versions.
        live_scored: those of the live version.
        live_failed: those of the live version that failed or ended in an error.
        opened_at: start of the last cycle that was no dry run and did not fail; None where there was none.
        unfinished: id of a cycle that was begun and never ended.
        alerts: subjects of open alerts on the quality of the prompt, high or critical.
    """

    control: Name | None
    scored: Count
    live_scored: Count
    live_failed: Count
    opened_at: UtcDatetime | None = None
    unfinished: Name | None = None
    alerts: tuple[str, ...] = ()


class Due(Record):
    """Whether a cycle over a prompt is due.

    Attributes:
        trigger: what makes it due; None when it is not.
        because: one sentence with the numbers.
        scored: new scored executions.
        failure_rate: of the live version since the last cycle; None without a scored execution.
    """

    prompt: Name
    workspace: Name
    trigger: Trigger | None
    because: str
    scored: Count
    failure_rate: Share | None

    @property
    def is_due(self) -> bool:
        """Whether a cycle should start now."""
        return self.trigger is not None
