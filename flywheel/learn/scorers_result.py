"""How one answer fared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from flywheel.records.case import Case
from flywheel.records.execution import Outcome


@dataclass(frozen=True, slots=True)
class Scored:
    """How one answer fared.

    Attributes:
        outcome: passed, failed or unscored.
        score: in [0, 1]; None when unscored.
        answer: what was read out of the answer, None when nothing was.
        error_type: why it failed or has no score; docs/scorers.md lists them.
        error_message: one sentence saying what was got, what was needed.
        detail: what else the scorer has to say, kept with the execution.
    """

    outcome: Outcome
    score: float | None
    answer: str | None
    error_type: str | None = None
    error_message: str | None = None
    detail: JsonValue = None


Scoring = Callable[[Case, str], Scored]
"""A scorer made ready: holds an answer against its case."""


def passed(answer: str | None, detail: JsonValue = None) -> Scored:
    """The answer is right."""
    return Scored(Outcome.PASSED, 1.0, answer, detail=detail)


def failed(answer: str | None, error_type: str, message: str) -> Scored:
    """The answer is wrong, or the application cannot read it."""
    return Scored(Outcome.FAILED, 0.0, answer, error_type, message)


def unscored(answer_text: str, error_type: str, message: str, detail: JsonValue = None) -> Scored:
    """Nobody can say what the answer is worth; that is not 0."""
    return Scored(Outcome.UNSCORED, None, answer_text.strip() or None, error_type, message, detail)


def graded(
    score: float, pass_at: float, answer: str | None, message: str, detail: JsonValue = None
) -> Scored:
    """A score between 0 and 1, passed from `pass_at` on.

    Examples:
        >>> graded(0.5, 0.8, "a", "half of it").outcome.value
        'failed'
    """
    if score >= pass_at:
        return Scored(Outcome.PASSED, score, answer, detail=detail)
    return Scored(Outcome.FAILED, score, answer, "wrong_answer", message, detail)


def shortened(text: str) -> str:
    """A text on one line of at most 120 characters, for a message."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 120 else flat[:117] + "..."
