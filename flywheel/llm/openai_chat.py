"""OpenAI-compatible models behind the port of a chat model."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flywheel.errors import ModelUnavailable
from flywheel.llm.openai_failures import MALFORMED_TRIES, Failure, as_model_error, classify
from flywheel.records.chat import ChatAnswer, ChatRequest

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage
    from langchain_openai import ChatOpenAI

OPENAI_HOST = "api.openai.com"
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 8.0
_JITTER = random.SystemRandom().random


@dataclass(frozen=True, slots=True)
class Price:
    """What a provider charges, USD per million tokens."""

    input_usd: float
    output_usd: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is, how patiently it is asked.

    Attributes:
        model: name the provider knows it by.
        base_url: address up to and including `/v1`.
        api_key: None for servers without keys.
        timeout_s: longest silence between two bytes.
        deadline_s: longest time for one answer with all its tries, unless the request says otherwise.
        max_tries: attempts for one answer.
        price: None when unknown; the cost is then unknown too.
    """

    model: str
    base_url: str
    api_key: str | None = None
    timeout_s: float = 60.0
    deadline_s: float = 180.0
    max_tries: int = 4
    price: Price | None = None

    @property
    def is_openai(self) -> bool:
        """Whether it is the vendor's own address; others do not take all of its parameters."""
        return OPENAI_HOST in self.base_url


class OpenAIChat:
    """ChatOpenAI of langchain-openai as a ChatModel.

    Retries, waiting and the deadline are kept here and nowhere else: the
    library's own retries are switched off, because its timeout bounds the
    silence between bytes, not the call. An attempt that outlives the deadline
    is left behind in a daemon thread.

    Args:
        name: by which the model is known here.
        endpoint: where it is.
        pause: waits that many seconds between tries.
        draw: a number in [0, 1) for the jitter of the waiting time.
    """

    remote = True
    """Calls wait for a network, so several may be under way at once."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        pause: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = _JITTER,
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self._pause = pause
        self._draw = draw

    @cached_property
    def _client(self) -> ChatOpenAI:
        """The client, made once; its import takes more than a second."""
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr

        return ChatOpenAI(
            model=self.endpoint.model,
            base_url=self.endpoint.base_url,
            api_key=SecretStr(self.endpoint.api_key or "none"),
            timeout=self.endpoint.timeout_s,
            max_retries=0,
            use_responses_api=False,
            cache=False,
        )

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """One answer, tried again while that may help and time is left.

        Args:
            request: messages and limits; `deadline_s` covers all tries.

        Returns:
            The text with what the provider said of it. `finish_reason` is
            `length`, `content_filter` or `refusal` when the text is not a
            whole answer. Latency is that of the try that answered.

        Raises:
            ModelUnavailable: busy, broken, out of reach or too slow; worth another try later.
            UnreadableReply: refused for good, or answered with something else than a chat completion.
        """
        client = self._client
        ends = time.monotonic() + (request.deadline_s or self.endpoint.deadline_s)
        tries = 0
        while True:
            tries += 1
            attempt = _Attempt(client, request, _parameters(request, self.endpoint))
            attempt.start()
            attempt.join(max(0.0, ends - time.monotonic()))
            if attempt.message is not None:
                return self._answer(attempt.message, attempt.latency_ms)
            if attempt.error is None:
                raise self._too_slow(request, tries)
            failure = classify(attempt.error)
            wait_s = self._wait_s(failure, tries)
            if wait_s is None or time.monotonic() + wait_s >= ends:
                raise as_model_error(self.name, failure, tries) from attempt.error
            self._pause(wait_s)

    def _too_slow(self, request: ChatRequest, tries: int) -> ModelUnavailable:
        limit = request.deadline_s or self.endpoint.deadline_s
        error = ModelUnavailable(
            f"Model {self.name!r} gave no whole answer within {limit:g} s ({tries} tries). Nothing was kept. "
            "Raise deadline_s, ask for fewer output tokens, or try again later."
        )
        error.__cause__ = TimeoutError(f"{limit:g} s")
        return error

    def _wait_s(self, failure: Failure, tries: int) -> float | None:
        """Seconds until the next try, or None when there is none."""
        if failure.kind == "malformed":
            return self._backoff_s(tries) if tries < MALFORMED_TRIES else None
        if failure.kind == "fatal" or tries >= self.endpoint.max_tries:
            return None
        return max(self._backoff_s(tries), failure.wait_s or 0.0)

    def _backoff_s(self, tries: int) -> float:
        """Full jitter, so that many callers do not come back together.

        References:
            Brooker (2015), Exponential backoff and jitter, AWS Architecture Blog.
        """
        return self._draw() * min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** (tries - 1))

    def _answer(self, message: AIMessage, latency_ms: float) -> ChatAnswer:
        usage = message.usage_metadata
        tokens_in = usage["input_tokens"] if usage else None
        tokens_out = usage["output_tokens"] if usage else None
        refusal = message.additional_kwargs.get("refusal")
        finish = message.response_metadata.get("finish_reason") or "stop"
        return ChatAnswer(
            text=_text_of(message) or refusal or "",
            model=self.name,
            finish_reason="refusal" if refusal else finish,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=_cost(self.endpoint.price, tokens_in, tokens_out),
            latency_ms=latency_ms,
        )


class _Attempt(threading.Thread):
    """One call in a daemon thread, so that a deadline can leave it behind."""

    def __init__(self, client: ChatOpenAI, request: ChatRequest, parameters: dict[str, Any]) -> None:
        super().__init__(name="flywheel-chat", daemon=True)
        self._client = client
        self._messages = [m.model_dump() for m in request.messages]
        self._parameters = parameters
        self.message: AIMessage | None = None
        self.error: Exception | None = None
        self.latency_ms = 0.0

    def run(self) -> None:
        """Call; keep the message, or the error the library raises on a refusal or a malformed body."""
        from langsmith import tracing_context
        from openai import OpenAIError

        begun = time.perf_counter()
        try:
            # LANGSMITH_TRACING would let LangChain tell of each call by itself, and hold up the end of
            # the process for a minute where nobody answers; the observer of the cycle tells it instead.
            with tracing_context(enabled=False):
                message = self._client.invoke(self._messages, **self._parameters)
        except (OpenAIError, ValueError, TypeError, LookupError) as error:
            self.error = error
        else:
            self.latency_ms = (time.perf_counter() - begun) * 1000.0
            self.message = message


def _parameters(request: ChatRequest, endpoint: Endpoint) -> dict[str, Any]:
    """What is sent besides model and messages; other servers refuse some of the vendor's own names."""
    parameters: dict[str, Any] = {}
    if request.temperature is not None:
        parameters["temperature"] = request.temperature
    if endpoint.is_openai and request.seed is not None:
        parameters["seed"] = request.seed
    if request.max_output_tokens is not None:
        if endpoint.is_openai:
            parameters["max_completion_tokens"] = request.max_output_tokens
        else:
            parameters["extra_body"] = {"max_tokens": request.max_output_tokens}
    return parameters


def _text_of(message: AIMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    parts = (part if isinstance(part, str) else str(part.get("text", "")) for part in message.content)
    return "".join(parts)


def _cost(price: Price | None, tokens_in: int | None, tokens_out: int | None) -> float | None:
    if price is None or tokens_in is None or tokens_out is None:
        return None
    return (tokens_in * price.input_usd + tokens_out * price.output_usd) / 1e6
