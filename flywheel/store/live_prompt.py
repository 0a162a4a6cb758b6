"""The live text of a prompt for an application: cached, never waiting for a dead store twice."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from flywheel.errors import FlywheelError, StoreUnreachable, UnknownName
from flywheel.settings import read_settings
from flywheel.store.open import SqlStore, open_store

TTL_S: Final = 30.0
"""How old a text may be before it is read again, in the background."""

FIRST_WAIT_S: Final = 2.0
"""How long the first call for a prompt waits for the store."""

RETRY_S: Final = 5.0
"""How long a store that did not answer is left alone."""

_FAILURES: Final = (FlywheelError, SQLAlchemyError, OSError)


@dataclass(frozen=True, slots=True)
class LivePromptSettings:
    """Where live texts come from, and how fresh they are.

    Attributes:
        store: address of the store, or an open one; None reads the environment.
        workspace: of the prompt; None reads the environment.
        ttl_s: seconds after which a text is read again, in the background.
        first_wait_s: seconds the first call for a prompt waits for the store.
    """

    store: SqlStore | str | None = None
    workspace: str | None = None
    ttl_s: float = TTL_S
    first_wait_s: float = FIRST_WAIT_S


class _Entry:
    """One prompt: its last known text, and the reading of it that may be under way."""

    def __init__(self) -> None:
        self.text: str | None = None
        self.known = False
        self.problem: str | None = None
        self.read_at = float("-inf")
        self.tried_at = float("-inf")
        self.answered = threading.Event()
        self.reading = False
        self.waited = False


class _Cache:
    """What this process knows."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.entries: dict[tuple[object, str, str], _Entry] = {}
        self.stores: dict[str, SqlStore] = {}

    def notice_fork(self) -> None:
        """In a forked child no reading is under way; a thread of the parent may have held the lock."""
        if self.pid != os.getpid():
            self.pid, self.lock = os.getpid(), threading.Lock()
            for entry in self.entries.values():
                entry.reading, entry.answered = False, threading.Event()


_CACHE: Final = _Cache()


def get_prompt(
    name: str,
    key: str | None = None,  # noqa: ARG001 - decides once a release can be shared
    default: str | None = None,
    *,
    settings: LivePromptSettings | None = None,
) -> str:
    """The text of the live version of a prompt.

    The first call reads the store; later ones answer from memory, and once the
    text is older than the TTL one of them has it read anew in the background.
    When the store is away the last known text is served, or the default.

    Args:
        name: of the prompt.
        key: whom the text is for, such as a user id; the same key always gets
            the same version while a release is shared between two. As long as
            one version is live for everybody it changes nothing.
        default: served when no text was ever known.
        settings: store, workspace, times.

    Raises:
        UnknownName: nothing is live under the name, and there is no default.
        StoreUnreachable: the store did not answer in time, no text was ever
            known, and there is no default.

    Examples:
        >>> get_prompt("triage", default="Route: {question}", settings=LivePromptSettings(store="sqlite://"))
        'Route: {question}'
    """
    wanted = settings or LivePromptSettings()
    entry = _refreshed(name, wanted)
    if entry.text is not None:
        return entry.text
    if default is not None:
        return default
    if entry.known:
        msg = (
            f"Nothing is live for prompt {name!r}. Nothing was changed. Make a version live with: "
            f"flywheel prompt add {name} FILE --live, or give get_prompt a default."
        )
        raise UnknownName(msg)
    why = entry.problem or "the store did not answer in time."
    msg = (
        f"The live text of prompt {name!r} is not known: {why} "
        "Give get_prompt a default to go on without the store."
    )
    raise StoreUnreachable(msg)


def forget_live_prompts() -> None:
    """Empty the cache, so that the next call reads the store."""
    _CACHE.notice_fork()
    with _CACHE.lock:
        _CACHE.entries.clear()
        _CACHE.stores.clear()


def _refreshed(name: str, wanted: LivePromptSettings) -> _Entry:
    """The entry of a prompt; the first time after the store answered or the wait is over."""
    _CACHE.notice_fork()
    found = read_settings(wanted.store if isinstance(wanted.store, str) else None)
    workspace = wanted.workspace or found.workspace
    source = wanted.store if isinstance(wanted.store, SqlStore) else found.database_url
    where = source if isinstance(source, str) else id(source)
    with _CACHE.lock:
        entry = _CACHE.entries.setdefault((where, workspace, name), _Entry())
        now = time.monotonic()
        is_due = now - entry.read_at > wanted.ttl_s and now - entry.tried_at > min(RETRY_S, wanted.ttl_s)
        if is_due and not entry.reading:
            entry.reading, entry.tried_at = True, now
            work = (entry, source, workspace, name)
            threading.Thread(target=_read, args=work, name="flywheel-get-prompt", daemon=True).start()
    if not (entry.known or entry.waited):
        # Only once: a store that hangs costs an application one wait.
        entry.waited = not entry.answered.wait(wanted.first_wait_s)
    return entry


def _read(entry: _Entry, source: SqlStore | str, workspace: str, name: str) -> None:
    try:
        store = _opened(source)
        live = store.releases.live(workspace, name)
        version = store.prompts.get(workspace, name, live.version) if live is not None else None
    except _FAILURES as error:
        entry.problem = str(error)
    else:
        entry.text = version.text if version is not None else None
        entry.known, entry.problem, entry.read_at = True, None, time.monotonic()
    finally:
        entry.reading = False
        entry.answered.set()


def _opened(source: SqlStore | str) -> SqlStore:
    if isinstance(source, SqlStore):
        return source
    if source not in _CACHE.stores:
        _CACHE.stores[source] = open_store(source, create=source == "sqlite://")
    return _CACHE.stores[source]
