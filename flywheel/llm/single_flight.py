"""Equal questions at the same time are asked once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from flywheel.errors import ModelError, ModelErrorKind, ModelUnavailable
from flywheel.llm.ways import Waiter, Way
from flywheel.records.chat import ChatAnswer


@dataclass(slots=True)
class _Flight:
    """A call under way.

    Attributes:
        loop: that runs it, None for a thread.
        task: of that loop; None where a thread makes the call itself.
        wanted_by: how many still want its answer; a thread that makes the call always does.
    """

    loop: asyncio.AbstractEventLoop | None
    task: asyncio.Task[None] | None = None
    wanted_by: int = 1
    waiting: list[Waiter] = field(default_factory=list)
    answer: ChatAnswer | None = None
    error: ModelError | None = None


class SingleFlight:
    """Calls by key; who comes while an equal one is under way gets its answer.

    Threads and tasks wait for each other, each on its own way. A task that is
    cancelled ends its own waiting only, also when it was the first: the call
    goes on in a task of its own until nobody wants its answer any more.

    Examples:
        >>> from flywheel.llm.ways import HERE, run_here
        >>> async def ask():
        ...     return ChatAnswer(text="hi", model="m")
        >>> run_here(SingleFlight().call("k", ask, 1.0, HERE))[1]
        False
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight] = {}

    async def call(
        self, key: str, ask: Callable[[], Awaitable[ChatAnswer]], within_s: float, way: Way
    ) -> tuple[ChatAnswer, bool]:
        """The answer, and whether it was another's.

        Args:
            key: equal for equal questions.
            ask: asks; called by the first only.
            within_s: how long to wait for another's call.
            way: how to wait.

        Raises:
            ModelError: of the call, own or another's. Another's timeout is not shared: whoever has time
                left asks again.
        """
        ends = time.monotonic() + within_s
        while True:
            flight, waiter = self._joined(key, way)
            if waiter is None:
                return await self._led(key, flight, ask, way), False
            if waiter not in flight.waiting:
                return await ask(), False
            if not await self._landed(key, flight, waiter, ends - time.monotonic(), way):
                raise _too_late(within_s)
            if flight.answer is not None:
                return flight.answer, True
            error = flight.error
            if error is not None and error.kind is not ModelErrorKind.TIMEOUT:
                raise _copied(error) from error.__cause__
            if time.monotonic() >= ends:
                raise _too_late(within_s)

    def _joined(self, key: str, way: Way) -> tuple[_Flight, Waiter | None]:
        """The call under way with what to wait for; a new one has nothing to wait for."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = _Flight(way.own_loop())
                return flight, None
            waiter = Waiter()
            # Unless the call under way needs the very loop that this thread would hold up.
            if not (way.blocks and _runs_here(flight.loop)):
                flight.waiting.append(waiter)
                flight.wanted_by += 1
            return flight, waiter

    async def _led(
        self, key: str, flight: _Flight, ask: Callable[[], Awaitable[ChatAnswer]], way: Way
    ) -> ChatAnswer:
        """The call itself; in a loop as a task of its own, so that it can go on when this one leaves."""
        if way.blocks:
            await self._fly(key, flight, ask)
        else:
            flight.task = asyncio.get_running_loop().create_task(self._fly(key, flight, ask))
            try:
                await asyncio.shield(flight.task)
            except asyncio.CancelledError:
                await self._leave(key, flight)
                raise
        if flight.error is not None:
            raise flight.error
        assert flight.answer is not None  # noqa: S101 - one of both is there when the call has ended
        return flight.answer

    async def _fly(self, key: str, flight: _Flight, ask: Callable[[], Awaitable[ChatAnswer]]) -> None:
        try:
            flight.answer = await ask()
        except ModelError as error:
            flight.error = error
        finally:
            with self._lock:
                self._forget(key, flight)
            for waiter in flight.waiting:
                # False for one that gave up.
                if waiter.set_running_or_notify_cancel():
                    waiter.set_result(None)

    async def _landed(self, key: str, flight: _Flight, waiter: Waiter, within_s: float, way: Way) -> bool:
        has_landed = False
        try:
            has_landed = await way.came(waiter, within_s)
        finally:
            waiter.cancel()
            if not has_landed:
                await self._leave(key, flight)
        return has_landed

    async def _leave(self, key: str, flight: _Flight) -> None:
        """Want the answer no longer; the last one ends the call, and waits for its end in its own loop."""
        with self._lock:
            flight.wanted_by -= 1
            task = None if flight.wanted_by else flight.task
            if task is not None:
                self._forget(key, flight)
        if task is None or flight.loop is None:
            return
        if _runs_here(flight.loop):
            task.cancel()
            await asyncio.wait([task])
        elif not flight.loop.is_closed():
            flight.loop.call_soon_threadsafe(task.cancel)

    def _forget(self, key: str, flight: _Flight) -> None:
        """Nobody joins it any more."""
        if self._flights.get(key) is flight:
            del self._flights[key]


def _runs_here(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Whether this thread runs that loop."""
    if loop is None:
        return False
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _copied(error: ModelError) -> ModelError:
    """Two callers must not raise the same object: each would add its traceback to it."""
    return type(error)(str(error), kind=error.kind, wait_s=error.wait_s, detail=error.detail, hint=error.hint)


def _too_late(within_s: float) -> ModelUnavailable:
    detail = f"an equal call that was under way did not end within {within_s:.3g} s"
    return ModelUnavailable(
        f"The model gave no answer: {detail}. Nothing was kept. Raise deadline_s, or try again later.",
        kind=ModelErrorKind.TIMEOUT,
        detail=detail,
    )
