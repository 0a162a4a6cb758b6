"""One client per event loop, closed before its loop is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What holds connections of the loop it was made in."""

    async def aclose(self) -> None:
        """Give them back; must run in that loop."""
        ...


C = TypeVar("C", bound=Closable)


@dataclass(frozen=True, slots=True)
class _Seat(Generic[C]):
    client: C
    keeper: AsyncGenerator[None, None]


class PerLoop(Generic[C]):
    """Clients by the loop that uses them; a loop never sees another's connections.

    Each client is held by an asynchronous generator of its loop. Loops close
    their generators before they end (`asyncio.run`, `asyncio.Runner`), and when
    nobody holds one any more, so that clients are closed in their own loop, by
    whomever they are dropped. Of a loop that was closed without that, the
    client is forgotten when the next one is made, and its sockets go with it.

    Args:
        make: gives a client; called in the loop it is for.
    """

    def __init__(self, make: Callable[[], C]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._seats: dict[asyncio.AbstractEventLoop, _Seat[C]] = {}

    async def here(self) -> C:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        seat = self._seats.get(loop)
        if seat is None:
            client = self._make()
            keeper = self._held(loop, client)
            # This lets the loop know of the generator, and waits for nothing.
            await anext(keeper)
            seat = _Seat(client, keeper)
            with self._lock:
                # Weak keys would keep every loop: connections refer to theirs.
                closed = [other for other in self._seats if other.is_closed()]
                for other in closed:
                    del self._seats[other]
                self._seats[loop] = seat
        return seat.client

    async def aclose(self) -> None:
        """Close the client of the running loop, drop all others."""
        seat = self._seats.get(asyncio.get_running_loop())
        if seat is not None:
            await seat.keeper.aclose()
        self.drop()

    def drop(self) -> None:
        """Forget all clients; each loop that is open closes its own."""
        with self._lock:
            self._seats.clear()

    async def _held(self, loop: asyncio.AbstractEventLoop, client: C) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            with self._lock:
                seat = self._seats.get(loop)
                if seat is not None and seat.client is client:
                    del self._seats[loop]
            await client.aclose()
