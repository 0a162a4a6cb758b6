"""What an answer is worth against its expectation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.scorers import expectation, number_in, score_answer
from flywheel.records.case import OPTION_SCORERS, AnswerOption, Case, Scorer, Suite
from flywheel.records.execution import Outcome

OPTIONS = ("addr_mailing", "addr_residence", "dob")
SUITE = Suite(suite="router", options=tuple(AnswerOption(name=name) for name in OPTIONS))


def scored(answer, expected, scorer=Scorer.EXACT, options=()):
    """One answer scored by a suite of one case."""
    suite = Suite(suite="s", scorer=scorer, options=tuple(AnswerOption(name=name) for name in options))
    return score_answer(suite, Case(case_id="1", suite="s", inputs={}, expected=expected), answer)


@pytest.mark.parametrize(
    ("answer", "error_type", "parsed"),
    [
        ("addr_residence", None, "addr_residence"),
        (" addr_residence\r\n", None, "addr_residence"),
        ("dob", "wrong_answer", "dob"),
        ("You are probably looking for `addr_residence`.", "format_violation", "addr_residence"),
        ('{"field": "dob"}', "format_violation", "dob"),
        ("addr_residence.", "format_violation", "addr_residence"),
        ("ADDR_RESIDENCE", "no_answer", None),
        ("dob or addr_residence", "format_violation", None),
        ("I do not know.", "no_answer", None),
        ("addr_residence_2", "no_answer", None),
        (" \n", "empty_answer", None),
    ],
)
def test_options_are_read_strictly(answer, error_type, parsed):
    """With permitted answers only the bare name passes; every other answer says why it fails."""
    case = Case(case_id="1", suite="router", inputs={}, expected={"field": "addr_residence", "value": "Ely"})

    result = score_answer(SUITE, case, answer)

    assert (result.error_type, result.answer) == (error_type, parsed)
    assert result.outcome is (Outcome.FAILED if error_type else Outcome.PASSED)
    assert result.score == (0.0 if error_type else 1.0)


def test_a_longer_option_hides_the_shorter_ones_inside_it():
    """An option that is part of the name of the one mentioned is not mentioned."""
    result = scored("It is new york city, I think.", "new york", options=("new york", "new york city"))

    assert (result.error_type, result.answer) == ("format_violation", "new york city")


@pytest.mark.parametrize(
    ("scorer", "answer", "passes"),
    [
        (Scorer.NORMALISED, '"DOB".', True),
        (Scorer.NORMALISED, "It is dob", False),
        (Scorer.CONTAINS, "It is dob", True),
        (Scorer.CONTAINS, "dob, not addr_mailing", False),
    ],
)
def test_a_scorer_says_how_strictly_options_are_read(scorer, answer, passes):
    """A forgiving scorer forgives around options what its name says."""
    assert (scored(answer, "dob", scorer, OPTIONS).score == 1.0) is passes


@pytest.mark.parametrize(
    ("scorer", "answer", "expected", "passes"),
    [
        (Scorer.EXACT, " yes ", "yes", True),
        (Scorer.EXACT, "Yes", "yes", False),
        (Scorer.NORMALISED, "“Yes,  it is!”", "yes, it is", True),
        (Scorer.NORMALISED, "no", "yes", False),
        (Scorer.CONTAINS, "The answer is: New\nYork.", "new york", True),
        (Scorer.CONTAINS, "art", "a", False),
        (Scorer.NUMERIC, "First 3 + 4, so 1,234.50 USD.", 1234.5, True),
        (Scorer.NUMERIC, "about 12%", "12", True),
        (Scorer.NUMERIC, "1000001", 1000000, False),
        (Scorer.NUMERIC, "-5", 5, False),
    ],
)
def test_scorers_without_options(scorer, answer, expected, passes):
    """Each scorer accepts what its name says."""
    result = scored(answer, expected, scorer)

    assert (result.score == 1.0) is passes
    assert result.error_type == (None if passes else "wrong_answer")


def test_no_number_is_no_answer():
    """The numeric scorer tells a missing number from a wrong one."""
    assert scored("none", 3, Scorer.NUMERIC).error_type == "no_answer"


@pytest.mark.parametrize("expected", [None, [], {}, "", {"other": 1}])
def test_without_expectation_nothing_is_scored(expected):
    """A case that expects nothing comparable stays unscored, never failed."""
    result = scored("anything", expected)

    assert result.outcome is Outcome.UNSCORED
    assert result.score is None


def test_the_comparable_part_of_an_expectation():
    """A field comes before a value; numbers and truth values become text."""
    assert expectation({"value": 1, "field": "dob"}) == "dob"
    assert expectation({"value": 1.5}) == "1.5"
    assert expectation({"answer": False}) == "false"


@pytest.mark.parametrize(
    ("text", "value"),
    [("2020-10", 10.0), ("e5 is no 5e0", 5.0), ("x=-.5e3", -500.0), ("1'234", 1234.0), ("9" * 400, None)],
)
def test_numbers_in_prose(text, value):
    """The last number of a text is read as people write it; one beyond all bounds is none."""
    assert number_in(text) == value


@given(st.text())
def test_every_answer_gets_a_verdict(answer):
    """No text breaks a scorer, and a failure always says why."""
    for scorer in OPTION_SCORERS - {Scorer.NUMERIC}:
        for options in ((), OPTIONS):
            result = scored(answer, "dob", scorer, options)
            assert (result.error_type is None) is (result.outcome is Outcome.PASSED)


@given(st.sampled_from(OPTIONS), st.sampled_from(OPTIONS))
def test_an_option_passes_where_it_is_expected(answer, expected):
    """An option passes exactly where it is the expected one."""
    assert (scored(answer, expected, options=OPTIONS).score == 1.0) is (answer == expected)
