"""Regular expressions from users, searched with limits.

A pattern can take longer than the universe lasts. Three limits hold it: its
length, the product of its counted repeats (they are unrolled in memory), and a
time for each search, which the `regex` library keeps and Python's own cannot.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import regex

from flywheel.errors import InputError
from flywheel.learn.scorers_numbers import compared, number_in
from flywheel.learn.scorers_result import Scored, Scoring, failed, passed, shortened, unscored
from flywheel.learn.scorers_text import expectation, no_expectation, normalised
from flywheel.records.case import Case
from flywheel.records.scorer import LONGEST_PATTERN, NumericRules, RegexRules

MOST_REPEATS = 10_000
"""Largest product of the counts in braces; each repeat costs memory when the pattern is made ready."""

LONGEST_TEXT = 100_000
"""Characters that are searched; longer answers are unscored."""

_COUNTS = re.compile(r"\{(\d*),?(\d*)\}")


@lru_cache(maxsize=256)
def limited_pattern(pattern: str, ignore_case: bool = False) -> regex.Pattern[str]:
    """A pattern made ready, or refused.

    Raises:
        InputError: too long, too many repeats, or no regular expression.

    Examples:
        >>> limited_pattern("a{3}").search("caaat").group()
        'aaa'
        >>> limited_pattern("(")
        Traceback (most recent call last):
        ...
        flywheel.errors.InputError: Pattern '(' is no regular expression: missing ) at position 1. ...
    """
    if len(pattern) > LONGEST_PATTERN:
        msg = f"A pattern has {len(pattern)} characters; need at most {LONGEST_PATTERN}. Nothing was run."
        raise InputError(f"{msg} Shorten it, or score with code.")
    repeats = 1
    for least, most in _COUNTS.findall(pattern):
        repeats *= max(1, *(int(digits[:9]) for digits in (least, most) if digits), 1)
    if repeats > MOST_REPEATS:
        msg = (
            f"Pattern {shortened(pattern)!r} repeats {repeats:,} times; need at most {MOST_REPEATS:,}, all "
            "counts in braces multiplied. Nothing was run. Use + or *."
        )
        raise InputError(msg)
    flags = regex.VERSION0 | (regex.IGNORECASE if ignore_case else 0)
    try:
        return regex.compile(pattern, flags)
    except (regex.error, OverflowError, RecursionError) as error:
        msg = (
            f"Pattern {shortened(pattern)!r} is no regular expression: {error}. Nothing was run. Correct it."
        )
        raise InputError(msg) from error


def regex_scoring(rules: RegexRules) -> Scoring:
    """Scoring by a pattern of the suite, or by one pattern for each case.

    Raises:
        InputError: the pattern of the suite cannot be used.
    """
    if rules.pattern is None:
        return _by_case(rules)
    pattern = limited_pattern(rules.pattern, rules.ignore_case)

    def score(case: Case, answer_text: str) -> Scored:
        expected = expectation(case.expected)
        if expected is None and rules.compare != "form":
            return no_expectation(answer_text)
        return _timed(rules, answer_text, lambda: _found(rules, pattern, answer_text, expected))

    return score


def _by_case(rules: RegexRules) -> Scoring:
    def score(case: Case, answer_text: str) -> Scored:
        expected = expectation(case.expected)
        if expected is None:
            return no_expectation(answer_text)
        try:
            pattern = limited_pattern(expected, rules.ignore_case)
        except InputError as error:
            return unscored(answer_text, "bad_expectation", str(error))
        form = rules.model_copy(update={"compare": "form"})
        return _timed(rules, answer_text, lambda: _found(form, pattern, answer_text, expected))

    return score


def _timed(rules: RegexRules, answer_text: str, search: Callable[[], Scored]) -> Scored:
    if len(answer_text) > LONGEST_TEXT:
        message = f"the answer has {len(answer_text):,} characters; patterns read {LONGEST_TEXT:,}"
        return unscored(answer_text[:1000], "answer_too_long", message)
    try:
        return search()
    except TimeoutError:
        message = f"the pattern found no end within {rules.timeout_s:g} s; make it simpler"
        return unscored(answer_text, "pattern_timeout", message)


def _found(rules: RegexRules, pattern: regex.Pattern[str], answer_text: str, expected: str | None) -> Scored:
    answer = _match(rules, pattern, answer_text)
    if answer is None:
        said = f"{shortened(pattern.pattern)!r} is not in {shortened(answer_text)!r}"
        return failed(None, "no_answer", said)
    if rules.compare == "form" or expected is None:
        return passed(answer)
    if rules.compare == "numeric":
        wanted = number_in(expected)
        if wanted is None:
            return unscored(answer_text, "bad_expectation", f"no number in the expectation {expected!r}")
        return compared(answer, wanted, NumericRules())
    key = normalised if rules.compare == "normalised" else str.strip
    if key(answer) == key(expected):
        return passed(answer)
    return failed(answer, "wrong_answer", f"got {shortened(answer)!r}; need {expected!r}")


def _match(rules: RegexRules, pattern: regex.Pattern[str], answer_text: str) -> str | None:
    if rules.which == "first" or rules.compare == "form":
        match = pattern.search(answer_text, timeout=rules.timeout_s)
    else:
        match = None
        for match in pattern.finditer(answer_text, timeout=rules.timeout_s):  # noqa: B007 - the last one counts
            pass
    if match is None:
        return None
    text = match.group(1) if pattern.groups else match.group()
    return str(text or "").strip()
