"""Equal questions at the same time are asked once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flywheel.errors import ModelError, ModelErrorKind, ModelUnavailable
from flywheel.records.chat import ChatAnswer


@dataclass(slots=True)
class _Flight:
    done: threading.Event = field(default_factory=threading.Event)
    answer: ChatAnswer | None = None
    error: ModelError | None = None


class SingleFlight:
    """Calls by key; who comes while an equal one is under way gets its answer.

    Examples:
        >>> SingleFlight().call("k", lambda: ChatAnswer(text="hi", model="m"), 1.0)[1]
        False
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight] = {}

    def call(self, key: str, ask: Callable[[], ChatAnswer], within_s: float) -> tuple[ChatAnswer, bool]:
        """The answer, and whether it was another's.

        Args:
            key: equal for equal questions.
            ask: asks; called by the first only.
            within_s: how long to wait for another's call.

        Raises:
            ModelError: of the call, own or another's. Another's timeout is not shared: whoever has time
                left asks again.
        """
        ends = time.monotonic() + within_s
        while True:
            with self._lock:
                flight = self._flights.get(key)
                leads = flight is None
                if flight is None:
                    flight = self._flights[key] = _Flight()
            if leads:
                return self._lead(key, flight, ask), False
            if not flight.done.wait(max(0.0, ends - time.monotonic())):
                raise _too_late(within_s)
            if flight.answer is not None:
                return flight.answer, True
            error = flight.error
            if error is not None and error.kind is not ModelErrorKind.TIMEOUT:
                raise _copied(error) from error.__cause__
            if time.monotonic() >= ends:
                raise _too_late(within_s)

    def _lead(self, key: str, flight: _Flight, ask: Callable[[], ChatAnswer]) -> ChatAnswer:
        try:
            flight.answer = ask()
        except ModelError as error:
            flight.error = error
            raise
        else:
            return flight.answer
        finally:
            with self._lock:
                del self._flights[key]
            flight.done.set()


def _copied(error: ModelError) -> ModelError:
    """Two threads must not raise the same object: each would add its traceback to it."""
    return type(error)(str(error), kind=error.kind, wait_s=error.wait_s, detail=error.detail, hint=error.hint)


def _too_late(within_s: float) -> ModelUnavailable:
    detail = f"an equal call that was under way did not end within {within_s:.3g} s"
    return ModelUnavailable(
        f"The model gave no answer: {detail}. Nothing was kept. Raise deadline_s, or try again later.",
        kind=ModelErrorKind.TIMEOUT,
        detail=detail,
    )
