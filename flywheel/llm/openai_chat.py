"""One call of an OpenAI-compatible model through langchain-openai.

Everything that knows langchain or the vendor's SDK is here; it is imported
when the first such model is made, because that takes more than a second.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

import httpx2
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_openai import ChatOpenAI
from langsmith import tracing_context
from openai import OpenAIError
from pydantic import SecretStr

from flywheel.errors import ModelError, ModelErrorKind
from flywheel.llm.deadline import bounded_client, deadline
from flywheel.llm.endpoint import Endpoint
from flywheel.llm.openai_failures import Failure, as_model_error, classify
from flywheel.records.chat import ChatAnswer, ChatPiece, ChatRequest

CONNECT_S = 10.0
"""Longest wait for a connection; a host that is up takes it in far less."""

_STUMBLES = (OpenAIError, httpx2.HTTPError, ValueError, TypeError, LookupError)
"""What the client raises: its own errors, or what it stumbles into on a malformed body."""


class OpenAIChat:
    """ChatOpenAI of langchain-openai as a ChatModel that tries once.

    Tries, waiting, failing over and keeping answers are other layers' work;
    the library's own retries and cache are switched off. The HTTP client is
    its own and synchronous: it belongs to no event loop, so that tasks of many
    threads and loops may share it.

    Args:
        name: by which the model is known here.
        endpoint: where it is.
    """

    remote = True
    """Calls wait for a network, so several may be under way at once."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name = name
        self.endpoint = endpoint

    @cached_property
    def _http(self) -> httpx2.Client:
        most = self.endpoint.connections
        return bounded_client(httpx2.Limits(max_connections=most, max_keepalive_connections=most))

    @cached_property
    def _client(self) -> ChatOpenAI:
        return ChatOpenAI(
            model=self.endpoint.model,
            base_url=self.endpoint.base_url,
            api_key=SecretStr(self.endpoint.api_key or "none"),
            timeout=self.endpoint.timeout_s,
            max_retries=0,
            use_responses_api=False,
            stream_usage=True,
            cache=False,
            http_client=self._http,
        )

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """One answer from one try.

        Args:
            request: messages and limits; `deadline_s` bounds the whole try.

        Returns:
            The text with what the provider said of it. `finish_reason` is
            `length`, `content_filter` or `refusal` when the text is not a
            whole answer.

        Raises:
            ModelUnavailable: busy, broken, out of reach or too slow; worth another try later.
            UnreadableReply: refused for good, or answered with something else than a chat completion.
        """
        client = self._client
        begun, ends = self._window(request)
        try:
            with _untold(), deadline(ends):
                message = client.invoke(_messages(request), **self._parameters(request, ends - begun))
        except _STUMBLES as error:
            raise self._failed(error, begun, ends) from error
        return self._answer(message, (time.monotonic() - begun) * 1000.0)

    def stream(self, request: ChatRequest) -> Iterator[ChatPiece]:
        """One answer in pieces, from one try.

        Args:
            request: as for `complete`.

        Yields:
            Pieces of text; the last one carries the whole answer.

        Raises:
            ModelUnavailable: as for `complete`; `partial_text` holds what came before it broke off.
            UnreadableReply: as for `complete`.
        """
        client = self._client
        begun, ends = self._window(request)
        whole: AIMessageChunk | None = None
        try:
            with deadline(ends):
                chunks = client.stream(_messages(request), **self._parameters(request, ends - begun))
            while True:
                # The consumer's own waits between two pieces must not be bounded.
                with _untold(), deadline(ends):
                    chunk = next(chunks, None)
                if chunk is None:
                    break
                whole = chunk if whole is None else whole + chunk
                if _text_of(chunk):
                    yield ChatPiece(text=_text_of(chunk))
        except _STUMBLES as error:
            raise self._failed(error, begun, ends, _text_of(whole) if whole else "") from error
        if whole is None or not whole.response_metadata.get("finish_reason"):
            cut = Failure(ModelErrorKind.CONNECTION, "the stream ended without its last part")
            raise as_model_error(self.name, cut, _text_of(whole) if whole else "")
        yield ChatPiece(text="", answer=self._answer(whole, (time.monotonic() - begun) * 1000.0))

    def close(self) -> None:
        """Give the connections back; the next call opens new ones."""
        if "_http" in self.__dict__:
            self._http.close()
            del self.__dict__["_http"], self.__dict__["_client"]

    def _window(self, request: ChatRequest) -> tuple[float, float]:
        begun = time.monotonic()
        return begun, begun + (request.deadline_s or self.endpoint.deadline_s)

    def _failed(self, error: Exception, begun: float, ends: float, partial_text: str = "") -> ModelError:
        failure = classify(error)
        if failure.kind is ModelErrorKind.TIMEOUT and time.monotonic() >= ends:
            failure = Failure(ModelErrorKind.TIMEOUT, f"no whole answer within {ends - begun:.3g} s")
        return as_model_error(self.name, failure, partial_text)

    def _parameters(self, request: ChatRequest, within_s: float) -> dict[str, Any]:
        """What is sent besides model and messages; other servers refuse some of the vendor's own names."""
        silence_s = min(self.endpoint.timeout_s, within_s)
        parameters: dict[str, Any] = {
            "timeout": httpx2.Timeout(silence_s, connect=min(CONNECT_S, silence_s), pool=within_s)
        }
        if request.temperature is not None:
            parameters["temperature"] = request.temperature
        if request.response_format is not None:
            parameters["response_format"] = request.response_format
        if self.endpoint.is_openai and request.seed is not None:
            parameters["seed"] = request.seed
        if request.max_output_tokens is not None:
            if self.endpoint.is_openai:
                parameters["max_completion_tokens"] = request.max_output_tokens
            else:
                parameters["extra_body"] = {"max_tokens": request.max_output_tokens}
        return parameters

    def _answer(self, message: AIMessage, latency_ms: float) -> ChatAnswer:
        usage = message.usage_metadata
        tokens_in = usage["input_tokens"] if usage else None
        tokens_out = usage["output_tokens"] if usage else None
        cached = usage.get("input_token_details", {}).get("cache_read") if usage else None
        price = self.endpoint.price
        refusal = message.additional_kwargs.get("refusal")
        finish = message.response_metadata.get("finish_reason") or "stop"
        return ChatAnswer(
            text=_text_of(message) or refusal or "",
            model=self.name,
            finish_reason="refusal" if refusal else finish,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cached_input_tokens=cached,
            reasoning_tokens=usage.get("output_token_details", {}).get("reasoning") if usage else None,
            cost_usd=price.cost_usd(tokens_in, tokens_out, cached) if price else None,
            latency_ms=latency_ms,
            raw={"message": message.additional_kwargs, "response": message.response_metadata},
        )


def _untold() -> AbstractContextManager[None]:
    """LangChain by itself tells nobody of a call, whatever LANGSMITH_TRACING says.

    It would hold up the end of the process for a minute where nobody answers; the observer of a
    cycle tells LangSmith instead.
    """
    return tracing_context(enabled=False)


def _messages(request: ChatRequest) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in request.messages]


def _text_of(message: BaseMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    parts = (part if isinstance(part, str) else str(part.get("text", "")) for part in message.content)
    return "".join(parts)
