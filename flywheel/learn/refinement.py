"""Candidates made without any language model, from what failed on reflect cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.learn.insertion import insert_block
from flywheel.learn.prompt_checks import object_to
from flywheel.learn.refinement_blocks import NUDGE, Block, blocks_for
from flywheel.learn.refinement_material import Limits, Material, RejectedText, Winner, main_kind
from flywheel.learn.refinement_merge import merges
from flywheel.learn.refinement_rewrites import REWRITES
from flywheel.records.analysis import FailurePattern
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.proposal import DiscardedProposal, Proposal

__all__ = [
    "NUDGE",
    "PLACEBO",
    "Limits",
    "Material",
    "RejectedText",
    "Sorted",
    "Winner",
    "candidates",
    "placebo",
    "proposal_of",
    "refine",
    "sift",
    "within_room",
]

PRIOR_CURE_RATE = 0.5
"""Share of the failures a strategy answers that it is forecast to cure, until history says better."""

PLACEBO = "placebo"
"""Strategy of the candidate that must not pass."""

RECIPES: tuple[tuple[str, ...], ...] = (
    ("output_format", "demonstrations"),
    ("output_format", "definitions", "demonstrations"),
    ("output_format", "definitions"),
    ("output_format",),
    ("demonstrations",),
    ("definitions",),
    ("output_format", "all_definitions", "demonstrations"),
    ("nudge",),
    ("contrast",),
    ("output_format", "contrast"),
    ("passing_demonstrations",),
)
"""Blocks that are tried together, in the order that holds until outcomes say better."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Candidates that pass every hard check, beside those that do not."""

    proposals: tuple[Proposal, ...]
    discarded: tuple[DiscardedProposal, ...] = ()

    def __add__(self, other: Sorted) -> Sorted:
        return Sorted((*self.proposals, *other.proposals), (*self.discarded, *other.discarded))


def refine(material: Material, limits: Limits) -> tuple[tuple[Proposal, ...], tuple[DiscardedProposal, ...]]:
    """Candidates that answer the failure patterns, alone and combined, as many as a cycle tests.

    Args:
        material: what may be seen.
        limits: sizes to keep.

    Returns:
        Proposals that pass every hard check, most promising first, and the
        discarded ones with the reason.
    """
    found = within_room(candidates(material, limits), limits.max_candidates)
    return found.proposals, found.discarded


def candidates(material: Material, limits: Limits) -> Sorted:
    """Everything the material gives, most promising first, whatever a cycle has room for.

    Args:
        material: what may be seen.
        limits: sizes to keep.
    """
    blocks = blocks_for(material, limits)
    control = material.control.text or ""
    made = [
        proposal_of(material, rewrite.strategy, text, (rewrite.change,), rewrite.kinds)
        for rewrite in REWRITES
        if (text := rewrite.apply(control)) != control
    ]
    made += [
        _from_blocks(material, tuple(blocks[name] for name in recipe))
        for recipe in RECIPES
        if all(name in blocks for name in recipe)
    ]
    return sift(material, [*merges(material), *made], limits)


def sift(material: Material, made: Sequence[Proposal], limits: Limits) -> Sorted:
    """Put candidates through the hard checks; equal texts count once.

    Args:
        material: the control, with what must not come again or leak.
        made: candidates in order of preference.
        limits: sizes to keep.
    """
    kept: dict[str, Proposal] = {}
    discarded: list[DiscardedProposal] = []
    for proposal in made:
        found = object_to(material, proposal, limits)
        check, reason = (found.check, found.reason) if found is not None else ("", "")
        if found is None and proposal.version in kept:
            check, reason = "seen_before", f"the same text as {kept[proposal.version].strategy}"
        if not reason:
            kept[proposal.version] = proposal
            continue
        discarded.append(
            DiscardedProposal(
                strategy=proposal.strategy, reason=reason, check=check, version=proposal.version
            )
        )
    return Sorted(tuple(kept.values()), tuple(discarded))


def within_room(found: Sorted, room: int) -> Sorted:
    """The first candidates that a cycle has room for; the others are named, not forgotten.

    Args:
        found: candidates in order of preference.
        room: proposals a cycle tests.
    """
    waiting = tuple(
        DiscardedProposal(
            strategy=p.strategy, reason=f"a cycle tests at most {room} candidates", version=p.version
        )
        for p in found.proposals[room:]
    )
    return Sorted(found.proposals[:room], (*found.discarded, *waiting))


def placebo(control: PromptVersion) -> Proposal:
    """A change without meaning: one more line break at the end.

    A gate that lets it pass measures noise. It is never released.

    Args:
        control: the live version, with text.
    """
    text = f"{control.text or ''}\n"
    return Proposal(
        version=content_hash(text),
        parent=control.version,
        text=text,
        strategy=PLACEBO,
        rationale="nothing that a reader could notice",
        changes=("adds a line break at the end",),
        expected_delta=0.0,
    )


def proposal_of(
    material: Material, strategy: str, text: str, changes: tuple[str, ...], kinds: Sequence[str] | None = None
) -> Proposal:
    """A candidate with its forecast, its risk and the failure patterns it answers.

    Args:
        material: whose control it derives from.
        strategy: refinement strategy that made it.
        text: of the candidate.
        changes: one line each.
        kinds: kinds of failure pattern it answers; None answers all.
    """
    answered = [p for p in material.patterns if kinds is None or p.kind in kinds]
    share = min(1.0, sum(p.share for p in answered))
    growth = len(text) / max(1, len(material.control.text or ""))
    forecast = None
    if material.failure_rate is not None:
        forecast = round(PRIOR_CURE_RATE * share * material.failure_rate, 4)
    return Proposal(
        version=content_hash(text),
        parent=material.control.version,
        text=text,
        strategy=strategy,
        rationale=_rationale(answered),
        changes=changes,
        risk="low" if growth < 2 else f"the prompt grows {growth:.1f} times",
        expected_delta=forecast,
        patterns=tuple(p.pattern_key for p in answered),
        kind=main_kind(answered or material.patterns),
    )


def _from_blocks(material: Material, recipe: tuple[Block, ...]) -> Proposal:
    text = material.control.text or ""
    for block in recipe:
        text = insert_block(text, block.text)
    return proposal_of(
        material,
        "+".join(block.strategy for block in recipe),
        text,
        tuple(block.change for block in recipe),
        [kind for block in recipe for kind in block.kinds],
    )


def _rationale(answered: Sequence[FailurePattern]) -> str:
    if not answered:
        return "answers no failure pattern by itself"
    share = sum(p.share for p in answered)
    return f"answers {len(answered)} failure patterns that make up {share:.0%} of the failures"
