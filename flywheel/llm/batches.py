"""Many requests to one model, where one failure stays in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from flywheel.errors import BudgetSpent, InputError, ModelError
from flywheel.llm.ways import HERE, IN_LOOP, Way, run_here
from flywheel.ports import CappedModel, ChatModel
from flywheel.records.chat import ChatAnswer, ChatRequest


def complete_many(
    model: ChatModel, requests: Sequence[ChatRequest], at_once: int = 8
) -> list[ChatAnswer | ModelError]:
    """One answer or one error for each request, in their order.

    Args:
        model: a model that waits for a network is asked from several threads; any other one
            request after the other.
        requests: what is asked.
        at_once: most requests under way, at least 1; the limits of the provider hold besides.

    Returns:
        A ModelError stands in the place of an answer that there is none of. When the batch would cross a
        ceiling of spend, nothing is sent and BudgetSpent stands in every place.

    Raises:
        InputError: at_once is less than 1.

    Examples:
        >>> from flywheel.llm.scripted import ScriptedModel
        >>> from flywheel.records.chat import Message
        >>> model = ScriptedModel(lambda request: {"a": "A"}.get(request.messages[0].content))
        >>> asked = [ChatRequest(model="m", messages=(Message(role="user", content=c),)) for c in "ab"]
        >>> [type(found).__name__ for found in complete_many(model, asked)]
        ['ChatAnswer', 'ModelUnavailable']
    """
    workers = _workers(model, requests, at_once)
    refused = _refused(model, requests)
    if refused is not None:
        return [refused] * len(requests)
    if workers < 2:
        return [run_here(_one(model, request, HERE)) for request in requests]
    with ThreadPoolExecutor(workers, thread_name_prefix="flywheel-batch") as pool:
        return list(pool.map(lambda request: run_here(_one(model, request, HERE)), requests))


async def acomplete_many(
    model: ChatModel, requests: Sequence[ChatRequest], at_once: int = 8
) -> list[ChatAnswer | ModelError]:
    """As `complete_many`, from an event loop; cancelling it cancels what is under way.

    Args:
        model: as there; one without a door for loops is asked in threads.
        requests: what is asked.
        at_once: as there.

    Raises:
        InputError: at_once is less than 1.

    Examples:
        >>> from flywheel.llm.scripted import ScriptedModel
        >>> from flywheel.records.chat import Message
        >>> request = ChatRequest(model="m", messages=(Message(role="user", content="hi"),))
        >>> [found.text for found in asyncio.run(acomplete_many(ScriptedModel(lambda r: "ho"), [request]))]
        ['ho']
    """
    workers = _workers(model, requests, at_once)
    refused = await asyncio.to_thread(_refused, model, requests)
    if refused is not None:
        return [refused] * len(requests)
    found: dict[int, ChatAnswer | ModelError] = {}
    left = iter(enumerate(requests))

    async def work(left: Iterator[tuple[int, ChatRequest]]) -> None:
        for place, request in left:
            found[place] = await _one(model, request, IN_LOOP)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work(left))
    return [found[place] for place in range(len(requests))]


async def _one(model: ChatModel, request: ChatRequest, way: Way) -> ChatAnswer | ModelError:
    try:
        return await way.ask(model, request)
    except ModelError as error:
        return error


def _workers(model: ChatModel, requests: Sequence[ChatRequest], at_once: int) -> int:
    if at_once < 1:
        msg = f"at_once is {at_once!r}; need at least 1. Nothing was sent. Use 1 for single calls."
        raise InputError(msg)
    return min(at_once if getattr(model, "remote", False) else 1, len(requests))


def _refused(model: ChatModel, requests: Sequence[ChatRequest]) -> BudgetSpent | None:
    if isinstance(model, CappedModel):
        try:
            model.before_batch(requests)
        except BudgetSpent as error:
            return error
    return None
