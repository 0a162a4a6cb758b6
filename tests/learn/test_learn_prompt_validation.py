"""Four stages a text goes through before an application reads it."""

from __future__ import annotations

import pytest

from flywheel.learn.prompt_validation import Surroundings, validate_prompt
from flywheel.records.lineage import Edge, EdgeKind

GOOD = "Name the team. Answer with one word.\n\nQuestion: {question}"


def passed(text: str, **around: object) -> dict[str, bool | None]:
    """Result by stage."""
    found = validate_prompt("v2", text, Surroundings(**around))
    return {one.stage.value: one.passed for one in found}


def said(stage: str, text: str, **around: object) -> str:
    """What one stage has to say."""
    found = validate_prompt("v2", text, Surroundings(**around))
    return next(one.said for one in found if one.stage.value == stage)


def edge(ruling: str, child: str = "v2") -> Edge:
    """A measured edge of the lineage."""
    return Edge(prompt="p", child=child, parent="v1", kind=EdgeKind.DERIVED_FROM, ruling=ruling, because="b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  \n", "there is no text"),
        ("a\0b {question}", "NUL"),
        ("a \ud800 {question}", "character 2 is half of a pair"),
        ("Name the team of {the question}", "{the"),
    ],
)
def test_what_cannot_be_read_or_written_fails_in_syntax(text, words):
    """Nothing, a NUL, half a character, a broken placeholder: each is said."""
    assert passed(text)["syntax"] is False
    assert words in said("syntax", text)


def test_private_text_fails_in_content():
    """A key or an address in a prompt would reach every user of it."""
    found = said("content", f"{GOOD}\nAsk ann@example.com", replaced=GOOD)

    assert passed(f"{GOOD}\nAsk ann@example.com", replaced=GOOD)["content"] is False
    assert found == "1 email in it"


def test_a_weakness_counts_when_it_is_new():
    """What the replaced text lacks too is no reason; without one it is a suspicion, which is no failure."""
    weak = "Name the team.\n\nQuestion: {question}"

    assert passed(weak, replaced=GOOD)["content"] is False
    assert passed(weak, replaced=weak)["content"] is True
    assert passed(weak)["content"] is None


def test_variables_and_cases_must_fit():
    """Missing and new variables are named; so are cases that cannot be put into the text."""
    other = "Name the team of {customer}. Answer with one word."

    found = said(
        "integration", other, replaced=GOOD, inputs={"c1": {"question": "?"}, "c2": {"customer": "x"}}
    )

    assert "it lacks question" in found
    assert "it needs customer" in found
    assert "1 of 2 cases cannot be put into it: c1" in found
    assert passed(GOOD, replaced=GOOD, inputs={"c1": {"question": "?"}})["integration"] is True


@pytest.mark.parametrize(
    ("edges", "approved", "result"),
    [
        ([], False, None),
        ([edge("ship")], False, True),
        ([edge("hold")], False, None),
        ([edge("stage")], False, None),
        ([edge("reject")], False, False),
        ([edge("ship"), edge("reject")], False, False),
        ([edge("reject", child="v3")], False, None),
        ([edge("reject")], True, True),
    ],
)
def test_quality_is_what_was_measured(edges, approved, result):
    """The newest verdict on this version, a person's approval before it; what nobody measured is unknown."""
    assert passed(GOOD, edges=edges, approved=approved)["quality"] is result
