"""A process that raises one alert, and may be killed on the way.

Arguments: ADDRESS FILE ID WHAT; WHAT is kept (killed before it sends), sent (killed while it sends) or race.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from flywheel.learn.alerting import admitted
from flywheel.records.alert import Alert
from flywheel.store.open import open_store
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.file_channel import FileChannel
from flywheel.watch.routes import Route


class LastWords:
    """A channel that delivers, then takes the process with it."""

    def __init__(self, path: str) -> None:
        self._file = FileChannel(Path(path))

    def send(self, alert: Alert) -> None:
        """Deliver and die."""
        self._file.send(alert)
        os.kill(os.getpid(), signal.SIGKILL)


def main(address: str, path: str, alert_id: str, what: str) -> None:
    """Raise an alert about one subject."""
    store = open_store(address)
    now = datetime.now(UTC)
    alert = Alert(alert_id=alert_id, severity="high", subject="triage: cycle", message="m", raised_at=now)
    channel = LastWords(path) if what == "sent" else FileChannel(Path(path))
    system = AutomatedAlertingSystem(store, (Route("log", channel),))
    if what == "kept":
        store.alerts.admit(
            alert, lambda a, known: admitted(a, known, system.settings, now), lambda _a: ["log"]
        )
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "race":
        print("ready", flush=True)
        sys.stdin.readline()
    system.raise_alerts([alert])


if __name__ == "__main__":
    main(*sys.argv[1:])
