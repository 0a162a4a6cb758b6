"""One attempt to get an answer from a model, as the ledger keeps it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from flywheel.records.base import Count, Name, NonNegative, Record, UtcDatetime

ANSWERED = "answered"
CACHED = "cached"


class ModelCall(Record):
    """One attempt; what the provider did not tell is None.

    Attributes:
        outcome: `answered`, `cached` when nothing was sent, else the kind of the ModelError.
        finish_reason: of an answer.
    """

    call_id: Name
    workspace: Name = "default"
    cycle_id: str | None = None
    purpose: str
    provider: Name
    model: Name
    outcome: str
    finish_reason: str | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: NonNegative | None = None
    latency_ms: NonNegative | None = None
    started_at: UtcDatetime


class Spend(Record):
    """What calls took; cached answers took nothing.

    Attributes:
        calls: attempts that were sent.
        tokens: input plus output of those whose usage is known.
        usd: of those whose cost is known.
        unpriced: sent attempts whose cost is unknown.
    """

    calls: Count = 0
    tokens: Count = 0
    usd: NonNegative = 0.0
    unpriced: Count = 0

    def __add__(self, other: Spend) -> Spend:
        """Both together."""
        return Spend(
            calls=self.calls + other.calls,
            tokens=self.tokens + other.tokens,
            usd=self.usd + other.usd,
            unpriced=self.unpriced + other.unpriced,
        )


class LedgerGroup(StrEnum):
    """By what the ledger is summed up."""

    MODEL = "model"
    PURPOSE = "purpose"
    CYCLE = "cycle"


class CallSummary(Record):
    """The ledger of one model, one purpose or one cycle.

    Attributes:
        group: name of the model, the purpose or the cycle; None for calls outside of a cycle.
        outcomes: how many attempts ended how.
        mean_latency_ms, p50_latency_ms, p95_latency_ms: of answers that were sent for; None without any.
    """

    group: str | None
    outcomes: dict[str, Count] = Field(default_factory=dict)
    spend: Spend = Spend()
    mean_latency_ms: NonNegative | None = None
    p50_latency_ms: NonNegative | None = None
    p95_latency_ms: NonNegative | None = None
