"""A daemon thread that sends to LangSmith what was done, while it is done."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from flywheel.errors import ServiceError, ServiceRefused, ServiceUnavailable
from flywheel.llm.langsmith_arms import Arms
from flywheel.llm.langsmith_outbox import Outbox, Signs

PATIENCE_S: Final = 2.0
"""Longest wait in the end from one answer of the server to the next, whatever is done in between."""

LOADING_S: Final = 10.0
"""Longest wait in the end for the client of a server that is there, which takes a second to load."""

LONGEST_S: Final = 60.0
"""Longest wait in the end for a server that answers, one request after the other."""

LINGER_S: Final = 1.0
"""A run waits no longer than this for others to share its request."""

MOST_WAITING: Final = 20_000
"""Runs that wait in memory for a slow server; what comes then is dropped, counted."""

AGAIN_S: Final = 30.0
"""A server that did not answer is not asked for so long; what comes meanwhile is dropped, counted."""

_NO_KEY: Final = 401

_SILENT_SINCE: dict[str, float] = {}
"""Servers of this process that did not answer, so that each task of a flow does not wait for itself."""

Job = Callable[[Outbox, Arms], int]
"""Something to tell: adds runs to the outbox, or asks; gives how much of it was told without the outbox."""


@dataclass
class Sending:
    """Jobs one after the other, in the order they came.

    Attributes:
        outbox: what waits for a full request.
        arms: experiments that are under way.
        put_in: what was to be told: runs, changes of runs, releases, verdicts.
        because: why something was not told, the last reason.
    """

    outbox: Outbox
    arms: Arms = field(default_factory=Arms)
    put_in: int = 0
    because: str = ""
    _told: int = 0
    _jobs: deque[tuple[Job, int]] = field(default_factory=deque)
    _waiting: int = 0
    _closing: bool = False
    _looked: bool = False
    _ready_to_end: bool = False
    _change: threading.Condition = field(default_factory=threading.Condition)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def lost(self) -> int:
        """How much of what was put in the server did not take."""
        return self.put_in - self._told - self.outbox.taken

    def put(self, job: Job, much: int = 1) -> None:
        """Hand a job over; never waits.

        Args:
            job: done by the thread.
            much: how much it tells.
        """
        with self._change:
            self.put_in += much
            if self._waiting + much > MOST_WAITING:
                self.because = self.because or f"more than {MOST_WAITING:,} runs waited for it"
                return
            self._jobs.append((job, much))
            self._waiting += much
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="flywheel-langsmith", daemon=True)
                self._thread.start()
            self._change.notify()

    def close(self) -> None:
        """Wait until all is sent, or until nobody answers; then nothing more is sent."""
        with self._change:
            if self._thread is None:
                return
            self._closing = True
            self._change.notify()
        began = time.monotonic()
        while not self._ended.wait(0.02):
            until, is_loading = given_up_at(began, self.outbox.signs), self.outbox.signs.is_loading
            if time.monotonic() < until:
                continue
            # A daemon thread: it ends with the request it is in, or with the process.
            self.outbox.stop.set()
            if until < began + LONGEST_S and not is_loading:
                self._is_silent()
            awaited = "its client was not loaded" if is_loading else "no answer"
            self.because = self.because or f"{awaited} within {LOADING_S if is_loading else PATIENCE_S:.1f} s"
            break
        self.because = self.because or self.outbox.because

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None and not self.outbox.stop.is_set():
                self._do(job)
        finally:
            self._ended.set()

    def _next(self) -> Job | None:
        """The next job; one that sends what waits where no other comes; None at the end."""
        with self._change:
            if self._ready_to_end:
                return None
            self._change.wait_for(self._has_more, LINGER_S)
            if not self._jobs and not self._closing and self.outbox.is_empty and self.arms.is_empty:
                self._change.wait_for(self._has_more)
            if self._jobs:
                job, much = self._jobs.popleft()
                self._waiting -= much
                return job
            self._ready_to_end = self._closing
            return _close if self._closing else _hand_on

    def _has_more(self) -> bool:
        return bool(self._jobs) or self._closing

    def _do(self, job: Job) -> None:
        if not self._is_there():
            self._drop()
            return
        try:
            self._told += job(self.outbox, self.arms)
        except ServiceRefused as refused:
            self.because = _first(refused)
            if refused.status == _NO_KEY:
                self._is_silent()
        except ServiceUnavailable as silent:
            if not self.outbox.stop.is_set():
                self.because = _first(silent)
                self._is_silent()
        except (ValueError, TypeError, LookupError, AttributeError) as odd:
            # An answer of another shape than the published one: whoever gives it, the work goes on.
            self.because = f"it gave an answer that cannot be used ({type(odd).__name__}: {odd})"

    def _drop(self) -> None:
        self.arms.drop()
        self.outbox.drop()

    def _is_there(self) -> bool:
        """Whether the server answers, as far as is known; looked at once, then again after a silence."""
        address = self.outbox.access.base_url
        since = _SILENT_SINCE.get(address)
        if since is not None and time.monotonic() - since < AGAIN_S:
            self.because = self.because or f"it did not answer {time.monotonic() - since:.0f} s ago"
            return False
        if since is None and self._looked:
            return True
        try:
            self.outbox.look(PATIENCE_S)
        except ServiceError as error:
            self.because = _first(error)
            self._is_silent()
            return False
        self._looked = True
        _SILENT_SINCE.pop(address, None)
        return True

    def _is_silent(self) -> None:
        _SILENT_SINCE[self.outbox.access.base_url] = time.monotonic()


def given_up_at(began: float, signs: Signs) -> float:
    """The moment from which the end waits no longer: one deadline for all that is left to do.

    Only an answer of the server moves it. Work on our side does not: a machine that is busy would
    else add its own delays to the wait for a server that is dead.

    Args:
        began: when the closing began, by the monotonic clock.
        signs: of the server.

    Examples:
        >>> given_up_at(100.0, Signs()), given_up_at(100.0, Signs(heard_at=90.0))
        (102.0, 102.0)
        >>> given_up_at(100.0, Signs(heard_at=130.0)), given_up_at(100.0, Signs(heard_at=159.0))
        (132.0, 160.0)
        >>> given_up_at(100.0, Signs(heard_at=101.0, is_loading=True))
        110.0
    """
    if signs.is_loading:
        return began + LOADING_S
    return min(max(began, signs.heard_at) + PATIENCE_S, began + LONGEST_S)


def _hand_on(outbox: Outbox, arms: Arms) -> int:
    arms.hand_on(outbox)
    outbox.send()
    return 0


def _close(outbox: Outbox, arms: Arms) -> int:
    arms.close(outbox)
    outbox.send()
    return 0


def _first(error: ServiceError) -> str:
    """The first sentence of an error; the others are for those who asked."""
    return str(error).split(". ")[0].rstrip(".")
