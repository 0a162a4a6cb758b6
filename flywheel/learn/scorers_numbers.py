"""Numbers in prose, compared within a tolerance."""

from __future__ import annotations

import math
import re

from flywheel.learn.scorers_result import Scored, Scoring, failed, passed, shortened, unscored
from flywheel.learn.scorers_text import expectation, no_expectation
from flywheel.records.case import Case
from flywheel.records.scorer import NumericRules

_NUMBER = re.compile(
    r"((?:(?<![\w.])[-+\u2212])?"
    r"(?:(?:\d{1,3}(?:[,\u202f\u00a0']\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"(?:[eE][-+]?\d+)?)"
    r"(\s?%)?"
)
_NUMBER_WITH_COMMA = re.compile(
    r"((?:(?<![\w,])[-+\u2212])?"
    r"(?:(?:\d{1,3}(?:[.\u202f\u00a0']\d{3})+(?!\d)|\d+)(?:,\d+)?|,\d+)"
    r"(?:[eE][-+]?\d+)?)"
    r"(\s?%)?"
)


def numeric_scoring(rules: NumericRules) -> Scoring:
    """Scoring of numbers within a tolerance."""

    def score(case: Case, answer_text: str) -> Scored:
        expected = expectation(case.expected)
        if expected is None:
            return no_expectation(answer_text)
        # An expectation that is a JSON number has a decimal point whatever the answers are written in.
        spoken = (
            rules if isinstance(case.expected, str) else rules.model_copy(update={"decimal_comma": False})
        )
        wanted = number_in(expected, spoken)
        if wanted is None:
            return unscored(answer_text, "bad_expectation", f"no number in the expectation {expected!r}")
        return compared(answer_text, wanted, rules)

    return score


def compared(answer_text: str, wanted: float, rules: NumericRules) -> Scored:
    """The number of an answer against the one needed."""
    got = number_in(answer_text, rules)
    if got is None:
        return failed(None, "no_answer", f"no number in {shortened(answer_text)!r}; need {wanted:.15g}")
    answer = f"{got:.15g}"
    if math.isclose(got, wanted, rel_tol=0, abs_tol=max(rules.absolute, rules.relative * abs(wanted))):
        return passed(answer)
    return failed(answer, "wrong_answer", f"got {answer} in {shortened(answer_text)!r}; need {wanted:.15g}")


def number_in(text: str, rules: NumericRules | None = None) -> float | None:
    """The last number in a text, thousands separators understood; None when there is none.

    Args:
        text: prose.
        rules: which number counts, how it is written; None takes the defaults.

    Examples:
        >>> number_in("First 3, so the total is 1,234.50 USD."), number_in("none")
        (1234.5, None)
        >>> number_in("12 %", NumericRules(percent="fraction"))
        0.12
        >>> number_in("Es sind 1.234,5 Euro.", NumericRules(decimal_comma=True))
        1234.5
    """
    chosen = rules or NumericRules()
    pattern = _NUMBER_WITH_COMMA if chosen.decimal_comma else _NUMBER
    found = pattern.findall(text)
    if not found:
        return None
    digits, percent = found[-1 if chosen.which == "last" else 0]
    plain = re.sub(r"[.'\u202f\u00a0]" if chosen.decimal_comma else r"[,'\u202f\u00a0]", "", digits)
    value = float(plain.replace(",", ".").replace("\u2212", "-"))
    if percent and chosen.percent == "fraction":
        value /= 100.0
    return value if math.isfinite(value) else None
