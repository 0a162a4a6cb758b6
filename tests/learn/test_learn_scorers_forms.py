"""Answers that are JSON, sets, lists, or judged by a function of the user's."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.errors import InputError
from flywheel.learn.scorers import score_answer, scoring_of
from flywheel.learn.scorers_overlap import common_length, overlap
from flywheel.records.case import Case, Suite
from flywheel.records.execution import Outcome

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}
WORDS = st.lists(st.sampled_from(["red", "green", "blue", "black"]), max_size=8)


def scored(scorer, answer, expected, **parameters):
    """One answer scored by a suite with these parameters."""
    suite = Suite(suite="s", scorer=scorer, parameters=parameters)
    return score_answer(suite, Case(case_id="1", suite="s", inputs={"n": 2}, expected=expected), answer)


@pytest.mark.parametrize(
    ("answer", "error_type"),
    [
        ('{"name": "Ada", "age": 36}', None),
        ('{"name": "Ada", "age": -1}', "schema_violation"),
        ('{"name": "ada"}', "schema_violation"),
        ('{"age": 3}', "schema_violation"),
        ('```json\n{"name": "Ada"}\n```', "format_violation"),
        ("Ada", "not_json"),
        ('{"name": "Ada"', "not_json"),
        ('{"name": NaN}', "not_json"),
        ("[" * 100_000, "not_json"),
        ("  ", "empty_answer"),
    ],
)
def test_an_answer_is_json_of_the_schema_or_says_why_not(answer, error_type):
    """The schema is the expectation; every way to miss it has its own name."""
    assert scored("json_schema", answer, None, schema=PERSON).error_type == error_type


def test_a_fence_is_allowed_where_the_suite_says_so():
    """An application that strips the fence scores as it reads."""
    fenced = '```json\n{"name": "Ada"}\n```'

    assert scored("json_schema", fenced, None, schema=PERSON, fenced=True).score == 1.0


def test_fields_are_scored_by_their_share():
    """With match=fields the score is the share of expected fields that are equal; true is not 1."""
    answer = '{"a": 1.0, "b": true, "c": [1, 2], "more": 0}'

    result = scored("json_schema", answer, {"a": 1, "b": 1, "c": [1, 2], "d": 0}, schema={}, match="fields")

    assert (result.score, result.detail, result.outcome) == (0.5, {"wrong": ["b", "d"]}, Outcome.FAILED)
    passing = scored("json_schema", answer, {"a": 1, "b": 1}, schema={}, match="fields", pass_at=0.5)
    assert (passing.score, passing.outcome) == (0.5, Outcome.PASSED)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "objekt"}, "is no JSON Schema"),
        ({"$ref": "http://127.0.0.1:1/schema.json"}, "leads out of the schema"),
        ({"$ref": "file:///etc/passwd"}, "leads out of the schema"),
        ({"$schema": "urn:mine"}, "is unknown"),
        ({"pattern": "("}, "is no JSON Schema, at \\$.pattern"),
        ({"patternProperties": {"(a{1000}){1000}": {}}}, "repeats"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema, words):
    """A wrong schema, or one that would fetch something, is refused before the first answer."""
    with pytest.raises(InputError, match=words):
        scoring_of(Suite(suite="s", scorer="json_schema", parameters={"schema": schema}))


def test_a_schema_without_end_scores_nothing():
    """A schema that refers to itself for ever is given up, and the answer is unscored."""
    result = scored("json_schema", "1", None, schema={"$ref": "#"})

    assert (result.outcome, result.error_type) == (Outcome.UNSCORED, "schema_timeout")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_any_json_passes_the_empty_schema(value):
    """A schema that asks nothing lets every JSON pass."""
    assert scored("json_schema", json.dumps(value), None, schema={}).score == 1.0


@pytest.mark.parametrize(
    ("answer", "expected", "score"),
    [
        ('["red", "green"]', ["green", "red"], 1.0),
        ("- Red\n- green\n", ["red", "green"], 1.0),
        ("red, green and blue", ["red", "green"], 0.8),
        ("1. red\n2. red", ["red"], 1.0),
        ("red; blue", "red; green", 0.5),
        ("none", [], 1.0),
        ("red", [], 0.0),
        ("none", ["red"], 0.0),
        ('["a, b", "c"]', ["a, b", "c"], 1.0),
    ],
)
def test_a_set_is_scored_by_what_is_in_it(answer, expected, score):
    """The score of a set is its F1; neither order nor repetition counts."""
    assert scored("set", answer, expected).score == pytest.approx(score)


@pytest.mark.parametrize(
    ("answer", "measure", "score"),
    [("a, c, b", "f1", 2 / 3), ("a, c, b", "jaccard", 0.5), ("a", "precision", 1.0), ("a", "recall", 1 / 3)],
)
def test_a_list_is_scored_in_its_order(answer, measure, score):
    """The score of a list counts the longest part in the right order."""
    result = scored("list", answer, ["a", "b", "c"], measure=measure, pass_at=0.6)

    assert result.score == pytest.approx(score)
    assert (result.outcome is Outcome.PASSED) is (score >= 0.6)


def test_what_is_missing_is_said():
    """A failed set names what is missing and what is too much, for people and for programs."""
    result = scored("set", "red, blue", ["red", "green"])

    assert result.detail == {"missing": ["green"], "surplus": ["blue"]}
    assert result.error_message == "missing ['green'], surplus ['blue']"


@pytest.mark.parametrize("expected", [None, "", {"other": 1}])
def test_no_list_expected_scores_nothing(expected):
    """Without a list to compare with, an answer is unscored; an empty list is an expectation."""
    assert scored("set", "red", expected).outcome is Outcome.UNSCORED
    assert scored("set", "", expected).outcome is Outcome.UNSCORED


@given(WORDS, WORDS)
def test_the_laws_of_overlap(left, right):
    """The longest common part obeys its recursion; scores are symmetric, ordered, and 1 only for equals."""
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    common = common_length(left, right)

    assert common == table[-1][-1] == common_length(right, left)
    f1 = overlap(common, len(left), len(right), "f1")
    jaccard = overlap(common, len(left), len(right), "jaccard")
    assert 0 <= jaccard <= f1 <= 1
    assert (f1 == 1) is (left == right)


def by_length(answer, expected, inputs):
    """A scorer as a user writes it."""
    if answer == "raise":
        raise KeyError("no such word")
    return {
        "half": 0.5,
        "yes": True,
        "why": {"score": 0.25, "reason": "too short"},
        "odd": 7,
        "unknown": None,
    }.get(answer, len(answer) == inputs["n"])


@pytest.mark.parametrize(
    ("answer", "outcome", "score", "error_type"),
    [
        ("yes", Outcome.PASSED, 1.0, None),
        ("ab", Outcome.PASSED, 1.0, None),
        ("abc", Outcome.FAILED, 0.0, "wrong_answer"),
        ("half", Outcome.PASSED, 0.5, None),
        ("why", Outcome.FAILED, 0.25, "wrong_answer"),
        ("odd", Outcome.UNSCORED, None, "scorer_error"),
        ("raise", Outcome.UNSCORED, None, "scorer_error"),
        ("unknown", Outcome.UNSCORED, None, "no_score"),
    ],
)
def test_a_function_of_the_users_scores(answer, outcome, score, error_type):
    """What the function gives becomes the score; an error in it leaves it unscored, with the reason."""
    result = scored("code", answer, None, path=f"{__name__}:by_length", pass_at=0.5)

    assert (result.outcome, result.score, result.error_type) == (outcome, score, error_type)
    if answer == "raise":
        assert result.error_message.endswith("raised KeyError: 'no such word'")
    if answer == "why":
        assert (result.error_message, result.detail) == ("too short", {"reason": "too short"})


@pytest.mark.parametrize("path", ["no_such_module:f", "json:no_such_function", "json:__name__"])
def test_a_path_to_nothing_is_refused(path):
    """A scorer that cannot be imported is refused before the first answer."""
    with pytest.raises(InputError, match="Nothing was run"):
        scoring_of(Suite(suite="s", scorer="code", parameters={"path": path}))
