"""What can be seen in a prompt's text, with its place; what prompts that work share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.prompt_analysis import analyze_prompt
from flywheel.learn.prompt_features import ScoredVersion, features_by_slice, shared_features
from flywheel.stats.proportions import Counts

GOOD = """You route questions of customers to a team.

Reply with exactly one word and nothing else: billing, login or other.

Q: My card was charged twice.
A: billing

Question: {question}"""


def kinds(text: str) -> set[str]:
    """Kinds of the issues of a text."""
    return {issue.kind for issue in analyze_prompt(text).issues}


def test_a_prompt_without_weakness_scores_a_hundred():
    """Format, an example, a labelled place for the input: nothing to say."""
    assert analyze_prompt(GOOD).issues == ()
    assert analyze_prompt(GOOD).score == 100


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (GOOD.replace("{question}", "it"), "missing_placeholders"),
        (GOOD.replace("{question}", "{question"), "broken_placeholder"),
        ("Answer the customer's question.\n\nQuestion: {question}", "missing_output_format"),
        (GOOD + "\nExplain your reasoning step by step.", "contradiction"),
        (GOOD.replace("You route", "Always say why. Never say why. You route"), "contradiction"),
        (GOOD.replace("a team.", "a suitable team, etc."), "ambiguity"),
        ("Reply with one word only.\n\nQuestion: {question}", "missing_examples"),
        (GOOD.replace("You route", "Look at {question} then route. You route"), "injection"),
        (
            GOOD.replace("You route", "\n".join(f"- field_{n}" for n in range(9)) + "\nYou route"),
            "undefined_names",
        ),
        (GOOD.replace("You route", "very long " * 3000 + "You route"), "length"),
    ],
)
def test_each_weakness_is_found(text: str, kind: str):
    """One change to a good prompt gives the issue that it deserves."""
    assert kind in kinds(text)


def test_an_issue_names_its_place():
    """The quote is the text between start and end; each issue has a cure."""
    text = GOOD.replace("a team.", "a suitable team.")
    (issue,) = analyze_prompt(text).issues

    assert text[issue.start : issue.end] == issue.quote == "suitable"
    assert issue.cure


def test_an_input_between_marks_is_safe():
    """A variable in tags, quotes or a fence is not open to injection."""
    for marked in ("<input>{question}</input>", '"{question}"', "```\n{question}\n```"):
        text = GOOD.replace("Question: {question}", f"{marked}\n\nNow route the question above to a team.")
        assert "injection" not in kinds(text)


@given(st.text(max_size=400))
def test_any_text_has_a_score_with_places_inside_it(text: str):
    """The score is in 0 to 100, and no place lies outside the text."""
    found = analyze_prompt(text)

    assert 0 <= found.score <= 100
    assert all(0 <= i.start <= i.end <= len(text) for i in found.issues)


def version(name: str, text: str, passes: int, slice_passes: int = 50) -> ScoredVersion:
    """A version with a hundred runs, fifty of them in one slice."""
    return ScoredVersion(name, text, Counts(passes, 100), {"billing": Counts(slice_passes, 50)})


def test_a_feature_that_all_good_versions_have_separates_them():
    """Six with an output format pass, six without do not."""
    good = [version(f"g{n}", f"Reply with one word only, case {n}: {{q}}", 96) for n in range(6)]
    bad = [version(f"b{n}", f"Answer case {n}: {{q}}", 60) for n in range(6)]

    found = shared_features([*good, *bad])

    assert [f.feature for f in found.separating] == ["output format"]
    assert found.separating[0].difference.low > 0.4


def test_when_nothing_separates_them_it_says_so():
    """Equal texts with unequal luck give no finding."""
    versions = [version(f"v{n}", "Answer {q}", 95 if n % 2 else 80) for n in range(10)]

    found = shared_features(versions)

    assert found.separating == ()
    assert found.because == "nothing separates 5 high from 5 low versions"


def test_versions_on_one_side_of_the_bar_cannot_be_compared():
    """Without a low version there is nothing to hold the high ones against."""
    assert "nothing to compare" in shared_features([version("a", "x {q}", 99)]).because


def test_each_slice_is_looked_at_by_itself():
    """A version can be high in one slice, low in another."""
    versions = [version("a", "Reply only: {q}", 50, 49), version("b", "Answer {q}", 50, 10)]

    (found,) = features_by_slice(versions)

    assert (found.slice, found.high, found.low) == ("billing", ("a",), ("b",))
