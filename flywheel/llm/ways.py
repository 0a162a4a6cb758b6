"""Two ways to wait, so that what the layers around a model decide is written once.

A layer is a coroutine that takes the way on which it is asked and leaves to
the way whatever may wait. On the way `HERE` the calling thread waits and the
coroutine never suspends, so that a plain call runs it to its end; `IN_LOOP`
awaits, so that the event loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from concurrent.futures import Future
from typing import Any, ParamSpec, Protocol, TypeVar

from flywheel.ports import AsyncChatModel, ChatModel
from flywheel.records.chat import ChatAnswer, ChatPiece, ChatRequest

P = ParamSpec("P")
T = TypeVar("T")

Waiter = Future[None]
"""What a caller waits for until another thread, or another loop, says that it is its turn."""


class StreamingModel(AsyncChatModel, Protocol):
    """A model that can give its answer in pieces, by both doors."""

    def stream(self, request: ChatRequest) -> Generator[ChatPiece, None, None]:
        """Pieces of one answer; the last one carries it whole."""
        ...

    def astream(self, request: ChatRequest) -> AsyncGenerator[ChatPiece, None]:
        """The same, for an event loop."""
        ...


class Way(ABC):
    """How a layer waits for what takes time.

    Attributes:
        blocks: whether the thread itself may wait, for a store too.
    """

    blocks: bool

    @abstractmethod
    async def ask(self, model: ChatModel, request: ChatRequest) -> ChatAnswer:
        """The answer of the next model."""

    @abstractmethod
    def pieces(self, model: StreamingModel, request: ChatRequest) -> AsyncGenerator[ChatPiece, None]:
        """The answer of the next model in pieces; must be closed."""

    @abstractmethod
    async def pause(self, seconds: float) -> None:
        """Wait that long."""

    @abstractmethod
    async def aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of work that may wait for a disk or a network."""

    @abstractmethod
    async def came(self, waiter: Waiter, within_s: float) -> bool:
        """Whether the turn of a waiter came in time; the waiter is the caller's to withdraw."""

    @abstractmethod
    async def result(self, future: Future[T]) -> T:
        """What another thread found; raises what it met."""

    @abstractmethod
    def own_loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop whose task asks, None for a thread."""


class Here(Way):
    """The calling thread waits.

    Args:
        sleep: waits that many seconds.
    """

    blocks = True

    def __init__(self, sleep: Callable[[float], object] = time.sleep) -> None:
        self._sleep = sleep

    async def ask(self, model: ChatModel, request: ChatRequest) -> ChatAnswer:
        """By the blocking door."""
        return model.complete(request)

    async def pieces(self, model: StreamingModel, request: ChatRequest) -> AsyncGenerator[ChatPiece, None]:
        """By the blocking door."""
        with contextlib.closing(model.stream(request)) as pieces:
            for piece in pieces:
                yield piece

    async def pause(self, seconds: float) -> None:
        """Sleep."""
        self._sleep(seconds)

    async def aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """At once."""
        return work(*args, **kwargs)

    async def came(self, waiter: Waiter, within_s: float) -> bool:
        """Wait in the thread."""
        try:
            waiter.result(max(0.0, within_s))
        except TimeoutError:
            return False
        return True

    async def result(self, future: Future[T]) -> T:
        """Wait in the thread."""
        return future.result()

    def own_loop(self) -> asyncio.AbstractEventLoop | None:
        """None."""
        return None


class InLoop(Way):
    """The task waits, its event loop goes on.

    Args:
        sleep: gives what takes that many seconds.
    """

    blocks = False

    def __init__(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._sleep = sleep

    async def ask(self, model: ChatModel, request: ChatRequest) -> ChatAnswer:
        """By the door for loops; a model that has none is asked in a thread."""
        if hasattr(model, "acomplete"):
            answer: ChatAnswer = await model.acomplete(request)
            return answer
        return await asyncio.to_thread(model.complete, request)

    async def pieces(self, model: StreamingModel, request: ChatRequest) -> AsyncGenerator[ChatPiece, None]:
        """By the door for loops."""
        async with contextlib.aclosing(model.astream(request)) as pieces:
            async for piece in pieces:
                yield piece

    async def pause(self, seconds: float) -> None:
        """Sleep in the loop."""
        await self._sleep(seconds)

    async def aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """In a thread; a task that is cancelled does not wait for it."""
        return await asyncio.to_thread(work, *args, **kwargs)

    async def came(self, waiter: Waiter, within_s: float) -> bool:
        """Wait in the loop."""
        try:
            async with asyncio.timeout(within_s):
                await asyncio.wrap_future(waiter)
        except TimeoutError:
            return False
        return True

    async def result(self, future: Future[T]) -> T:
        """Wait in the loop."""
        return await asyncio.wrap_future(future)

    def own_loop(self) -> asyncio.AbstractEventLoop | None:
        """The running one."""
        return asyncio.get_running_loop()


HERE = Here()
IN_LOOP = InLoop()


class TwoDoors(ABC):
    """A layer around a model: one piece of work, a door for threads, a door for event loops."""

    @abstractmethod
    async def answer(self, request: ChatRequest, way: Way) -> ChatAnswer:
        """The work: one answer, waiting as the way says; raises ModelError when there is none."""

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """One answer; the calling thread waits for it.

        Raises:
            ModelError: there is none; `answer` says when.
        """
        return run_here(self.answer(request, HERE))

    async def acomplete(self, request: ChatRequest) -> ChatAnswer:
        """One answer; the event loop goes on meanwhile, and cancelling the task ends the call.

        Raises:
            ModelError: as for `complete`.
        """
        return await self.answer(request, IN_LOOP)


class StreamingDoors(TwoDoors):
    """A layer that gives its answer in pieces too."""

    @abstractmethod
    def pieces(self, request: ChatRequest, way: Way) -> AsyncGenerator[ChatPiece, None]:
        """The work: one answer in pieces, waiting as the way says."""

    def stream(self, request: ChatRequest) -> Generator[ChatPiece, None, None]:
        """One answer in pieces; the last one carries it whole.

        Raises:
            ModelError: as for `complete`; `partial_text` holds what came before it broke off.
        """
        return pieces_here(self.pieces(request, HERE))

    def astream(self, request: ChatRequest) -> AsyncGenerator[ChatPiece, None]:
        """One answer in pieces, for an event loop; close it when you stop early.

        Raises:
            ModelError: as for `stream`.
        """
        return self.pieces(request, IN_LOOP)


def run_here(work: Coroutine[Any, Any, T]) -> T:
    """The result of work on the way `HERE`, which never suspends.

    Raises:
        RuntimeError: it did; a mistake in the work.

    Examples:
        >>> waited = []
        >>> run_here(Here(waited.append).pause(0.5))
        >>> waited
        [0.5]
    """
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    msg = "work of a blocking call waited for an event loop; it was ended. Give it the way HERE."
    raise RuntimeError(msg)


def pieces_here(pieces: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """What work on the way `HERE` yields; stopping early closes it.

    Examples:
        >>> async def two():
        ...     yield 1
        ...     yield 2
        >>> list(pieces_here(two()))
        [1, 2]
    """
    try:
        while True:
            try:
                piece = run_here(pieces.__anext__())
            except StopAsyncIteration:
                return
            yield piece
    finally:
        run_here(pieces.aclose())
