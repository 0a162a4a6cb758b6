"""What every answer of a prompt must be, whatever is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flywheel.learn.scorers_json import json_in
from flywheel.learn.scorers_numbers import number_in
from flywheel.learn.scorers_result import Scored
from flywheel.learn.scorers_text import normalised
from flywheel.records.case import Suite
from flywheel.records.scorer import Scorer

LEAST = 5
"""Right answers from which a shape of them is taken for the contract."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What every answer must be.

    Attributes:
        words: for people.
        kept: whether an answer is so.
    """

    words: str
    kept: Callable[[str], bool]


def contract_of(suite: Suite, right: Sequence[str]) -> Contract:
    """The form that the suite prescribes, else the one that all right answers have.

    Args:
        suite: options and scorer.
        right: answers that passed.

    Examples:
        >>> contract = contract_of(Suite(suite="s", scorer="numeric"), [])
        >>> contract.words, contract.kept("It is 4."), contract.kept("I cannot say.")
        ('a text with a number', True, False)
        >>> contract_of(Suite(suite="s"), ["a", "b"]).words
        'not empty'
        >>> contract_of(Suite(suite="s"), ["a", "b", "c", "d", "e"]).words
        'not empty, one line'
    """
    names = {normalised(option.name) for option in suite.options}
    if names and suite.scorer is Scorer.CONTAINS:
        return Contract(
            "one that names a permitted answer", lambda text: any(name in normalised(text) for name in names)
        )
    if names:
        return Contract("one of the permitted answers", lambda text: normalised(text) in names)
    if suite.scorer is Scorer.NUMERIC:
        return Contract("a text with a number", lambda text: number_in(text) is not None)
    if suite.scorer is Scorer.JSON_SCHEMA or _all(right, _is_object):
        return Contract("JSON", lambda text: not isinstance(json_in(text, fenced=True), Scored))
    if _all(right, _is_line):
        return Contract("not empty, one line", lambda text: bool(text.strip()) and _is_line(text))
    return Contract("not empty", lambda text: bool(text.strip()))


def _all(right: Sequence[str], holds: Callable[[str], bool]) -> bool:
    return len(right) >= LEAST and all(map(holds, right))


def _is_line(text: str) -> bool:
    return len(text.strip().splitlines()) <= 1


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
