"""One call of an OpenAI-compatible model through langchain-openai.

Everything that knows langchain or the vendor's SDK is here or in
openai_wire.py; it is imported when the first such model is made, because that takes more than a second.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import httpx2
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from langsmith import tracing_context
from openai import OpenAIError
from pydantic import SecretStr

from flywheel.errors import ModelError, ModelErrorKind
from flywheel.llm.deadline import bounded_client, deadline
from flywheel.llm.endpoint import Endpoint
from flywheel.llm.openai_failures import Failure, as_model_error, classify
from flywheel.llm.openai_wire import answer_of, messages_of, parameters, text_of
from flywheel.llm.per_loop import PerLoop
from flywheel.records.chat import ChatAnswer, ChatPiece, ChatRequest

_STUMBLES = (OpenAIError, httpx2.HTTPError, ValueError, TypeError, LookupError, TimeoutError)
"""What the client raises: its own errors, what a malformed body makes it stumble into, a loop's deadline."""


@dataclass(frozen=True, slots=True)
class _LoopClient:
    http: httpx2.AsyncClient
    chat: ChatOpenAI

    async def aclose(self) -> None:
        await self.http.aclose()


class OpenAIChat:
    """ChatOpenAI of langchain-openai as a ChatModel that tries once.

    Tries, waiting, failing over and keeping answers are other layers' work;
    the library's own retries and cache are switched off. Threads share one
    HTTP client, which belongs to no event loop; each event loop has one of its
    own, because the library's is bound to the first loop that used it.

    Args:
        name: by which the model is known here.
        endpoint: where it is.
    """

    remote = True
    """Calls wait for a network, so several may be under way at once."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name = name
        self.endpoint = endpoint

        self._loops = PerLoop(self._loop_client)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return httpx2.create_ssl_context()

    @cached_property
    def _http(self) -> httpx2.Client:
        return bounded_client(self._most(), self._trust)

    @cached_property
    def _client(self) -> ChatOpenAI:
        return self._chat()

    def _loop_client(self) -> _LoopClient:
        http = httpx2.AsyncClient(limits=self._most(), follow_redirects=True, verify=self._trust)
        return _LoopClient(http, self._chat(http))

    def _most(self) -> httpx2.Limits:
        most = self.endpoint.connections
        return httpx2.Limits(max_connections=most, max_keepalive_connections=most)

    def _chat(self, of_loop: httpx2.AsyncClient | None = None) -> ChatOpenAI:
        return ChatOpenAI(
            model=self.endpoint.model,
            base_url=self.endpoint.base_url,
            api_key=SecretStr(self.endpoint.api_key or "none"),
            timeout=self.endpoint.timeout_s,
            max_retries=0,
            use_responses_api=False,
            stream_usage=True,
            stream_chunk_timeout=None,
            cache=False,
            http_client=self._http,
            http_async_client=of_loop,
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
                message = client.invoke(
                    messages_of(request), **parameters(request, self.endpoint, ends - begun)
                )
        except _STUMBLES as error:
            raise self._failed(error, begun, ends) from error
        return answer_of(message, self.name, self.endpoint, (time.monotonic() - begun) * 1000.0)

    async def acomplete(self, request: ChatRequest) -> ChatAnswer:
        """One answer from one try, in the client of the running event loop.

        At the deadline the try is cancelled with its connection; nothing stays behind.

        Args:
            request: as for `complete`.

        Raises:
            ModelUnavailable: as for `complete`.
            UnreadableReply: as for `complete`.
        """
        client = await self._loops.here()
        begun, ends = self._window(request)
        try:
            with _untold():
                async with asyncio.timeout(ends - begun):
                    asked = client.chat.ainvoke(
                        messages_of(request), **parameters(request, self.endpoint, ends - begun)
                    )
                    message = await asked
        except _STUMBLES as error:
            raise self._failed(error, begun, ends) from error
        return answer_of(message, self.name, self.endpoint, (time.monotonic() - begun) * 1000.0)

    def stream(self, request: ChatRequest) -> Generator[ChatPiece, None, None]:
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
                chunks = client.stream(
                    messages_of(request), **parameters(request, self.endpoint, ends - begun)
                )
            while True:
                # The consumer's own waits between two pieces must not be bounded.
                with _untold(), deadline(ends):
                    chunk = next(chunks, None)
                if chunk is None:
                    break
                whole = chunk if whole is None else whole + chunk
                if text_of(chunk):
                    yield ChatPiece(text=text_of(chunk))
        except _STUMBLES as error:
            raise self._failed(error, begun, ends, text_of(whole) if whole else "") from error
        yield self._last(whole, begun)

    async def astream(self, request: ChatRequest) -> AsyncGenerator[ChatPiece, None]:
        """One answer in pieces, from one try, in the client of the running event loop.

        Args:
            request: as for `complete`.

        Yields:
            As for `stream`.

        Raises:
            ModelUnavailable: as for `stream`.
            UnreadableReply: as for `complete`.
        """
        client = await self._loops.here()
        begun, ends = self._window(request)
        whole: AIMessageChunk | None = None
        try:
            opened = client.chat.astream(
                messages_of(request), **parameters(request, self.endpoint, ends - begun)
            )
            async with aclosing(cast("AsyncGenerator[AIMessageChunk, None]", opened)) as chunks:
                while True:
                    with _untold():
                        async with asyncio.timeout(ends - time.monotonic()):
                            chunk = await anext(chunks, None)
                    if chunk is None:
                        break
                    whole = chunk if whole is None else whole + chunk
                    if text_of(chunk):
                        yield ChatPiece(text=text_of(chunk))
        except _STUMBLES as error:
            raise self._failed(error, begun, ends, text_of(whole) if whole else "") from error
        yield self._last(whole, begun)

    def close(self) -> None:
        """Give the connections back, each loop its own; the next call opens new ones."""
        self._loops.drop()
        if "_http" in self.__dict__:
            self._http.close()
            for made in ("_http", "_client"):
                self.__dict__.pop(made, None)

    async def aclose(self) -> None:
        """As `close`; those of the running loop are given back when it returns."""
        await self._loops.aclose()
        self.close()

    def _last(self, whole: AIMessageChunk | None, begun: float) -> ChatPiece:
        """The piece that carries the whole answer, unless the stream was cut."""
        if whole is None or not whole.response_metadata.get("finish_reason"):
            cut = Failure(ModelErrorKind.CONNECTION, "the stream ended without its last part")
            raise as_model_error(self.name, cut, text_of(whole) if whole else "")
        return ChatPiece(
            text="", answer=answer_of(whole, self.name, self.endpoint, (time.monotonic() - begun) * 1000.0)
        )

    def _window(self, request: ChatRequest) -> tuple[float, float]:
        begun = time.monotonic()
        return begun, begun + (request.deadline_s or self.endpoint.deadline_s)

    def _failed(self, error: Exception, begun: float, ends: float, partial_text: str = "") -> ModelError:
        failure = classify(error)
        if failure.kind is ModelErrorKind.TIMEOUT and time.monotonic() >= ends:
            failure = Failure(ModelErrorKind.TIMEOUT, f"no whole answer within {ends - begun:.3g} s")
        return as_model_error(self.name, failure, partial_text)


def _untold() -> AbstractContextManager[None]:
    """LangChain by itself tells nobody of a call, whatever LANGSMITH_TRACING says.

    It would hold up the end of the process for a minute where nobody answers; the observer of a
    cycle tells LangSmith instead.
    """
    return tracing_context(enabled=False)
