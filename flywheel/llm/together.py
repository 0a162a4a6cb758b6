"""Work of many callers that is done in one piece."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from flywheel.errors import StoreError
from flywheel.llm.ways import Way

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Items that come while others are worked on are worked on together, next.

    A thread that finds nobody at work does the work itself, for itself with all
    who came meanwhile. Who comes while it works waits, and a thread of its own
    does the next piece; so it does whenever a task of an event loop comes
    first, which may not block.

    Args:
        work: gives a result for each item, in their order; called by one thread at a time.

    Examples:
        >>> from flywheel.llm.ways import HERE, run_here
        >>> run_here(Together(lambda words: [word.upper() for word in words]).done("hi", HERE))
        'HI'
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R]]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._waiting: list[tuple[T, Future[R]]] = []
        self._is_at_work = False
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="flywheel-together")

    async def done(self, item: T, way: Way) -> R:
        """The result for an item; a caller that gives up takes neither it nor the others along.

        Raises:
            StoreError: the work failed, for all items of its piece.
        """
        result: Future[R] = Future()
        with self._lock:
            self._waiting.append((item, result))
            is_first, self._is_at_work = not self._is_at_work, True
        if is_first and way.blocks:
            self._do()
        elif is_first:
            self._beside.submit(self._do)
        return await way.result(result)

    def _do(self) -> None:
        """One piece of work; what came meanwhile is left to the thread beside."""
        with self._lock:
            piece, self._waiting = self._waiting, []
        # Whoever gave up before now waits for no result; its item is worked on all the same.
        results = [result if result.set_running_or_notify_cancel() else Future[R]() for _, result in piece]
        try:
            found = self._work([item for item, _ in piece])
        except BaseException as error:
            for result in results:
                # Each its own object: whoever raises one adds a traceback to it.
                result.set_exception(copy.copy(error))
            if not isinstance(error, StoreError):
                raise
        else:
            for result, one in zip(results, found, strict=True):
                result.set_result(one)
        finally:
            with self._lock:
                self._is_at_work = bool(self._waiting)
            if self._is_at_work:
                self._beside.submit(self._do)
