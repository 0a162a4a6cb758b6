"""Lists of items, scored by how much of them is there."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Sequence

from pydantic import JsonValue

from flywheel.learn.scorers_result import Scored, Scoring, failed, graded, shortened
from flywheel.learn.scorers_text import no_expectation, normalised
from flywheel.records.case import Case
from flywheel.records.scorer import OverlapRules

_BULLET = re.compile(r"^\s*(?:[-*+\u2022\u2013]|\(?\d{1,3}[.)])\s+")
_FENCED = re.compile(r"^\s*```\w*\s*(.*?)\s*```\s*$", re.DOTALL)
_NONE = frozenset({"", "none", "n/a", "nothing", "[]", "-"})
_TOLD = 20
"""Missing or surplus items named in the detail of an execution."""


def overlap_scoring(rules: OverlapRules, *, ordered: bool) -> Scoring:
    """Scoring of sets, where order and repetition do not count, or of lists, where both do."""

    def score(case: Case, answer_text: str) -> Scored:
        expected = expected_items(case.expected, rules)
        if expected is None:
            return no_expectation(answer_text)
        got = items_in(answer_text, rules)
        if not got and expected and normalised(answer_text) not in _NONE:
            return failed(None, "no_answer", f"no items in {shortened(answer_text)!r}")
        wanted, found = ([_key(item, rules) for item in items] for items in (expected, got))
        if not ordered:
            wanted, found = list(dict.fromkeys(wanted)), list(dict.fromkeys(found))
        common = common_length(wanted, found) if ordered else len(set(wanted) & set(found))
        value = overlap(common, len(found), len(wanted), rules.measure)
        missing = [item for item in wanted if item not in set(found)][:_TOLD]
        surplus = [item for item in found if item not in set(wanted)][:_TOLD]
        message = f"missing {missing!r}, surplus {surplus!r}" if missing or surplus else "in another order"
        detail: JsonValue = {"missing": list(missing), "surplus": list(surplus)}
        return graded(value, rules.pass_at, ", ".join(got)[:300], shortened(message), detail)

    return score


def overlap(common: int, found: int, wanted: int, measure: str) -> float:
    """Share of two collections that is common.

    Args:
        common: items in both.
        found: items of the answer.
        wanted: items of the expectation.
        measure: f1, jaccard, precision or recall.

    Returns:
        A fraction in [0, 1]; two empty collections are equal, so 1.

    Examples:
        >>> overlap(2, 3, 4, "f1"), overlap(2, 3, 4, "jaccard"), overlap(2, 3, 4, "recall")
        (0.5714285714285714, 0.4, 0.5)
    """
    if not found and not wanted:
        return 1.0
    whole = {"f1": (found + wanted) / 2, "jaccard": found + wanted - common}
    size = whole.get(measure, found if measure == "precision" else wanted)
    return common / size if size else 0.0


def common_length(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence.

    References:
        Hyyro (2004), Bit-parallel LCS-length computation revisited, AWOCA.

    Examples:
        >>> common_length("abcd", "acbd")
        3
    """
    places: dict[Hashable, int] = {}
    for place, item in enumerate(left):
        places[item] = places.get(item, 0) | 1 << place
    mask = (1 << len(left)) - 1
    state = mask
    for item in right:
        kept = state & places.get(item, 0)
        state = (state + kept | state - kept) & mask
    return len(left) - state.bit_count()


def items_in(text: str, rules: OverlapRules) -> list[str]:
    r"""Items an answer lists: a JSON array, else the parts between separators, without bullets.

    Examples:
        >>> items_in("- red\n- green", OverlapRules()), items_in('["red", 2]', OverlapRules())
        (['red', 'green'], ['red', '2'])
        >>> items_in("red, green and blue", OverlapRules())
        ['red', 'green', 'blue']
    """
    body = _FENCED.sub(r"\1", text).strip()
    if rules.separator is None and body.startswith("["):
        try:
            listed = json.loads(body)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list):
            return [_text(item) for item in listed]
    if rules.normalise and normalised(body) in _NONE:
        return []
    parts = [_BULLET.sub("", part).strip() for part in _split(body, rules.separator)]
    return [part for part in parts if part]


def expected_items(expected: JsonValue, rules: OverlapRules) -> list[str] | None:
    """Items of an expectation: an array, an object that holds one, or a text; None when there is none."""
    if isinstance(expected, dict):
        for key in ("items", "answer", "label", "value"):
            if key in expected:
                return expected_items(expected[key], rules)
        return None
    if isinstance(expected, list):
        return [_text(item) for item in expected]
    if expected is None or (isinstance(expected, str) and not expected.strip()):
        return None
    return items_in(_text(expected), rules)


def _split(body: str, separator: str | None) -> list[str]:
    if separator is not None:
        return body.split(separator)
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) > 1:
        return lines
    if ";" in body:
        return body.split(";")
    return re.split(r",\s*(?:and\s+|und\s+|et\s+|y\s+)?|\s+and\s+", body)


def _text(item: JsonValue) -> str:
    return item if isinstance(item, str) else json.dumps(item, sort_keys=True, ensure_ascii=False)


def _key(item: str, rules: OverlapRules) -> str:
    return normalised(item) if rules.normalise else item.strip()
