"""Answers that take long to make, kept for some seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Kept:
    """Gives an answer again while it is young; of several who ask at once one makes it.

    Args:
        seconds: how old an answer may be; 0 makes each anew.
        clock: seconds that only grow.

    Examples:
        >>> kept = Kept(60.0)
        >>> kept.get("sum", lambda: 1), kept.get("sum", lambda: 2)
        (1, 1)
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._found: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer under a key, made when there is none that is young enough.

        What `make` raises is raised, and nothing is kept.
        """
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            found = self._found.get(key)
            if found is not None and self._clock() - found[0] < self._seconds:
                return cast("T", found[1])
            made = make()
            self._found[key] = (self._clock(), made)
            return made
