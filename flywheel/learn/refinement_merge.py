"""Complementary versions, each past a gate, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.learn.insertion import insert_block, is_chat
from flywheel.learn.refinement_material import Material, Winner
from flywheel.records.prompt import content_hash
from flywheel.records.proposal import Proposal

MERGE = "merge"
LEAST_GAIN = 0.01
"""A slice counts as helped more when the gain is larger by so much, rate units."""

MOST = 2
"""Merges that a cycle tries."""


@dataclass(frozen=True, slots=True)
class Complement:
    """A winner that does better than the live version in some slices, with those slices.

    Attributes:
        other: the winner.
        helps: slices in which its measured gain is larger than that of the live version.
    """

    other: Winner
    helps: tuple[str, ...]


def complements(material: Material) -> tuple[Complement, ...]:
    """Winners worth merging into the live version, the one with the most to give first.

    The gain of the live version in a slice is what its own release measured;
    where it never went through a gate, every gain of a winner counts.

    Args:
        material: the control, with the versions that passed a gate.
    """
    live = next((w for w in material.winners if w.version.version == material.control.version), None)
    known = dict(live.gains) if live is not None else {}
    found = []
    for winner in material.winners:
        if winner.version.version == material.control.version or not _added(material, winner):
            continue
        helps = {s: g - known.get(s, 0.0) for s, g in winner.gains if g - known.get(s, 0.0) >= LEAST_GAIN}
        loses = any(known.get(s, 0.0) - g >= LEAST_GAIN for s, g in winner.gains)
        if helps and (loses or live is None):
            found.append((sum(helps.values()), Complement(winner, tuple(sorted(helps)))))
    return tuple(c for _, c in sorted(found, key=lambda item: (-item[0], item[1].other.version.version)))


def merges(material: Material) -> tuple[Proposal, ...]:
    """The live version with what complementary winners added to theirs, without a model.

    Args:
        material: the control, with the versions that passed a gate.

    Returns:
        At most two proposals; `merged_from` names the winner.
    """
    made = []
    for found in complements(material)[:MOST]:
        text = material.control.text or ""
        for paragraph in _added(material, found.other):
            text = insert_block(text, paragraph)
        made.append(
            Proposal(
                version=content_hash(text),
                parent=material.control.version,
                text=text,
                strategy=MERGE,
                rationale=f"{found.other.strategy} helped more on {', '.join(found.helps)}",
                changes=(f"adds what {found.other.strategy} added",),
                merged_from=(found.other.version.version,),
                patterns=tuple(p.pattern_key for p in material.patterns if p.slice in found.helps),
            )
        )
    return tuple(made)


def _added(material: Material, winner: Winner) -> Sequence[str]:
    """Paragraphs the winner has beyond its own parent, that the control lacks."""
    text, control = winner.version.text, material.control.text or ""
    if text is None or winner.parent_text is None or is_chat(text) or is_chat(control):
        return ()
    said = {*_paragraphs(winner.parent_text), *_paragraphs(control)}
    return [p for p in _paragraphs(text) if p not in said]


def _paragraphs(text: str) -> list[str]:
    return [p.strip("\n") for p in text.replace("\r\n", "\n").split("\n\n") if p.strip()]
