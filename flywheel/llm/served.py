"""A model as callers get it: kept answers first, then the route."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from flywheel.llm.answer_cache import AnswerCache, key_of
from flywheel.llm.budget import SpendForecast, SpendGuard
from flywheel.llm.endpoint import Endpoint
from flywheel.llm.guarded import forecast_of
from flywheel.llm.ledger import Ledger
from flywheel.llm.routing import Route
from flywheel.llm.single_flight import SingleFlight
from flywheel.llm.ways import StreamingDoors, Way
from flywheel.records.chat import ChatAnswer, ChatPiece, ChatRequest
from flywheel.records.model_call import CACHED, ModelCall
from flywheel.records.provider import ModelEntry


@dataclass(frozen=True, slots=True)
class Shared:
    """What all models of a gateway share.

    Attributes:
        cache: None asks every time.
    """

    ledger: Ledger
    spend: SpendGuard
    flights: SingleFlight
    cache: AnswerCache | None = None


class ServedModel(StreamingDoors):
    """A model with everything around it, by both doors.

    Args:
        entry: name, provider, price.
        endpoint: where it is.
        route: the model with its fallbacks.
        shared: cache, ledger, ceilings.
    """

    def __init__(self, entry: ModelEntry, endpoint: Endpoint, route: Route, shared: Shared) -> None:
        self.entry = entry
        self.endpoint = endpoint
        self.route = route
        self.shared = shared
        self._identity = f"{endpoint.base_url} {endpoint.model}"

    @property
    def remote(self) -> bool:
        """Calls wait for a network."""
        return True

    async def answer(self, request: ChatRequest, way: Way) -> ChatAnswer:
        """One answer: a kept one, that of an equal call under way, or a fresh one.

        Raises:
            ModelError: no model of the route answered, or a ceiling of spend would be crossed.
        """
        cache = self.shared.cache
        if cache is None:
            return await self.route.answer(request, way)
        key = key_of(request, self._identity)
        kept = await cache.get(key, way)
        if kept is not None:
            return self._given(request, kept, way)
        within_s = request.deadline_s or self.route.deadline_s
        answer, is_shared = await self.shared.flights.call(
            key, lambda: self._ask(key, request, cache, way), within_s, way
        )
        if not is_shared:
            return answer
        cache.count_shared()
        return self._given(request, answer, way)

    async def pieces(self, request: ChatRequest, way: Way) -> AsyncGenerator[ChatPiece, None]:
        """One answer in pieces; a kept one comes in one piece.

        Raises:
            ModelError: as for `answer`; `partial_text` holds what came before it broke off.
        """
        cache = self.shared.cache
        key = key_of(request, self._identity)
        kept = await cache.get(key, way) if cache else None
        if kept is not None:
            given = self._given(request, kept, way)
            yield ChatPiece(text=given.text, answer=given)
            return
        if cache:
            cache.count_missed()
        async with aclosing(self.route.pieces(request, way)) as pieces:
            async for piece in pieces:
                if cache and piece.answer is not None:
                    await self._keep(key, piece.answer, cache, way)
                yield piece

    def forecast(self, requests: Iterable[ChatRequest]) -> SpendForecast:
        """What a batch is expected to take; kept answers are not counted out."""
        return forecast_of(list(requests), self.entry.price)

    def before_batch(self, requests: Iterable[ChatRequest]) -> None:
        """Refuse a batch that would cross a ceiling, after reading what other processes spent.

        Raises:
            BudgetSpent: it would; nothing was sent.
        """
        if self.shared.spend.caps.any_set:
            self.shared.ledger.flush()
            self.shared.spend.check(self.forecast(requests), fresh=True)

    async def _ask(self, key: str, request: ChatRequest, cache: AnswerCache, way: Way) -> ChatAnswer:
        # An equal call may have ended between the look into the cache and the start of this one.
        kept = cache.peek(key)
        if kept is not None:
            return self._given(request, kept, way)
        cache.count_missed()
        answer = await self.route.answer(request, way)
        await self._keep(key, answer, cache, way)
        return answer

    async def _keep(self, key: str, answer: ChatAnswer, cache: AnswerCache, way: Way) -> None:
        """The answer of a fallback is given, but not kept as this model's."""
        if answer.model == self.entry.name:
            await cache.put(key, answer, way)

    def _given(self, request: ChatRequest, answer: ChatAnswer, way: Way) -> ChatAnswer:
        self.shared.ledger.add(
            ModelCall(
                call_id=uuid.uuid4().hex,
                workspace=request.workspace,
                cycle_id=request.cycle_id,
                purpose=request.purpose,
                provider=self.entry.provider,
                model=self.entry.name,
                outcome=CACHED,
                finish_reason=answer.finish_reason,
                input_tokens=0,
                output_tokens=0,
                cost_usd=0.0,
                started_at=datetime.now(UTC),
            ),
            may_write=way.blocks,
        )
        return answer if answer.cached else answer.model_copy(update={"cached": True})
