"""Counts that the store gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flywheel.records.analysis import DroppedCount
from flywheel.records.execution import Outcome


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """What a bulk write did; the three sum to the executions handed in."""

    stored: int = 0
    replaced: int = 0
    unchanged: int = 0

    def __add__(self, other: WriteCounts) -> WriteCounts:
        return WriteCounts(
            self.stored + other.stored,
            self.replaced + other.replaced,
            self.unchanged + other.unchanged,
        )


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """Executions of a scope: stored = sum(by_outcome) + sum(dropped).

    Attributes:
        by_outcome: those that count as evidence.
        dropped: those that do not, with the reason (skipped, no version).
        versions: distinct versions seen, most frequent first.
    """

    stored: int
    by_outcome: Mapping[Outcome, int]
    dropped: tuple[DroppedCount, ...]
    versions: tuple[str, ...]
    rated: int
    retried: int
