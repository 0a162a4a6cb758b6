"""Numbers and patterns in answers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.errors import InputError
from flywheel.learn.scorers import number_in, score_answer, scoring_of
from flywheel.learn.scorers_patterns import limited_pattern
from flywheel.records.case import Case, Suite
from flywheel.records.execution import Outcome
from flywheel.records.scorer import NumericRules

FINITE = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-3)


def scored(scorer, answer, expected, **parameters):
    """One answer scored by a suite with these parameters."""
    suite = Suite(suite="s", scorer=scorer, parameters=parameters)
    return score_answer(suite, Case(case_id="1", suite="s", inputs={}, expected=expected), answer)


@pytest.mark.parametrize(
    ("answer", "expected", "parameters", "passes"),
    [
        ("about 101", 100, {"relative": 0.01}, True),
        ("about 101.5", 100, {"relative": 0.01}, False),
        ("-99", -100, {"relative": 0.01}, True),
        ("3.05", 3, {"absolute": 0.1}, True),
        ("0.05", 0, {"relative": 0.5}, False),
        ("first 3, then 4", 3, {"which": "first"}, True),
        ("so 12 %", 0.12, {"percent": "fraction"}, True),
        ("0.12", "12%", {"percent": "fraction"}, True),
        ("12 %", 12, {}, True),
        ("Es sind 1.234,5 Euro.", 1234.5, {"decimal_comma": True}, True),
        ("1.234,5", "1.234,5", {"decimal_comma": True}, True),
        ("The total is $1,234,567.", 1234567, {}, True),
        ("it fell by \u22125 degrees", -5, {}, True),
    ],
)
def test_numbers_within_a_tolerance(answer, expected, parameters, passes):
    """A number passes when it is as near as the parameters ask, however it is written."""
    assert (scored("numeric", answer, expected, **parameters).score == 1.0) is passes


def test_an_expectation_without_a_number_scores_nothing():
    """An expectation that cannot be read is nobody's failure."""
    result = scored("numeric", "7", "seven")

    assert (result.outcome, result.score, result.error_type) == (Outcome.UNSCORED, None, "bad_expectation")


@given(FINITE, st.text(alphabet="abc xyz:,\n", max_size=20))
def test_a_number_is_found_behind_any_words(value, words):
    """Whatever stands before it, the last number of a text is read as it was written."""
    assert math.isclose(number_in(f"{words} {value!r} USD"), value, rel_tol=1e-12)


@given(st.integers(-(10**15), 10**15))
def test_thousands_separators_change_nothing(value):
    """A number with separators is the number without them, in both ways of writing."""
    comma = NumericRules(decimal_comma=True)

    assert number_in(f"= {value:,}") == number_in(f"= {value}") == value
    assert number_in(f"= {value:,}".replace(",", "."), comma) == value


@given(FINITE, FINITE, st.floats(0, 1), st.floats(0, 1))
def test_a_wider_tolerance_never_fails_what_passed(got, wanted, narrow, more):
    """What passes within a tolerance passes within a wider one."""
    if scored("numeric", repr(got), wanted, relative=narrow).score == 1.0:
        assert scored("numeric", repr(got), wanted, relative=narrow + more).score == 1.0


@pytest.mark.parametrize(
    ("answer", "expected", "parameters", "error_type"),
    [
        ("A is wrong. Answer: B", "B", {"pattern": r"Answer: ([A-D])"}, None),
        ("Answer: A. No, Answer: B", "B", {"pattern": r"Answer: ([A-D])"}, None),
        ("Answer: A. No, Answer: B", "B", {"pattern": r"Answer: ([A-D])", "which": "first"}, "wrong_answer"),
        ("I think B", "B", {"pattern": r"Answer: ([A-D])"}, "no_answer"),
        ("answer: b", "B", {"pattern": "answer: (.)", "compare": "normalised"}, None),
        ("#### 1,200", 1200, {"pattern": "#### (.+)", "compare": "numeric"}, None),
        ("2026-11-21", None, {"pattern": r"^\d{4}-\d\d-\d\d$", "compare": "form"}, None),
        ("tomorrow", None, {"pattern": r"^\d{4}-\d\d-\d\d$", "compare": "form"}, "no_answer"),
        ("tomorrow", None, {"pattern": r"\d+"}, "no_expectation"),
        ("colour", "colou?r", {}, None),
        ("COLOR", "colou?r", {"ignore_case": True}, None),
        ("paint", "colou?r", {}, "no_answer"),
        ("paint", "colou(r", {}, "bad_expectation"),
    ],
)
def test_patterns_read_the_answer(answer, expected, parameters, error_type):
    """A pattern of the suite reads the answer out of the text; without one the case holds the pattern."""
    assert scored("regex", answer, expected, **parameters).error_type == error_type


def test_a_pattern_without_end_is_given_up():
    """A search that would take for ever ends; the answer is unscored, not failed."""
    answer = ",".join("abcdefgh" * 8)

    result = scored("regex", answer, "x", pattern="^(.*?,){25}x$", timeout_s=0.05)

    assert (result.outcome, result.error_type) == (Outcome.UNSCORED, "pattern_timeout")


def test_a_huge_answer_is_not_searched():
    """Patterns read answers of up to 100,000 characters."""
    assert scored("regex", "a" * 100_001, "a").error_type == "answer_too_long"


@pytest.mark.parametrize("pattern", ["(", "a" * 1001, "((a{1000}){1000}){1000}", "(?P<n>a)(?P=m)"])
def test_a_pattern_that_cannot_be_used_is_refused(pattern):
    """A pattern that is none, or would eat the memory, is refused before anything is scored."""
    with pytest.raises(InputError, match="Nothing was run"):
        limited_pattern(pattern)


def test_a_bad_pattern_of_a_suite_is_refused_before_the_first_answer():
    """Making the scorer ready finds it, not the first case."""
    with pytest.raises(InputError, match="no regular expression"):
        scoring_of(Suite(suite="s", scorer="regex", parameters={"pattern": "["}))


@pytest.mark.parametrize(
    ("scorer", "parameters", "words"),
    [
        ("exact", {"pattern": "a"}, "scorer 'exact': pattern: it has no such parameter"),
        ("numeric", {"relative": -1}, "relative: Input should be greater than or equal to 0, got -1"),
        ("regex", {"patern": "a"}, "it takes pattern, compare, which, ignore_case, timeout_s"),
        ("json_schema", {}, "schema: it needs this parameter"),
        ("code", {"path": "os.system"}, "path: String should match pattern"),
        ("judge", {"criteria": "good"}, "model: it needs this parameter"),
        ("set", {"measure": "dice"}, "measure: Input should be 'f1'"),
    ],
)
def test_wrong_parameters_are_refused_at_the_door(scorer, parameters, words):
    """A suite whose scorer has wrong parameters is never made, and the error says which it takes."""
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        Suite(suite="s", scorer=scorer, parameters=parameters)


@given(st.text(max_size=60), st.sampled_from([None, "", 3, "a+", ["a"], {"answer": "b"}]))
def test_every_answer_gets_a_verdict_or_a_reason(answer, expected):
    """No text breaks a scorer; who fails or has no score says why."""
    for scorer, parameters in (
        ("numeric", {"decimal_comma": True}),
        ("regex", {}),
        ("regex", {"pattern": r"(\w+)"}),
        ("json_schema", {"schema": {"type": "object"}}),
        ("json_schema", {"schema": {}, "match": "fields"}),
        ("set", {}),
        ("list", {"measure": "jaccard", "normalise": False}),
    ):
        result = scored(scorer, answer, expected, **parameters)
        assert (result.score is None) is (result.outcome is Outcome.UNSCORED)
        assert (result.error_type is None) is (result.outcome is Outcome.PASSED)
        assert result.score is None or 0 <= result.score <= 1
