"""A warning that leaves the house."""

from __future__ import annotations

from enum import StrEnum

from flywheel.records.base import Count, Name, Record, UtcDatetime


class Severity(StrEnum):
    """How soon a person should look.

    Examples:
        >>> Severity.HIGH.rank > Severity.LOW.rank
        True
        >>> Severity.MEDIUM.risen.value, Severity.CRITICAL.risen.value
        ('high', 'critical')
    """

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info, up to 4 for critical."""
        return len(Severity) - 1 - list(Severity).index(self)

    @property
    def risen(self) -> Severity:
        """One severity higher; critical stays critical."""
        return list(Severity)[max(0, list(Severity).index(self) - 1)]


PROMPT_LENGTH = 100
"""Characters of a prompt's name that the subject of an alert on its quality holds."""


def quality_subject(prompt: str | None, words: str = "", about: str = "quality") -> str:
    """What an alert on the quality of a prompt, or of a part of its executions, is about.

    Args:
        prompt: None for executions that name none.
        words: which part, such as `in billing`.
        about: `quality`, or another measure that is watched.

    Examples:
        >>> quality_subject("triage", "in billing")
        'triage: quality in billing'
    """
    return f"{(prompt or 'no prompt')[:PROMPT_LENGTH]}: {about} {words}".rstrip()


def is_on_quality(subject: str, prompt: str) -> bool:
    """Whether an alert is on the quality of a prompt.

    Examples:
        >>> is_on_quality("triage: quality in billing", "triage"), is_on_quality("triage: review", "triage")
        (True, False)
    """
    whole = quality_subject(prompt)
    return subject == whole or subject.startswith(f"{whole} ")


class Alert(Record):
    """One warning about one subject; raised again while it is open, it stays one.

    Whoever raises one gives the first six fields. The others say what became
    of it, which the store keeps.

    Attributes:
        alert_id: of the event, so that the same event raised twice counts once.
        severity: now, after escalation.
        subject: what it is about; of one subject at most one alert is open.
        message: what happened, what it means, what to do next.
        raised_at: the first time.
        resolved_at: None while it is open; news (severity info) is never open.
        first_severity: highest it was raised with; None is severity.
        times: how often it was raised.
        last_raised_at: None where it was raised once.
        last_id: of the event that raised it last, None where there was one.
        told_at: when channels were last asked to tell it; None is never.
        told_severity: what they were asked to tell.
        told_times: how often.
        acknowledged_at: when a person took it on; it is not told again before it gets worse.
        acknowledged_by: who did.
    """

    alert_id: Name
    workspace: Name = "default"
    severity: Severity
    subject: Name
    message: str
    raised_at: UtcDatetime
    resolved_at: UtcDatetime | None = None
    first_severity: Severity | None = None
    times: Count = 1
    last_raised_at: UtcDatetime | None = None
    last_id: Name | None = None
    told_at: UtcDatetime | None = None
    told_severity: Severity | None = None
    told_times: Count = 0
    acknowledged_at: UtcDatetime | None = None
    acknowledged_by: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody resolved it yet."""
        return self.resolved_at is None


class NoticeState(StrEnum):
    """How far telling one alert through one channel is."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


class NoticeReason(StrEnum):
    """Why a channel is told."""

    RAISED = "raised"
    AGAIN = "again"
    RISEN = "risen"


class Notice(Record):
    """One alert for one channel.

    Attributes:
        number: of the notice in its store.
        severity: the alert had when it was to be told.
        tries: begun attempts; the most there may be, where another is not worth it.
        error: why it failed, or why nobody knows; empty otherwise.
        done_at: when it ended in its state, None while it has not.
    """

    number: Count
    workspace: Name
    alert_id: Name
    channel: Name
    reason: NoticeReason
    severity: Severity
    state: NoticeState
    created_at: UtcDatetime
    tries: Count = 0
    error: str = ""
    done_at: UtcDatetime | None = None
