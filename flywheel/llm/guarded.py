"""One attempt with everything around it: breaker, ceilings, limits, the ledger."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flywheel.errors import ModelError, ModelErrorKind
from flywheel.llm.breaker import Breaker
from flywheel.llm.budget import SpendForecast, SpendGuard
from flywheel.llm.ledger import Ledger, spend_of
from flywheel.llm.limits import USUAL_OUTPUT_TOKENS, Limits, expected_tokens
from flywheel.llm.ways import StreamingDoors, StreamingModel, Way
from flywheel.records.chat import ChatAnswer, ChatPiece, ChatRequest
from flywheel.records.model_call import ANSWERED, ModelCall, Spend
from flywheel.records.provider import PriceRow


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands around the attempts of one model.

    Attributes:
        breaker: of this model at its provider.
        limits: shared by all models of the provider.
        spend: shared by all models.
        ledger: shared by all models.
        provider: name, for the ledger.
        price: for the forecast of a call; None is unknown.
        deadline_s: of a request that has none.
    """

    breaker: Breaker
    limits: Limits
    spend: SpendGuard
    ledger: Ledger
    provider: str
    price: PriceRow | None = None
    deadline_s: float = 180.0


@dataclass(slots=True)
class _Attempt:
    request: ChatRequest
    begun: float
    answer: ChatAnswer | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(slots=True)
class _Used:
    """Nothing, until a call was sent; then its tokens, None when unknown."""

    spend: Spend = field(default_factory=Spend)
    tokens: int | None = 0


class Guarded(StreamingDoors):
    """A model behind its guards; every attempt that is sent is in the ledger, whatever becomes of it.

    Args:
        name: by which the model is known here.
        model: tries once.
        guards: what stands around.
    """

    def __init__(self, name: str, model: StreamingModel, guards: Guards) -> None:
        self.name = name
        self.model = model
        self.guards = guards

    @property
    def remote(self) -> bool:
        """As the model behind it."""
        return self.model.remote

    async def answer(self, request: ChatRequest, way: Way) -> ChatAnswer:
        """One answer from one try.

        Raises:
            BudgetSpent: a ceiling would be crossed; nothing was sent.
            ModelUnavailable: also when the breaker is open, or the turn would come too late.
            UnreadableReply: as the model behind it.
        """
        async with self._attempt(request, way) as attempt:
            attempt.answer = await way.ask(self.model, attempt.request)
        return attempt.answer

    async def pieces(self, request: ChatRequest, way: Way) -> AsyncGenerator[ChatPiece, None]:
        """One answer in pieces from one try; a consumer that stops early ends the attempt.

        Raises:
            ModelError: as for `answer`.
        """
        async with (
            self._attempt(request, way) as attempt,
            aclosing(way.pieces(self.model, attempt.request)) as pieces,
        ):
            async for piece in pieces:
                attempt.answer = piece.answer or attempt.answer
                yield piece

    @asynccontextmanager
    async def _attempt(self, request: ChatRequest, way: Way) -> AsyncIterator[_Attempt]:
        within_s = request.deadline_s or self.guards.deadline_s
        ends = time.monotonic() + within_s
        self.guards.breaker.check()
        async with self._turn(forecast_of([request], self.guards.price), within_s, way) as used:
            self.guards.breaker.enter()
            left = max(1e-3, ends - time.monotonic())
            attempt = _Attempt(request.model_copy(update={"deadline_s": left}), time.monotonic())
            outcome: str = ModelErrorKind.OTHER
            try:
                yield attempt
                outcome = ANSWERED
                self.guards.breaker.succeeded()
            except ModelError as error:
                outcome = error.kind
                self.guards.breaker.failed(error.kind)
                raise
            finally:
                if outcome == ModelErrorKind.OTHER:
                    self.guards.breaker.abandoned()
                row = self._row(attempt, outcome)
                self.guards.ledger.add(row, may_write=way.blocks)
                used.spend, used.tokens = spend_of(row), spend_of(row).tokens or None

    @asynccontextmanager
    async def _turn(self, expected: SpendForecast, within_s: float, way: Way) -> AsyncIterator[_Used]:
        """A turn at the provider; what was used corrects what was expected."""
        used = _Used()
        self.guards.spend.reserve(expected)
        try:
            await self.guards.limits.enter(expected.tokens, within_s, way)
            try:
                yield used
            finally:
                self.guards.limits.leave(expected.tokens, used.tokens)
        finally:
            self.guards.spend.settle(expected, used.spend)

    def _row(self, attempt: _Attempt, outcome: str) -> ModelCall:
        request, answer = attempt.request, attempt.answer
        return ModelCall(
            call_id=uuid.uuid4().hex,
            workspace=request.workspace,
            cycle_id=request.cycle_id,
            purpose=request.purpose,
            provider=self.guards.provider,
            model=self.name,
            outcome=str(outcome),
            finish_reason=answer.finish_reason if answer else None,
            input_tokens=answer.input_tokens if answer else None,
            output_tokens=answer.output_tokens if answer else None,
            cost_usd=answer.cost_usd if answer else None,
            latency_ms=(time.monotonic() - attempt.begun) * 1000.0,
            started_at=attempt.started_at,
        )


def forecast_of(requests: list[ChatRequest], price: PriceRow | None) -> SpendForecast:
    """What requests are expected to take: four characters a token, the usual length of an answer.

    Args:
        requests: one call each.
        price: None is unknown, so the cost is.
    """
    tokens = [expected_tokens(request) for request in requests]
    usd = None
    if price is not None:
        answers = [request.max_output_tokens or USUAL_OUTPUT_TOKENS for request in requests]
        read = sum(tokens) - sum(answers)
        usd = (read * price.input_usd_per_1m + sum(answers) * price.output_usd_per_1m) / 1e6
    return SpendForecast(len(requests), sum(tokens), usd)
