"""Calls of a model are told to LangSmith by whatever door they are made."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from chat_stub import Reply, chat_stub, completion, stream_body
from langsmith_stub import Stub
from two_doors import both_doors, complete, pieces, until

from flywheel.errors import ModelError
from flywheel.llm.batches import acomplete_many, complete_many
from flywheel.llm.gateway import Gateway
from flywheel.llm.langsmith_observer import LangSmithObserver
from flywheel.llm.observed_model import observed_models
from flywheel.llm.providers import merged
from flywheel.llm.registry import chat_model
from flywheel.records.chat import ChatRequest, Message


def request(text: str = "Who?", model: str = "main/m") -> ChatRequest:
    """One question."""
    return ChatRequest(model=model, messages=(Message(role="user", content=text),))


def remote(server: Any, observer: LangSmithObserver, **provider: Any) -> Any:
    """A model behind all layers, told of."""
    tables = {"providers": {"main": {"base_url": server.base_url, "max_tries": 1, **provider}}}
    return observed_models(Gateway(merged(tables, "test"), {}).model, observer)("main/m")


def told(stub: Stub, observer: LangSmithObserver) -> list[tuple[str | None, str | None]]:
    """Answer with error of each run that the server has, in order, once all is sent."""
    assert observer.close() is None
    runs = sorted(stub.state.runs.values(), key=lambda run: str(run["dotted_order"]))
    outputs = [run.get("outputs") or {} for run in runs]
    texts = [said.get("messages", [{}])[0].get("content") for said in outputs]
    return list(zip(texts, [run.get("error") for run in runs], strict=True))


@both_doors
def test_a_call_is_told_with_its_answer(door: str, stub: Stub, observer: LangSmithObserver) -> None:
    """One run for one call, from a thread as from a loop."""
    with chat_stub(Reply(completion())) as server:
        assert complete(remote(server, observer), request(), door).text == "dob"

    assert told(stub, observer) == [("dob", None)]


@both_doors
def test_a_failure_is_told_with_its_words(door: str, stub: Stub, observer: LangSmithObserver) -> None:
    """A call that gave no answer is a run with an error."""
    with chat_stub(Reply("gone", 404)) as server, pytest.raises(ModelError):
        complete(remote(server, observer), request(), door)

    ((text, error),) = told(stub, observer)
    assert text is None
    assert error is not None
    assert "404" in error


@both_doors
def test_every_call_of_a_batch_is_told(door: str, stub: Stub, observer: LangSmithObserver) -> None:
    """Five requests of a batch are five runs."""
    asked = [request(f"question {number}") for number in range(5)]
    with chat_stub(Reply(completion())) as server:
        model = remote(server, observer)
        by_door = {"thread": complete_many, "loop": lambda *batch: asyncio.run(acomplete_many(*batch))}
        assert len(by_door[door](model, asked)) == 5

    assert told(stub, observer) == [("dob", None)] * 5


@both_doors
def test_a_stream_is_told_once_with_its_whole_answer(
    door: str, stub: Stub, observer: LangSmithObserver
) -> None:
    """Pieces come as they come; the run has the whole text, also of a model that knows no pieces."""
    small = observed_models(chat_model, observer)("embedded-small")
    question = request("- dob\n- city\nQ: Which city?", "embedded-small")
    with chat_stub(Reply(stream_body("do", "b"))) as server:
        found = pieces(remote(server, observer), request(), door)
    (whole,) = pieces(small, question, door)

    assert [piece.text for piece in found] == ["do", "b", ""]
    assert told(stub, observer) == [("dob", None), (whole.text, None)]


@both_doors
def test_a_stream_that_breaks_is_told_as_a_failure(
    door: str, stub: Stub, observer: LangSmithObserver
) -> None:
    """What the consumer meets is what the server is told."""
    with chat_stub(Reply(stream_body("do", finish=None))) as server, pytest.raises(ModelError) as caught:
        pieces(remote(server, observer), request(), door)

    assert told(stub, observer) == [(None, str(caught.value))]


def test_who_leaves_is_told_of_too(stub: Stub, observer: LangSmithObserver) -> None:
    """A cancelled task, then streams closed early by both doors: three runs that say so."""
    hangs, drips = (
        Reply(completion("x" * 2000), drip_s=0.05),
        Reply(stream_body("do", "b" * 50_000), drip_s=0.002, at_once=300),
    )
    with chat_stub(hangs, drips, drips) as server:
        model = remote(server, observer)

        async def leave() -> None:
            task = asyncio.create_task(model.acomplete(request()))
            await until(lambda: server.requests)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            stream = model.astream(request("second"))
            await anext(stream)
            await stream.aclose()

        asyncio.run(leave())
        stream = model.stream(request("third"))
        next(stream)
        stream.close()

    assert [error for _, error in told(stub, observer)] == ["the caller left before the answer was there"] * 3
