"""What tests of alerts are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flywheel.records.alert import Alert

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class HandClock:
    """A clock that is set by hand."""

    at: datetime = NOON

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.at

    def later(self, minutes: float) -> None:
        """Set it forward."""
        self.at += timedelta(minutes=minutes)


def alert(
    alert_id: str = "a1", severity: str = "high", subject: str = "triage: cycle", **more: object
) -> Alert:
    """One alert of noon."""
    fields = {"message": "it failed", "raised_at": NOON, **more}
    return Alert(alert_id=alert_id, severity=severity, subject=subject, **fields)


def lines_of(path: Path) -> list[dict[str, object]]:
    """What a file channel wrote."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@dataclass
class Posts:
    """What a web server was sent, and what it answers."""

    status: int = 200
    url: str = ""
    bodies: list[dict[str, object]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
