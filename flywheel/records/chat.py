"""What is said to a model plus what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from flywheel.records.base import Count, Name, NonNegative, Record, Share


class Message(Record):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatRequest(Record):
    """One call of a model.

    Attributes:
        seed: of the embedded model's noise and of providers that take one.
        purpose: why it is made: case, refine, judge.
    """

    model: Name
    messages: tuple[Message, ...]
    temperature: Annotated[float, Field(ge=0)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    seed: Count | None = None
    purpose: str = "case"
    deadline_s: Annotated[float, Field(gt=0)] | None = None


class ChatAnswer(Record):
    """A model's answer; what the provider did not tell is None."""

    text: str
    model: Name
    finish_reason: str = "stop"
    confidence: Share | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: NonNegative | None = None
    latency_ms: NonNegative | None = None
