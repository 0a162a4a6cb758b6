"""Slots for calls under way, shared by threads with event loops."""

from __future__ import annotations

import contextlib
import threading
from collections import deque

from flywheel.llm.ways import Waiter, Way


class Slots:
    """So many calls at once, whoever makes them; who waits longest is next.

    A semaphore of asyncio belongs to one loop, one of threading stops a loop;
    here each caller waits on its own way, in one queue.

    Args:
        most: at least 1.

    Examples:
        >>> from flywheel.llm.ways import HERE, run_here
        >>> slots = Slots(1)
        >>> run_here(slots.enter(0.0, HERE)), run_here(slots.enter(0.0, HERE))
        (True, False)
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._lock = threading.Lock()
        self._waiting: deque[Waiter] = deque()

    async def enter(self, within_s: float, way: Way) -> bool:
        """Whether a slot became free in time; then it must be left."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            waiter = Waiter()
            self._waiting.append(waiter)
        came = False
        try:
            came = await way.came(waiter, within_s)
        finally:
            if not came:
                self._withdraw(waiter)
        return came

    def leave(self) -> None:
        """Give the slot to the next one, or back."""
        with self._lock:
            while self._waiting:
                waiter = self._waiting.popleft()
                # False for one that gave up.
                if waiter.set_running_or_notify_cancel():
                    break
            else:
                self._free += 1
                return
        waiter.set_result(None)

    def _withdraw(self, waiter: Waiter) -> None:
        """Its turn may have come at the very moment it gave up."""
        if not waiter.cancel():
            self.leave()
            return
        with self._lock, contextlib.suppress(ValueError):
            self._waiting.remove(waiter)
