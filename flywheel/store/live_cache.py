"""What an application reads while it works: from memory, renewed in the background, once waited for."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from flywheel.errors import FlywheelError
from flywheel.store.open import SqlStore, open_store

T = TypeVar("T")

RETRY_S: Final = 5.0
"""How long a store that did not answer is left alone."""

FAILURES: Final = (FlywheelError, SQLAlchemyError, OSError)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a value may be, how long its first reading is waited for, in seconds."""

    ttl_s: float
    first_wait_s: float


class Entry(Generic[T]):
    """The last known value of one thing, with the reading of it that may be under way.

    Attributes:
        value: None while nothing is known, or when there is nothing.
        known: whether the store ever answered.
        problem: what kept it from answering last; None when nothing did.
    """

    def __init__(self) -> None:
        self.value: T | None = None
        self.known = False
        self.problem: str | None = None
        self.read_at = float("-inf")
        self.tried_at = float("-inf")
        self.answered = threading.Event()
        self.reading = False
        self.waited = False


class LiveCache(Generic[T]):
    """Values of this process by key.

    Args:
        read: gives the value of a key from an open store.
        name: of the threads that read.
    """

    def __init__(self, read: Callable[[SqlStore, str, str], T | None], name: str) -> None:
        self._read_value = read
        self._name = name
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._entries: dict[Hashable, Entry[T]] = {}
        self._stores: dict[str, SqlStore] = {}

    def entry(self, source: SqlStore | str, workspace: str, name: str, fresh: Freshness) -> Entry[T]:
        """What is known of a name; the first time after the store answered or the wait is over."""
        self._notice_fork()
        with self._lock:
            # An open store is its own key: kept alive by it, so that no other store takes its place.
            entry = self._entries.setdefault((source, workspace, name), Entry())
            now = time.monotonic()
            is_due = now - entry.read_at > fresh.ttl_s and now - entry.tried_at > min(RETRY_S, fresh.ttl_s)
            if is_due and not entry.reading:
                entry.reading, entry.tried_at = True, now
                work = (entry, source, workspace, name)
                threading.Thread(target=self._renew, args=work, name=self._name, daemon=True).start()
        if not (entry.known or entry.waited):
            # Only once: a store that hangs costs an application one wait.
            entry.waited = not entry.answered.wait(fresh.first_wait_s)
        return entry

    def forget(self) -> None:
        """Know nothing, so that the next call reads the store."""
        self._notice_fork()
        with self._lock:
            self._entries.clear()
            self._stores.clear()

    def _renew(self, entry: Entry[T], source: SqlStore | str, workspace: str, name: str) -> None:
        try:
            value = self._read_value(self._opened(source), workspace, name)
        except FAILURES as error:
            entry.problem = str(error)
        else:
            entry.value = value
            entry.known, entry.problem, entry.read_at = True, None, time.monotonic()
        finally:
            entry.reading = False
            entry.answered.set()

    def _opened(self, source: SqlStore | str) -> SqlStore:
        if isinstance(source, SqlStore):
            return source
        if source not in self._stores:
            self._stores[source] = open_store(source, create=source == "sqlite://")
        return self._stores[source]

    def _notice_fork(self) -> None:
        """In a forked child no reading is under way; a thread of the parent may have held the lock."""
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), threading.Lock()
            for entry in self._entries.values():
                entry.reading, entry.answered = False, threading.Event()
