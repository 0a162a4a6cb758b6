"""An alert in words: one line, a message, JSON, the text a chat takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flywheel.records.alert import Alert

TITLE_LENGTH = 150
"""Characters of a title; some servers cut longer ones in the middle of a word."""


def title(alert: Alert) -> str:
    """Severity with subject, on one line.

    Examples:
        >>> from datetime import UTC, datetime
        >>> at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        >>> title(Alert(alert_id="a", severity="high", subject="triage: cycle", message="", raised_at=at))
        'HIGH triage: cycle'
    """
    subject = alert.subject.encode("utf-8", "replace").decode()
    line = " ".join(f"{alert.severity.value.upper()} {subject}".split())
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 3]}..."


def body(alert: Alert) -> str:
    """The message, since when, how often, where to look."""
    raised = f"Raised {alert.raised_at:%Y-%m-%d %H:%M} UTC in workspace {alert.workspace!r}"
    again = f", {alert.times} times since" if alert.times > 1 else ""
    lines = [alert.message, "", f"{raised}{again}."]
    if alert.alert_id:
        lines.append(f"See: flywheel alerts show {alert.alert_id}")
    return "\n".join(lines)


def fields(alert: Alert) -> dict[str, Any]:
    """What a program gets: the alert without what the house keeps about telling it."""
    kept = {"told_at", "told_severity", "told_times", "last_id"}
    return {"source": "flywheel", **alert.model_dump(mode="json", exclude=kept)}


def chat_text(alert: Alert) -> dict[str, str]:
    """The form of Slack, which others read too; its three signs for links are written out.

    Examples:
        >>> from datetime import UTC, datetime
        >>> at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        >>> alert = Alert(alert_id="a", severity="low", subject="p", message="85 < 90", raised_at=at)
        >>> chat_text(alert)["text"].splitlines()[:2]
        ['*LOW p*', '85 &lt; 90']
    """
    text = f"*{title(alert)}*\n{body(alert)}"
    return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}


def together(alerts: Sequence[Alert]) -> Alert:
    """One alert about several: the worst severity, a line for each."""
    if len(alerts) == 1:
        return alerts[0]
    worst = max(alerts, key=lambda alert: alert.severity.rank)
    lines = [f"{title(alert)}: {' '.join(alert.message.split())}" for alert in alerts]
    return Alert(
        alert_id=worst.alert_id,
        workspace=worst.workspace,
        severity=worst.severity,
        subject=f"{len(alerts)} alerts, the worst about {worst.subject}"[:300],
        message="\n".join(lines),
        raised_at=min(alert.raised_at for alert in alerts),
    )
