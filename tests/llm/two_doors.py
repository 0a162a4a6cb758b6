"""The two doors of a model, so that a test can go through both."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

both_doors = pytest.mark.parametrize("door", ["thread", "loop"])


def complete(model, request, door):
    """One answer through a door; the loop is one of its own."""
    if door == "thread":
        return model.complete(request)
    return asyncio.run(model.acomplete(request))


def pieces(model, request, door):
    """All pieces of an answer through a door."""
    if door == "thread":
        return list(model.stream(request))

    async def all_of_them():
        async with aclosing(model.astream(request)) as found:
            return [piece async for piece in found]

    return asyncio.run(all_of_them())


async def until(is_so):
    """Let the loop go on until something in another thread is so."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - what is waited for knows no loop
            await asyncio.sleep(0.001)


def wait_until(is_so):
    """The same for a test without a loop."""
    asyncio.run(until(is_so))
