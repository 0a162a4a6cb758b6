"""What an OpenAI-compatible server is sent, what its answer means."""

from __future__ import annotations

from typing import Any

import httpx2
from langchain_core.messages import AIMessage, BaseMessage

from flywheel.llm.endpoint import Endpoint
from flywheel.records.chat import ChatAnswer, ChatRequest

CONNECT_S = 10.0
"""Longest wait for a connection; a host that is up takes it in far less."""


def messages_of(request: ChatRequest) -> list[dict[str, str]]:
    """The conversation as the library takes it."""
    return [{"role": message.role, "content": message.content} for message in request.messages]


def parameters(request: ChatRequest, endpoint: Endpoint, within_s: float) -> dict[str, Any]:
    """What is sent besides model and messages; other servers refuse some of the vendor's own names.

    Args:
        request: what is asked.
        endpoint: whom.
        within_s: time left for the answer.
    """
    silence_s = min(endpoint.timeout_s, within_s)
    sent: dict[str, Any] = {
        "timeout": httpx2.Timeout(silence_s, connect=min(CONNECT_S, silence_s), pool=within_s)
    }
    if request.temperature is not None:
        sent["temperature"] = request.temperature
    if request.response_format is not None:
        sent["response_format"] = request.response_format
    if endpoint.is_openai and request.seed is not None:
        sent["seed"] = request.seed
    if request.max_output_tokens is not None:
        if endpoint.is_openai:
            sent["max_completion_tokens"] = request.max_output_tokens
        else:
            sent["extra_body"] = {"max_tokens": request.max_output_tokens}
    return sent


def answer_of(message: AIMessage, name: str, endpoint: Endpoint, latency_ms: float) -> ChatAnswer:
    """What came back, as our record; what the server did not tell stays None.

    Args:
        message: as the library gives it.
        name: by which the model is known here.
        endpoint: for the price.
        latency_ms: of the call.
    """
    usage = message.usage_metadata
    tokens_in = usage["input_tokens"] if usage else None
    tokens_out = usage["output_tokens"] if usage else None
    cached = usage.get("input_token_details", {}).get("cache_read") if usage else None
    price = endpoint.price
    refusal = message.additional_kwargs.get("refusal")
    finish = message.response_metadata.get("finish_reason") or "stop"
    return ChatAnswer(
        text=text_of(message) or refusal or "",
        model=name,
        finish_reason="refusal" if refusal else finish,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cached_input_tokens=cached,
        reasoning_tokens=usage.get("output_token_details", {}).get("reasoning") if usage else None,
        cost_usd=price.cost_usd(tokens_in, tokens_out, cached) if price else None,
        latency_ms=latency_ms,
        raw={"message": message.additional_kwargs, "response": message.response_metadata},
    )


def text_of(message: BaseMessage) -> str:
    """The text of a message, whole or a piece of it."""
    if isinstance(message.content, str):
        return message.content
    parts = (part if isinstance(part, str) else str(part.get("text", "")) for part in message.content)
    return "".join(parts)
