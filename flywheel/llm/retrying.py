"""Another try of a model that may answer later, inside one deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from flywheel.errors import ModelError, ModelErrorKind
from flywheel.llm.openai_failures import PASSING
from flywheel.llm.ways import TwoDoors, Way
from flywheel.ports import ChatModel
from flywheel.records.chat import ChatAnswer, ChatRequest

MALFORMED_TRIES = 2
"""A malformed answer is asked for once more; a second one is the server's habit."""

_JITTER = random.SystemRandom().random


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a model is waited for.

    Attributes:
        max_tries: attempts for one answer, at least 1.
        deadline_s: longest time for one answer with all its tries, unless the request says otherwise.
        longest_wait_s: a server that asks to wait longer is not waited for; None waits up to the deadline.
        breaker_wait_s: a breaker that is open for no longer than this is waited for; such a wait is no try.
        first_backoff_s, longest_backoff_s: the waiting time is drawn between 0 and a limit that doubles.
    """

    max_tries: int = 4
    deadline_s: float = 180.0
    longest_wait_s: float | None = None
    breaker_wait_s: float = 0.0
    first_backoff_s: float = 0.5
    longest_backoff_s: float = 8.0


class Retrying(TwoDoors):
    """A model that is asked again while that may help and time is left.

    Args:
        model: tries once.
        patience: how often, how long.
        draw: a number in [0, 1) for the jitter of the waiting time.

    Examples:
        >>> from flywheel.llm.scripted import ScriptedModel
        >>> from flywheel.records.chat import Message
        >>> model = Retrying(ScriptedModel(lambda request: "hi"), Patience(max_tries=2))
        >>> model.complete(ChatRequest(model="m", messages=(Message(role="user", content="?"),))).text
        'hi'
    """

    def __init__(
        self,
        model: ChatModel,
        patience: Patience,
        draw: Callable[[], float] = _JITTER,
    ) -> None:
        self.model = model
        self.patience = patience
        self._draw = draw

    @property
    def remote(self) -> bool:
        """As the model behind it."""
        return self.model.remote

    async def answer(self, request: ChatRequest, way: Way) -> ChatAnswer:
        """One answer; `deadline_s` of the request covers all tries with the waiting between them.

        Raises:
            ModelError: of the last try; the message says how many there were.
        """
        ends = time.monotonic() + (request.deadline_s or self.patience.deadline_s)
        tries = 0
        while True:
            tries += 1
            left = max(1e-3, ends - time.monotonic())
            try:
                return await way.ask(self.model, request.model_copy(update={"deadline_s": left}))
            except ModelError as error:
                if error.kind is ModelErrorKind.CIRCUIT_OPEN:
                    tries -= 1
                wait_s = self._wait_s(error, tries)
                if wait_s is None or time.monotonic() + wait_s >= ends:
                    if tries < 2:
                        raise
                    raise after(error, tries) from error.__cause__
                await way.pause(wait_s)

    def _wait_s(self, error: ModelError, tries: int) -> float | None:
        """Seconds until the next try, or None when there is none."""
        if error.kind is ModelErrorKind.CIRCUIT_OPEN:
            left = error.wait_s or 0.0
            return left + self._backoff_s(1) if left < self.patience.breaker_wait_s else None
        limit = MALFORMED_TRIES if error.kind is ModelErrorKind.BAD_RESPONSE else self.patience.max_tries
        again = error.kind in PASSING or error.kind is ModelErrorKind.BAD_RESPONSE
        if not again or tries >= limit:
            return None
        longest = self.patience.longest_wait_s
        asked = error.wait_s or 0.0
        if longest is not None and asked > longest:
            return None
        return max(self._backoff_s(tries), asked)

    def _backoff_s(self, tries: int) -> float:
        """Full jitter, so that many callers do not come back together.

        References:
            Brooker (2015), Exponential backoff and jitter, AWS Architecture Blog.
        """
        grown = self.patience.first_backoff_s * 2.0 ** (tries - 1)
        return self._draw() * min(self.patience.longest_backoff_s, grown)


def after(error: ModelError, tries: int) -> ModelError:
    """The same error, saying how many tries there were."""
    return type(error)(
        f"{error} It was tried {tries} times.",
        kind=error.kind,
        wait_s=error.wait_s,
        detail=error.detail,
        hint=error.hint,
        partial_text=error.partial_text,
    )
