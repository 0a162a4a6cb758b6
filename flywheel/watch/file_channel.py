"""Alerts as JSON lines in a file."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flywheel.errors import ServiceUnavailable
from flywheel.records.alert import Alert
from flywheel.watch.wording import fields


@dataclass(frozen=True, slots=True)
class FileChannel:
    """Appends one line per alert, for its own user to read alone.

    A line is written at once, under a lock that processes share, and is on the
    disk before `send` ends. A line that a crash cut off is ended, so that the
    next one is whole.

    Attributes:
        path: of the file; its folder is made.
        most_bytes: size from which it is renamed to `PATH.1`, that to `PATH.2`, ...
        keep: such older files.

    Examples:
        >>> import tempfile
        >>> from datetime import UTC, datetime
        >>> path = Path(tempfile.mkdtemp()) / "alerts.jsonl"
        >>> at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        >>> FileChannel(path).send(
        ...     Alert(alert_id="a", severity="low", subject="p", message="m", raised_at=at)
        ... )
        >>> json.loads(path.read_text())["subject"]
        'p'
    """

    path: Path
    most_bytes: int = 10_000_000
    keep: int = 5

    def send(self, alert: Alert) -> None:
        """Append one line.

        Raises:
            ServiceUnavailable: the file cannot be written.
        """
        line = json.dumps(fields(alert), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked():
                self._make_room(len(line))
                self._append(line)
        except OSError as error:
            msg = (
                f"The alerts file {str(self.path)!r} cannot be written: {error.strerror}. The alert is kept. "
                "Give the channel another path, or make room."
            )
            raise ServiceUnavailable(msg) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _make_room(self, size: int) -> None:
        if not self.path.exists() or self.path.stat().st_size + size <= self.most_bytes:
            return
        if self.keep == 0:
            self.path.unlink()
            return
        for number in range(self.keep - 1, 0, -1):
            older = Path(f"{self.path}.{number}")
            if older.exists():
                older.replace(f"{self.path}.{number + 1}")
        self.path.replace(f"{self.path}.1")

    def _append(self, line: bytes) -> None:
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            end = os.lseek(file, 0, os.SEEK_END)
            if end and os.pread(file, 1, end - 1) != b"\n":
                line = b"\n" + line
            while line:
                line = line[os.write(file, line) :]
            os.fsync(file)
        finally:
            os.close(file)
