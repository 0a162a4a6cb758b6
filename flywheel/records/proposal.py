"""Proposed versions of a prompt, each with its parent plus its reason."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from flywheel.records.base import Name, Record
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


class DiscardedProposal(Record):
    """A proposal that did not pass the hard checks, with the reason."""

    strategy: Name
    reason: str


class Proposals(Record):
    """What will be tested, and what was thrown out before any spend."""

    context: CycleContext
    proposals: tuple[Proposal, ...] = ()
    discarded: tuple[DiscardedProposal, ...] = ()
    because: str = ""

    @model_validator(mode="after")
    def _texts_differ_from_parents(self) -> Self:
        for proposal in self.proposals:
            if proposal.version == proposal.parent:
                msg = f"proposal {proposal.version!r} equals its parent"
                raise ValueError(msg)
        return self
