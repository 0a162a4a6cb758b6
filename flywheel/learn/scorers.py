"""What an answer is worth against its expectation.

A suite that lists the permitted answers is read as the application would read
it: strictly. The right name inside a sentence is a format violation, because
a program that looks the name up would not find it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from flywheel.records.case import Case, Scorer, Suite
from flywheel.records.execution import Outcome

_EDGES = " \t\r\n\"'`*_.,;:!?()[]{}<>«»“”‘’„"
_NUMBER = re.compile(
    r"(?:(?<![\w.])[-+])?"
    r"(?:(?:\d{1,3}(?:[,\u202f\u00a0']\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"(?:[eE][-+]?\d+)?"
)
_TOLERANCE = 1e-9
"""Difference, relative or absolute, up to which two numbers are the same: rounding of floats, no more."""


@dataclass(frozen=True, slots=True)
class Scored:
    """How one answer fared.

    Attributes:
        outcome: passed, failed or unscored.
        score: 1 or 0; None when unscored.
        answer: what was read out of the answer, None when nothing was.
        error_type: wrong_answer, format_violation, no_answer or empty_answer; no_expectation when unscored.
        error_message: one sentence saying what was got and what was needed.
    """

    outcome: Outcome
    score: float | None
    answer: str | None
    error_type: str | None = None
    error_message: str | None = None


def score_answer(suite: Suite, case: Case, answer_text: str) -> Scored:
    r"""Hold an answer against the expectation of its case.

    Args:
        suite: scorer, and the permitted answers where there are any.
        case: the expectation: a text, a number, or an object whose `field`
            (else `answer`, `label` or `value`) is it.
        answer_text: what the model said, whole.

    Returns:
        The outcome with the reason of a failure; unscored when the case expects nothing.

    Examples:
        >>> from flywheel.records.case import AnswerOption
        >>> suite = Suite(suite="s", options=(AnswerOption(name="city"), AnswerOption(name="zip")))
        >>> case = Case(case_id="1", suite="s", inputs={}, expected={"field": "city", "value": "Ely"})
        >>> score_answer(suite, case, " city\n").outcome.value
        'passed'
        >>> score_answer(suite, case, "You need `city`.").error_type
        'format_violation'
    """
    expected = expectation(case.expected)
    if expected is None:
        return Scored(
            Outcome.UNSCORED, None, answer_text.strip() or None, "no_expectation", "nothing expected"
        )
    if not answer_text.strip():
        return _failed(None, "empty_answer", f"got no text; need {expected!r}")
    if suite.options:
        return _score_option(suite, expected, answer_text)
    answer, right = _READERS[suite.scorer](answer_text, expected)
    if right:
        return Scored(Outcome.PASSED, 1.0, answer)
    kind = "no_answer" if answer is None else "wrong_answer"
    return _failed(answer, kind, f"got {_short(answer_text)!r}; need {expected!r}")


def expectation(expected: JsonValue) -> str | None:
    """The comparable part of an expectation, as text; None when there is none.

    Examples:
        >>> expectation({"field": "city", "value": "Ely"}), expectation(7), expectation(None)
        ('city', '7', None)
    """
    if isinstance(expected, dict):
        for key in ("field", "answer", "label", "value"):
            if key in expected:
                return expectation(expected[key])
        return None
    if expected is None or isinstance(expected, list):
        return None
    if isinstance(expected, bool):
        return "true" if expected else "false"
    return str(expected).strip() or None


def normalised(text: str) -> str:
    """Text without case, repeated whitespace, surrounding punctuation or quotation marks.

    Examples:
        >>> normalised('  "Yes,  of course!" ')
        'yes, of course'
    """
    return " ".join(text.casefold().split()).strip(_EDGES)


def number_in(text: str) -> float | None:
    """The last number in a text, thousands separators understood; None when there is none.

    Examples:
        >>> number_in("First 3, so the total is 1,234.50 USD."), number_in("none")
        (1234.5, None)
    """
    found = _NUMBER.findall(text)
    if not found:
        return None
    value = float(re.sub(r"[,'\u202f\u00a0]", "", found[-1]))
    return value if math.isfinite(value) else None


def _score_option(suite: Suite, expected: str, answer_text: str) -> Scored:
    names = {option.name for option in suite.options}
    answer = _option_in_form(suite, names, answer_text)
    if answer is None:
        return _out_of_form(names, expected, answer_text)
    key = normalised if suite.scorer is Scorer.NORMALISED else str.strip
    if key(answer) == key(expected):
        return Scored(Outcome.PASSED, 1.0, answer)
    return _failed(answer, "wrong_answer", f"got {answer!r}; need {expected!r}")


def _option_in_form(suite: Suite, names: set[str], answer_text: str) -> str | None:
    """The option an application reads out of an answer, as strictly as its scorer says."""
    stripped = answer_text.strip()
    if stripped in names:
        return stripped
    if suite.scorer is Scorer.NORMALISED:
        by_key = {normalised(name): name for name in names}
        return by_key.get(normalised(answer_text))
    if suite.scorer is Scorer.CONTAINS:
        mentioned = _mentioned(names, answer_text)
        return mentioned[0] if len(mentioned) == 1 else None
    return None


def _out_of_form(names: set[str], expected: str, answer_text: str) -> Scored:
    mentioned = _mentioned(names, answer_text)
    got = _short(answer_text)
    if len(mentioned) == 1:
        return _failed(
            mentioned[0], "format_violation", f"{mentioned[0]!r} is inside {got!r}; need {expected!r} alone"
        )
    if mentioned:
        return _failed(
            None,
            "format_violation",
            f"{len(mentioned)} options are in {got!r}; need {expected!r} alone",
        )
    return _failed(None, "no_answer", f"no permitted answer is in {got!r}; need {expected!r}")


def _mentioned(names: set[str], answer_text: str) -> list[str]:
    """Options that stand in the text as whole words, a longer name hiding the shorter ones inside it."""
    tokens = set(re.findall(r"\w+", answer_text))
    if all(re.fullmatch(r"\w+", name) for name in names):
        return sorted(names & tokens)
    found: list[str] = []
    rest = answer_text
    for name in sorted(names, key=len, reverse=True):
        pattern = rf"(?<!\w){re.escape(name)}(?!\w)"
        if re.search(pattern, rest):
            found.append(name)
            rest = re.sub(pattern, " ", rest)
    return sorted(found)


def _exact(answer_text: str, expected: str) -> tuple[str | None, bool]:
    answer = answer_text.strip()
    return answer, answer == expected


def _normalised(answer_text: str, expected: str) -> tuple[str | None, bool]:
    answer = normalised(answer_text)
    return answer, answer == normalised(expected)


def _contains(answer_text: str, expected: str) -> tuple[str | None, bool]:
    wanted = " ".join(expected.casefold().split())
    found = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", " ".join(answer_text.casefold().split()))
    return (expected, True) if found else (answer_text.strip(), False)


def _numeric(answer_text: str, expected: str) -> tuple[str | None, bool]:
    answer, wanted = number_in(answer_text), number_in(expected)
    if answer is None:
        return None, False
    same = wanted is not None and math.isclose(answer, wanted, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return f"{answer:.15g}", same


_READERS: dict[Scorer, Callable[[str, str], tuple[str | None, bool]]] = {
    Scorer.EXACT: _exact,
    Scorer.NORMALISED: _normalised,
    Scorer.CONTAINS: _contains,
    Scorer.NUMERIC: _numeric,
}


def _failed(answer: str | None, error_type: str, message: str) -> Scored:
    return Scored(Outcome.FAILED, 0.0, answer, error_type, message)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 120 else flat[:117] + "..."
