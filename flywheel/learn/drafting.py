"""Proposers: anything that writes candidates from the material of a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from flywheel.learn.refinement_material import Limits, Material
from flywheel.records.proposal import DiscardedProposal, Proposal


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a proposer may spend.

    Attributes:
        calls: of a model; 0 forbids it to ask one.
        usd: ceiling, where the model's price is known; None is no ceiling.
        seed: of every random draw.
    """

    calls: int
    usd: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Drafts:
    """What a proposer gave; the hard checks come after it.

    Attributes:
        made: candidates.
        discarded: answers that were no candidates, with the reason.
        calls, input_tokens, output_tokens, cost_usd: spent; None is unknown.
    """

    made: tuple[Proposal, ...] = ()
    discarded: tuple[DiscardedProposal, ...] = ()
    calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None

    def __add__(self, other: Drafts) -> Drafts:
        return Drafts(
            (*self.made, *other.made),
            (*self.discarded, *other.discarded),
            self.calls + other.calls,
            _sum(self, other, self.input_tokens, other.input_tokens),
            _sum(self, other, self.output_tokens, other.output_tokens),
            _sum(self, other, self.cost_usd, other.cost_usd),
        )


class Proposer(Protocol):
    """Writes candidates: a model that refines, an optimizer of others, or your own logic.

    Its candidates meet the same hard checks with the same gate as all others. An
    attribute `asked_for` that is true puts them first, whatever history says,
    and lets them spend half of the budget instead of a tenth.
    """

    @property
    def strategies(self) -> tuple[str, ...]:
        """Refinement strategies it can be asked for; history decides which are."""
        ...

    def propose(
        self, material: Material, strategies: Sequence[str], limits: Limits, allowance: Allowance
    ) -> Drafts:
        """Candidates of those strategies, at most one each, within the allowance."""
        ...


N = TypeVar("N", int, float)


def _sum(self: Drafts, other: Drafts, mine: N | None, theirs: N | None) -> N | None:
    """Unknown stays unknown, save that of a side which called nobody."""
    if self.calls == 0:
        return theirs
    if other.calls == 0:
        return mine
    return None if mine is None or theirs is None else mine + theirs
