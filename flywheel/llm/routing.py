"""Failing over: the next model is asked where the one before it cannot answer."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from flywheel.errors import ModelError, ModelErrorKind
from flywheel.llm.ways import StreamingDoors, StreamingModel, Way
from flywheel.ports import ChatModel
from flywheel.records.chat import ChatAnswer, ChatPiece, ChatRequest

OWN_FAULT = frozenset({ModelErrorKind.BAD_REQUEST, ModelErrorKind.CONTENT_FILTER, ModelErrorKind.BUDGET})
"""Kinds another model would not cure: the request itself is at fault, or nothing more may be spent."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One model on the way.

    Attributes:
        name: by which it is known here.
        model: with its tries.
        once: without tries, for streams.
    """

    name: str
    model: ChatModel
    once: StreamingModel


class WholeAnswers(StreamingDoors):
    """A model whose answers come in one piece, where pieces are asked for."""

    def __init__(self, model: ChatModel) -> None:
        self.model = model

    @property
    def remote(self) -> bool:
        """As the model behind it."""
        return self.model.remote

    async def answer(self, request: ChatRequest, way: Way) -> ChatAnswer:
        """As the model behind it."""
        return await way.ask(self.model, request)

    async def pieces(self, request: ChatRequest, way: Way) -> AsyncGenerator[ChatPiece, None]:
        """One piece with the whole answer."""
        answer = await way.ask(self.model, request)
        yield ChatPiece(text=answer.text, answer=answer)


class Route(StreamingDoors):
    """Models in the order they are asked.

    While others follow, a model gets its equal share of the time that is left,
    so that one that hangs does not use it up.

    Args:
        stops: at least one.
        deadline_s: of a request that has none.

    Examples:
        >>> from flywheel.llm.scripted import ScriptedModel
        >>> from flywheel.records.chat import Message
        >>> dead, alive = ScriptedModel(lambda r: None), ScriptedModel(lambda r: "hi")
        >>> route = Route([Stop("a", dead, None), Stop("b", alive, None)], 10.0)
        >>> route.complete(ChatRequest(model="a", messages=(Message(role="user", content="?"),))).text
        'hi'
    """

    def __init__(self, stops: Sequence[Stop], deadline_s: float) -> None:
        self.stops = tuple(stops)
        self.deadline_s = deadline_s

    @property
    def remote(self) -> bool:
        """Whether any of the models is."""
        return any(stop.model.remote for stop in self.stops)

    async def answer(self, request: ChatRequest, way: Way) -> ChatAnswer:
        """The first answer.

        Raises:
            ModelError: of the last model, naming what the others said; or of the first whose kind no
                other model would cure.
        """
        ends = time.monotonic() + (request.deadline_s or self.deadline_s)
        said: list[ModelError] = []
        for number, stop in enumerate(self.stops):
            share = max(1e-3, (ends - time.monotonic()) / (len(self.stops) - number))
            asked = request.model_copy(update={"deadline_s": share, "model": stop.name})
            try:
                return await way.ask(stop.model, asked)
            except ModelError as error:
                said.append(error)
                if error.kind in OWN_FAULT:
                    break
        raise _all_failed(said) from said[-1].__cause__

    async def pieces(self, request: ChatRequest, way: Way) -> AsyncGenerator[ChatPiece, None]:
        """The first answer in pieces; once a piece came, no other model is asked.

        Raises:
            ModelError: as for `answer`; `partial_text` holds what came.
        """
        ends = time.monotonic() + (request.deadline_s or self.deadline_s)
        said: list[ModelError] = []
        for number, stop in enumerate(self.stops):
            share = max(1e-3, (ends - time.monotonic()) / (len(self.stops) - number))
            asked = request.model_copy(update={"deadline_s": share, "model": stop.name})
            try:
                async with aclosing(way.pieces(stop.once, asked)) as pieces:
                    async for piece in pieces:
                        yield piece
            except ModelError as error:
                said.append(error)
                if error.kind in OWN_FAULT or error.partial_text:
                    break
            else:
                return
        raise _all_failed(said) from said[-1].__cause__


def _all_failed(said: Sequence[ModelError]) -> ModelError:
    last = said[-1]
    if len(said) == 1:
        return last
    before = " ".join(f"Before: {error}" for error in said[:-1])
    return type(last)(
        f"{last} {before}",
        kind=last.kind,
        wait_s=last.wait_s,
        detail=last.detail,
        hint=last.hint,
        partial_text=last.partial_text,
    )
