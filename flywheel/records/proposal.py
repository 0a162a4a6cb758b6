"""Proposed versions of a prompt, each with its parent plus its reason."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from flywheel.records.base import Count, Name, NonNegative, Record
from flywheel.records.cycle import CycleContext


class Proposal(Record):
    """One proposed version.

    Attributes:
        version: content hash of text, or the label of a recorded version without text.
        parent: version it derives from.
        strategy: refinement strategy that made it.
        origin: `generated` saw reflect cases only; `recorded` is a version that already ran.
        expected_delta: forecast gain in rate units, None when nothing supports one.
        patterns: keys of the failure patterns it answers.
        insights: ids of the insights it was made from.
        kind: kind of failure pattern it answers most of; what its strategy is judged by later.
        merged_from: other versions whose text went into it, beside its parent.
        refiner: versions of the instructions a model rewrote by, each `PROMPT@HASH`; None without a model.
    """

    version: Name
    parent: Name
    text: str | None
    strategy: Name
    origin: Name = "generated"
    label: str | None = None
    rationale: str
    changes: tuple[str, ...] = ()
    risk: str = "low"
    expected_delta: float | None = None
    patterns: tuple[str, ...] = ()
    insights: tuple[str, ...] = ()
    kind: Name | None = None
    merged_from: tuple[Name, ...] = ()
    refiner: Name | None = None


class DiscardedProposal(Record):
    """A proposal that did not pass the hard checks, with the reason.

    Attributes:
        check: which one: empty, cut_off, unchanged, seen_before, variables, contract, size, cost,
            leak, smuggled; `answer` for a model's answer that is no candidate, `room` for a candidate
            that only waits.
        version: content hash of its text; the text itself is not kept, it may hold what must not spread.
    """

    strategy: Name
    reason: str
    check: Name = "room"
    version: Name | None = None


class Proposals(Record):
    """What will be tested, and what was thrown out before any spend.

    Attributes:
        calls, input_tokens, output_tokens, cost_usd: of the models that wrote candidates; None is unknown.
    """

    context: CycleContext
    proposals: tuple[Proposal, ...] = ()
    discarded: tuple[DiscardedProposal, ...] = ()
    because: str = ""
    calls: Count = 0
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: NonNegative | None = None

    @model_validator(mode="after")
    def _texts_differ_from_parents(self) -> Self:
        for proposal in self.proposals:
            if proposal.version == proposal.parent:
                msg = f"proposal {proposal.version!r} equals its parent"
                raise ValueError(msg)
        return self
