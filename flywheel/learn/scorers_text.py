"""Answers as texts: permitted ones, exact, normalised, contained.

A suite that lists the permitted answers is read as the application would read
it: strictly. The right name inside a sentence is a format violation, because
a program that looks the name up would not find it.
"""

from __future__ import annotations

import re

from pydantic import JsonValue

from flywheel.learn.scorers_result import Scored, Scoring, failed, passed, shortened, unscored
from flywheel.records.case import Case, Suite
from flywheel.records.scorer import Scorer

_EDGES = " \t\r\n\"'`*_.,;:!?()[]{}<>«»“”‘’„"


def text_scoring(suite: Suite) -> Scoring:
    """Scoring of exact, normalised, contains; of permitted answers where there are any."""
    reader = _READERS.get(suite.scorer, _exact)
    names = {option.name for option in suite.options}

    def score(case: Case, answer_text: str) -> Scored:
        expected = expectation(case.expected)
        if expected is None:
            return no_expectation(answer_text)
        if names:
            return _score_option(suite, names, expected, answer_text)
        answer, right = reader(answer_text, expected)
        if right:
            return passed(answer)
        return failed(answer, "wrong_answer", f"got {shortened(answer_text)!r}; need {expected!r}")

    return score


def no_expectation(answer_text: str) -> Scored:
    """A case that expects nothing cannot fail."""
    return unscored(answer_text, "no_expectation", "nothing expected")


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


def _score_option(suite: Suite, names: set[str], expected: str, answer_text: str) -> Scored:
    answer = _option_in_form(suite, names, answer_text)
    if answer is None:
        return _out_of_form(names, expected, answer_text)
    key = normalised if suite.scorer is Scorer.NORMALISED else str.strip
    if key(answer) == key(expected):
        return passed(answer)
    return failed(answer, "wrong_answer", f"got {answer!r}; need {expected!r}")


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
    got = shortened(answer_text)
    if len(mentioned) == 1:
        return failed(
            mentioned[0], "format_violation", f"{mentioned[0]!r} is inside {got!r}; need {expected!r} alone"
        )
    if mentioned:
        return failed(
            None,
            "format_violation",
            f"{len(mentioned)} options are in {got!r}; need {expected!r} alone",
        )
    return failed(None, "no_answer", f"no permitted answer is in {got!r}; need {expected!r}")


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


def _exact(answer_text: str, expected: str) -> tuple[str, bool]:
    answer = answer_text.strip()
    return answer, answer == expected


def _normalised(answer_text: str, expected: str) -> tuple[str, bool]:
    answer = normalised(answer_text)
    return answer, answer == normalised(expected)


def _contains(answer_text: str, expected: str) -> tuple[str, bool]:
    wanted = " ".join(expected.casefold().split())
    found = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", " ".join(answer_text.casefold().split()))
    return (expected, True) if found else (answer_text.strip(), False)


_READERS = {Scorer.EXACT: _exact, Scorer.NORMALISED: _normalised, Scorer.CONTAINS: _contains}
