"""What is said to a model plus what it answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from flywheel.errors import ModelErrorKind
from flywheel.records.base import Count, Name, NonNegative, Record, Share

UNFINISHED = {
    "length": ModelErrorKind.TRUNCATED,
    "content_filter": ModelErrorKind.CONTENT_FILTER,
    "refusal": ModelErrorKind.REFUSAL,
}
"""What a finish reason says about an answer that is there, but not whole."""


class Message(Record):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatRequest(Record):
    """One call of a model.

    Attributes:
        seed: of the embedded model's noise and of providers that take one; another seed is another answer.
        response_format: as the vendor takes it, such as `{"type": "json_object"}`.
        purpose: why it is made: case, run, probe, baseline, screen, gate, report, noise, judge, explain,
            refine.
        deadline_s: longest time for the answer with all its tries.
        replicate: number of the repetition; a kept answer of another one is not given.
        workspace, cycle_id: for whom the call is made; the ledger keeps both.
    """

    model: Name
    messages: tuple[Message, ...]
    temperature: Annotated[float, Field(ge=0)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    seed: Count | None = None
    response_format: dict[str, Any] | None = None
    purpose: str = "case"
    deadline_s: Annotated[float, Field(gt=0)] | None = None
    replicate: Count = 0
    workspace: Name = "default"
    cycle_id: str | None = None


class ChatAnswer(Record):
    """A model's answer; what the provider did not tell is None.

    Attributes:
        model: name by which the model that answered is known here; after a failover not the one asked.
        cached_input_tokens, reasoning_tokens: parts of the input and of the output tokens.
        cost_usd, latency_ms: of the call that gave the answer, also when it was kept from an earlier one.
        cached: nothing was sent for it.
        raw: what else the provider said: id, model, fingerprint, other fields of the message.
    """

    text: str
    model: Name
    finish_reason: str = "stop"
    confidence: Share | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: NonNegative | None = None
    latency_ms: NonNegative | None = None
    cached_input_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cached: bool = False
    raw: dict[str, Any] | None = Field(default=None, repr=False)

    @property
    def unfinished(self) -> ModelErrorKind | None:
        """Why the text is not a whole answer, None when it is one.

        Examples:
            >>> str(ChatAnswer(text="You are loo", model="m", finish_reason="length").unfinished)
            'truncated'
        """
        return UNFINISHED.get(self.finish_reason)


class ChatPiece(Record):
    """A part of a streamed answer; the last one carries the whole answer."""

    text: str
    answer: ChatAnswer | None = None
