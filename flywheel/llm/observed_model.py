"""Models whose calls are told to an observer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from flywheel.errors import ModelError
from flywheel.llm.routing import WholeAnswers
from flywheel.llm.ways import StreamingDoors, StreamingModel, Way
from flywheel.ports import CappedModel, ChatModel, CycleObserver, ObservedCall
from flywheel.records.chat import ChatAnswer, ChatPiece, ChatRequest

LEFT = "the caller left before the answer was there"
"""Told of a task that is cancelled, or of a stream that is closed early."""


@dataclass(slots=True)
class _Call:
    answer: ChatAnswer | None = None
    error: str = LEFT
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class ObservedModel(StreamingDoors):
    """Answers as another model does, by both doors and in pieces, then tells an observer, behind it.

    Args:
        model: answers; one that knows no pieces gives its answer in one.
        observer: told of answers with errors, of each call once.
    """

    def __init__(self, model: ChatModel, observer: CycleObserver) -> None:
        self._model = model
        self._observer = observer

    @property
    def remote(self) -> bool:
        """Whether calls wait for a network."""
        return self._model.remote

    async def answer(self, request: ChatRequest, way: Way) -> ChatAnswer:
        """One answer.

        Raises:
            ModelError: there is none; the observer was told of it.
        """
        with self._told(request) as call:
            call.answer = await way.ask(self._model, request)
        return call.answer

    async def pieces(self, request: ChatRequest, way: Way) -> AsyncGenerator[ChatPiece, None]:
        """One answer in pieces; told when the last one was there.

        Raises:
            ModelError: as for `answer`.
        """
        known = hasattr(self._model, "astream")
        model = cast("StreamingModel", self._model) if known else WholeAnswers(self._model)
        with self._told(request) as call:
            async with aclosing(way.pieces(model, request)) as pieces:
                async for piece in pieces:
                    call.answer = piece.answer or call.answer
                    yield piece

    @contextmanager
    def _told(self, request: ChatRequest) -> Iterator[_Call]:
        call = _Call()
        try:
            yield call
        except ModelError as error:
            call.error = str(error)
            raise
        finally:
            error_told = None if call.answer is not None else call.error
            self._observer.called(
                ObservedCall(request, call.started_at, datetime.now(UTC), call.answer, error_told)
            )


class ObservedCappedModel(ObservedModel):
    """The same for a model whose spend has a ceiling."""

    def __init__(self, model: CappedModel, observer: CycleObserver) -> None:
        super().__init__(model, observer)
        self._capped = model

    def before_batch(self, requests: Iterable[ChatRequest]) -> None:
        """Refuse a batch that would cross the ceiling.

        Raises:
            BudgetSpent: it would; nothing was sent.
        """
        self._capped.before_batch(requests)


def observed_models(
    models: Callable[[str], ChatModel], observer: CycleObserver | None
) -> Callable[[str], ChatModel]:
    """Models by name whose calls are told; the same function where nobody is to be told.

    Examples:
        >>> from flywheel.llm.registry import chat_model
        >>> observed_models(chat_model, None) is chat_model
        True
    """
    if observer is None:
        return models

    def told(name: str) -> ChatModel:
        model = models(name)
        if isinstance(model, CappedModel):
            return ObservedCappedModel(model, observer)
        return ObservedModel(model, observer)

    return told
