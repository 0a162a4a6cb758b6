"""How complete the captured data of a session is, on a scale of 100, with what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """What a store counted in one session.

    Attributes:
        session_id: None for executions without a session.
        executions: without skipped ones, which have nothing to be complete about.
        skipped: left out of everything else.
        passed: of the executions.
        failures: failed ones and errors.
        known: executions by the name of the criterion they fulfil.
        first_at, last_at: times of storing, in UTC.
    """

    session_id: str | None
    executions: int
    skipped: int
    passed: int
    failures: int
    known: Mapping[str, int]
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that an execution should come with.

    Attributes:
        name: of the criterion.
        points: of 100.
        why: what cannot be done without it.
        how: how to add it.
    """

    name: str
    points: int
    why: str
    how: str


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """How far a session fulfils one criterion.

    Attributes:
        criterion: what is asked.
        known: executions that fulfil it.
        of: executions it applies to, at least 1.
    """

    criterion: Criterion
    known: int
    of: int

    @property
    def share(self) -> float:
        """Of the executions it applies to, in [0, 1]."""
        return self.known / self.of

    @property
    def lost(self) -> float:
        """Points of 100 that are lost here, before scaling."""
        return self.criterion.points * (1 - self.share)


@dataclass(frozen=True, slots=True)
class SessionQuality:
    """The score of one session.

    Attributes:
        counts: what was counted.
        score: 0 to 100; None when nothing but skipped executions is there.
        fulfilments: criteria that apply, the most points lost first.
    """

    counts: SessionCounts
    score: float | None
    fulfilments: tuple[Fulfilment, ...]

    @property
    def missing(self) -> tuple[Fulfilment, ...]:
        """Criteria that cost points, the most first."""
        return tuple(found for found in self.fulfilments if found.known < found.of)


CRITERIA: Final[tuple[Criterion, ...]] = (
    Criterion(
        "outcome",
        10,
        "an execution that is unscored is evidence for nothing",
        "give outcome passed or failed, or a score; name a scorer of the suite",
    ),
    Criterion(
        "prompt",
        10,
        "a cycle looks at one prompt",
        "recorder(prompt=...), flywheel_case.prompt in a test, or flywheel import --prompt NAME",
    ),
    Criterion(
        "version",
        10,
        "without it no two versions can be compared",
        "record version: a label, or the content hash that flywheel prompt log shows",
    ),
    Criterion(
        "case_id",
        10,
        "it pairs executions of two versions, so that far fewer are needed",
        "record case_id: the same id for the same question; tests have it by themselves",
    ),
    Criterion(
        "inputs",
        10,
        "failure patterns and new cases are made of it",
        "record inputs: what the prompt was filled with",
    ),
    Criterion(
        "output",
        10,
        "failure patterns and better wordings are made of it",
        "record output: what the model answered",
    ),
    Criterion(
        "expected",
        5,
        "confusions can be named, and demonstrations generated",
        "record expected, or keep the cases with flywheel suite add",
    ),
    Criterion(
        "model",
        5,
        "models can be ranked, and a change of the model told from a change of the prompt",
        "record model, or models with one entry for each; LangChain calls of a test have it by themselves",
    ),
    Criterion(
        "latency_ms",
        5,
        "slowness is a guardrail of every release",
        "record latency_ms, in milliseconds",
    ),
    Criterion(
        "tokens",
        5,
        "budgets are forecast from it",
        "record input_tokens with output_tokens, or models with them",
    ),
    Criterion(
        "cost_usd",
        5,
        "cost is a guardrail of every release",
        "record cost_usd, or models with it",
    ),
    Criterion(
        "confidence",
        5,
        "it can be calibrated, and tells which answers a person should see",
        "record confidence, from 0 to 1",
    ),
    Criterion(
        "explained",
        5,
        "failures without a reason cannot be grouped by cause",
        "record error_type and error_message of errors; output with expected of failures",
    ),
    Criterion(
        "consistent",
        5,
        "contradictions make every other number doubtful",
        "look for passed ones with an error_type or score 0, failed ones with score 1, a latency of 0",
    ),
)
"""What is asked of every execution, with points that sum to 100."""


def session_quality(counts: SessionCounts) -> SessionQuality:
    """Score a session.

    Every criterion gives its points times the share of executions that fulfil
    it. One that applies to none (`explained`, when nothing failed) is left out
    and the others are scaled to 100.

    Args:
        counts: of one session; a criterion that is absent in `known` counts 0.

    Returns:
        The score with its parts.

    Examples:
        >>> from datetime import UTC
        >>> when = datetime(2026, 1, 31, tzinfo=UTC)
        >>> known = {criterion.name: 10 for criterion in CRITERIA}
        >>> full = SessionCounts("s1", 10, 0, 10, 0, known, when, when)
        >>> session_quality(full).score
        100.0
        >>> poor = SessionCounts("s2", 10, 0, 10, 0, {**known, "version": 0, "cost_usd": 5}, when, when)
        >>> found = session_quality(poor)
        >>> round(found.score, 1), [m.criterion.name for m in found.missing]
        (86.8, ['version', 'cost_usd'])
    """
    found = []
    for criterion in CRITERIA:
        applies_to = counts.failures if criterion.name == "explained" else counts.executions
        if applies_to:
            found.append(Fulfilment(criterion, counts.known.get(criterion.name, 0), applies_to))
    points = sum(fulfilment.criterion.points for fulfilment in found)
    earned = sum(fulfilment.criterion.points * fulfilment.share for fulfilment in found)
    return SessionQuality(
        counts=counts,
        score=100 * earned / points if points else None,
        fulfilments=tuple(sorted(found, key=lambda fulfilment: -fulfilment.lost)),
    )
