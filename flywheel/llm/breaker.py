"""A circuit breaker: a model that keeps failing is left alone for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from flywheel.errors import ModelErrorKind, ModelUnavailable
from flywheel.records.provider import BreakerSettings

COUNTED = frozenset(
    {
        ModelErrorKind.AUTH,
        ModelErrorKind.NOT_FOUND,
        ModelErrorKind.RATE_LIMITED,
        ModelErrorKind.QUOTA,
        ModelErrorKind.SERVER,
        ModelErrorKind.TIMEOUT,
        ModelErrorKind.CONNECTION,
        ModelErrorKind.BAD_RESPONSE,
    }
)
"""Kinds that say something about the server; the others are about the one request."""


class Breaker:
    """Closed while calls come back; open after some failures in a row; then one call tries again.

    Args:
        name: of the model, for the message.
        settings: how many failures, how long.
        clock: seconds that only grow.

    Examples:
        >>> breaker = Breaker("m", BreakerSettings(failures=1), clock=lambda: 0.0)
        >>> breaker.enter()
        >>> breaker.failed(ModelErrorKind.SERVER)
        >>> breaker.state
        'open'
    """

    def __init__(
        self, name: str, settings: BreakerSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self.settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._cooldown_s = settings.cooldown_s
        self._opened_at: float | None = None
        self._trying = False

    @property
    def state(self) -> str:
        """`closed`, `open`, or `half-open` when the next call may try."""
        with self._lock:
            if self._opened_at is None:
                return "closed"
            return "open" if self._trying or self._left_s() > 0 else "half-open"

    def check(self) -> None:
        """Refuse a call while open; nothing is counted.

        Raises:
            ModelUnavailable: of kind circuit_open.
        """
        with self._lock:
            self._refuse()

    def enter(self) -> None:
        """Let a call through, or refuse it; what is let through must end in one of the three below.

        Raises:
            ModelUnavailable: of kind circuit_open.
        """
        with self._lock:
            self._refuse()
            self._trying = self._opened_at is not None

    def succeeded(self) -> None:
        """A call came back: closed, whatever was before."""
        with self._lock:
            self._failures, self._opened_at, self._trying = 0, None, False
            self._cooldown_s = self.settings.cooldown_s

    def failed(self, kind: ModelErrorKind) -> None:
        """A call failed; a kind that is about the request alone shows that the server is there."""
        if kind not in COUNTED:
            self.succeeded()
            return
        with self._lock:
            self._failures += 1
            if self._trying:
                self._cooldown_s = min(self._cooldown_s * 2.0, self.settings.longest_cooldown_s)
            if self._trying or self._failures >= self.settings.failures:
                self._opened_at, self._trying = self._clock(), False

    def abandoned(self) -> None:
        """A call that was let through was never sent."""
        with self._lock:
            self._trying = False

    def _left_s(self) -> float:
        return 0.0 if self._opened_at is None else self._opened_at + self._cooldown_s - self._clock()

    def _refuse(self) -> None:
        left = self._left_s()
        if self._opened_at is None or (left <= 0 and not self._trying):
            return
        detail = f"it failed {self._failures} times in a row and is left alone for {max(left, 0.0):.0f} s"
        raise ModelUnavailable(
            f"Model {self.name!r} is not asked: {detail}. Nothing was sent. Look at its errors with: "
            "flywheel models --spent, or name a fallback for it.",
            kind=ModelErrorKind.CIRCUIT_OPEN,
            wait_s=max(left, 0.0),
            detail=detail,
        )
