"""Rows on their way from many callers to one worker: bounded, counted, never lost from sight."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from flywheel.capture.lines import Row
from flywheel.capture.record_rows import row_bytes


class RecordBuffer:
    """Rows that are not safe yet: those that wait and those in the worker's hands.

    Args:
        most: rows there may be at once.
        most_bytes: memory they may take, about.
        size_of: memory of one row.

    Examples:
        >>> buffer = RecordBuffer(most=2, most_bytes=10_000, size_of=len)
        >>> buffer.put(("r1",), 0), buffer.put(("r2",), 0), buffer.put(("r3",), 0)
        (True, True, False)
        >>> buffer.take(1, 0)
        [('r1',), ('r2',)]
        >>> buffer.put(("r3",), 0)
        False
        >>> buffer.done()
        >>> buffer.put(("r3",), 0)
        True
    """

    def __init__(self, most: int, most_bytes: int, size_of: Callable[[Row], int] = row_bytes) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self.size_of = size_of
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._emptied = threading.Condition(self._lock)
        self._waiting: list[Row] = []
        self._in_hand: list[Row] = []
        self._bytes = 0
        self._first_at = 0.0
        self._hurry = False
        self._hangs = False

    def put(self, row: Row, wait_s: float) -> bool:
        """Take in a row; False when there was no room for it within the time.

        Once somebody has waited in vain nobody waits again before the worker
        shows a sign of life, so a worker that hangs costs the callers one wait.
        """
        size = self.size_of(row)
        with self._lock:
            if self._is_full(size):
                patience = 0.0 if self._hangs else wait_s
                if not self._emptied.wait_for(lambda: not self._is_full(size), patience):
                    self._hangs = True
                    return False
            self._waiting.append(row)
            self._bytes += size
            if len(self._waiting) == 1:
                self._first_at = time.monotonic()
                self._filled.notify()
            elif 2 * len(self._waiting) >= self.most:
                self._filled.notify()
        return True

    def take(self, enough: int, within_s: float) -> list[Row]:
        """All rows that wait, once there are enough, the first waited so long, or somebody is in a hurry.

        They count as unsafe until `done`. With nothing there it gives nothing
        after the time.
        """
        with self._lock:
            if not self._waiting:
                self._filled.wait_for(lambda: bool(self._waiting) or self._hurry, within_s)
            if self._waiting:
                left = self._first_at + within_s - time.monotonic()
                self._filled.wait_for(lambda: len(self._waiting) >= enough or self._hurry, max(0.0, left))
            self._in_hand, self._waiting = self._waiting, []
            if not self._in_hand:
                self._hurry = False
            return self._in_hand

    def done(self) -> None:
        """The rows in hand are safe."""
        with self._lock:
            self._bytes -= sum(map(self.size_of, self._in_hand))
            self._in_hand = []
            self._hangs = False
            self._emptied.notify_all()

    def hurry(self) -> None:
        """Let the worker take what there is at once."""
        with self._lock:
            self._hurry = True
            self._filled.notify()

    def wait_empty(self, within_s: float) -> bool:
        """Whether everything was safe within the time."""
        with self._lock:
            self._hurry = True
            self._filled.notify()
            return self._emptied.wait_for(lambda: not self._waiting and not self._in_hand, within_s)

    def rescue(self) -> Sequence[Row]:
        """All rows that are not safe, taken out; those in hand may be stored all the same."""
        with self._lock:
            rows = [*self._in_hand, *self._waiting]
            self._in_hand, self._waiting, self._bytes = [], [], 0
            self._emptied.notify_all()
            return rows

    @property
    def presses(self) -> bool:
        """Whether half of the room is taken by rows that wait."""
        return 2 * len(self._waiting) >= self.most

    def _is_full(self, size: int) -> bool:
        count = len(self._waiting) + len(self._in_hand)
        return count >= self.most or (count > 0 and self._bytes + size > self.most_bytes)
