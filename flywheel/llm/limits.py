"""How fast a provider may be asked: token buckets over requests as well as over tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from flywheel.errors import ModelErrorKind, ModelUnavailable
from flywheel.llm.slots import Slots
from flywheel.llm.ways import Way
from flywheel.records.chat import ChatRequest

BURST_S = 10.0
"""A bucket holds what flows in during this time, so that a first batch starts at once."""

CHARS_PER_TOKEN = 4
USUAL_OUTPUT_TOKENS = 256
"""Taken for a request that says no limit, until the answer tells."""


class TokenBucket:
    """An amount that flows in evenly and is taken before a call; it may go into debt.

    Whoever takes more than is there waits until the debt is paid, so that
    callers get through in their order and a large call is not starved.

    Args:
        per_minute: what flows in, more than 0.
        clock: seconds that only grow.

    References:
        Turner (1986), New directions in communications, IEEE Communications
        Magazine 24(10):8-15 (leaky bucket).

    Examples:
        >>> bucket = TokenBucket(60, clock=lambda: 0.0)
        >>> bucket.take(10), bucket.take(2)
        (0.0, 2.0)
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = per_minute / 60.0
        self.most = max(1.0, self.rate * BURST_S)
        self._clock = clock
        self._lock = threading.Lock()
        self._level = self.most
        self._seen = clock()

    def take(self, amount: float) -> float:
        """Take an amount; gives the seconds to wait before it may be used."""
        with self._lock:
            now = self._clock()
            self._level = min(self.most, self._level + (now - self._seen) * self.rate)
            self._seen = now
            self._level -= amount
            return max(0.0, -self._level / self.rate)

    def give_back(self, amount: float) -> None:
        """Put back what was not used; a negative amount takes what was used beyond."""
        with self._lock:
            self._level = min(self.most, self._level + amount)


class Limits:
    """The limits of one provider: both buckets, and how many calls may be under way.

    Args:
        name: of the provider, for the message.
        requests_per_minute, tokens_per_minute: None is no limit.
        concurrency: most calls at once.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        name: str,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        concurrency: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._requests = TokenBucket(requests_per_minute, clock) if requests_per_minute else None
        self._tokens = TokenBucket(tokens_per_minute, clock) if tokens_per_minute else None
        self._slots = Slots(concurrency)

    async def enter(self, tokens: int, within_s: float, way: Way) -> None:
        """Wait for a turn; must be followed by `leave`.

        Args:
            tokens: the call is expected to take.
            within_s: longest wait.
            way: how to wait.

        Raises:
            ModelUnavailable: of kind rate_limited; the turn would come too late, nothing was taken.
        """
        ends = time.monotonic() + within_s
        if not await self._slots.enter(within_s, way):
            raise self._too_late("all its calls at once are under way", within_s)
        wait_s = max(
            self._requests.take(1) if self._requests else 0.0,
            self._tokens.take(tokens) if self._tokens else 0.0,
        )
        if wait_s <= 0:
            return
        has_turn = False
        try:
            if wait_s > ends - time.monotonic():
                raise self._too_late(f"its turn would come in {wait_s:.1f} s", within_s, wait_s)
            await way.pause(wait_s)
            has_turn = True
        finally:
            # Also for a task that is cancelled while it waits.
            if not has_turn:
                self._give_back(1, tokens)
                self._slots.leave()

    def leave(self, expected_tokens: int, used_tokens: int | None) -> None:
        """End a turn; what was used corrects what was expected, an unknown use leaves it."""
        if used_tokens is not None and self._tokens:
            self._tokens.give_back(expected_tokens - used_tokens)
        self._slots.leave()

    def _give_back(self, requests: float, tokens: float) -> None:
        if self._requests:
            self._requests.give_back(requests)
        if self._tokens:
            self._tokens.give_back(tokens)

    def _too_late(self, why: str, within_s: float, wait_s: float | None = None) -> ModelUnavailable:
        detail = f"{why}, {within_s:.1f} s are left"
        return ModelUnavailable(
            f"Provider {self.name!r} is not asked: {detail}. Nothing was sent. Raise its limits in the "
            "models file if the account has higher ones, or raise deadline_s.",
            kind=ModelErrorKind.RATE_LIMITED,
            wait_s=wait_s,
            detail=detail,
        )


def expected_tokens(request: ChatRequest) -> int:
    """Tokens a request is expected to take, four characters each, its answer included.

    Examples:
        >>> from flywheel.records.chat import Message
        >>> request = ChatRequest(model="m", messages=(Message(role="user", content="x" * 40),))
        >>> expected_tokens(request)
        266
    """
    chars = sum(len(message.content) for message in request.messages)
    return chars // CHARS_PER_TOKEN + (request.max_output_tokens or USUAL_OUTPUT_TOKENS)
