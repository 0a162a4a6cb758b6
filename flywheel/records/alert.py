"""A warning that leaves the house."""

from __future__ import annotations

from enum import StrEnum

from flywheel.records.base import Name, Record, UtcDatetime


class Severity(StrEnum):
    """How soon a person should look."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Alert(Record):
    """One warning about one subject."""

    alert_id: Name
    workspace: Name = "default"
    severity: Severity
    subject: str
    message: str
    raised_at: UtcDatetime
    resolved_at: UtcDatetime | None = None
