"""Alerts as lines on stderr."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from flywheel.records.alert import Alert, Severity

COLOURS = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}


@dataclass(frozen=True, slots=True)
class ConsoleChannel:
    """One line per alert: severity, subject, message.

    Examples:
        >>> from datetime import UTC, datetime
        >>> at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        >>> ConsoleChannel().send(
        ...     Alert(alert_id="a", severity="info", subject="p", message="m", raised_at=at)
        ... )
    """

    def send(self, alert: Alert) -> None:
        """Print one alert; nothing can fail here."""
        # Made now, because stderr may have been put elsewhere since.
        console = Console(stderr=True, highlight=False, emoji=False, markup=False)
        line = Text()
        line.append(alert.severity.value.upper(), style=COLOURS[alert.severity])
        line.append(f" {alert.subject}", style="bold")
        line.append(f": {alert.message}")
        if alert.times > 1:
            line.append(f" ({alert.times} times since {alert.raised_at:%Y-%m-%d %H:%M} UTC)", style="dim")
        console.print(line, soft_wrap=True)
