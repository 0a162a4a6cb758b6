"""What the embedded model reads in a prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.llm.embedded_question import split_conversation
from flywheel.llm.embedded_reader import CUT, read, shorten
from flywheel.records.chat import Message


def user(text):
    """One user message."""
    return [Message(role="user", content=text)]


def options_of(text):
    """Names with descriptions, as read."""
    return {option.name: option.description for option in read(text).options}


@pytest.mark.parametrize(
    "text",
    [
        "- home_addr: where she lives\n- dob: day of birth",
        "* home_addr - where she lives\n* dob - day of birth",
        "1. home_addr — where she lives\n2. dob — day of birth",
        "(a) `home_addr` - where she lives\n(b) `dob` - day of birth",
        "- **home_addr**: where she lives\n- **dob**: day of birth",
        "| name | meaning |\n|---|---|\n| home_addr | where she lives |\n| dob | day of birth |",
        '"home_addr": "where she lives",\n- "dob": "day of birth"',
    ],
)
def test_definitions_are_read_in_every_usual_form(text):
    """A name with its description is an option, however the list is drawn."""
    assert options_of(text) == {"home_addr": "where she lives", "dob": "day of birth"}


@pytest.mark.parametrize(
    "text",
    [
        "- dob\n- home_addr\n- ph_home",
        "Fields: dob, home_addr, ph_home",
        "These are the fields:\n- dob\n- home_addr\n- ph_home\n\nBe polite.",
        "customer: dob, home_addr\nphones: ph_home; dob",
        "One of: `dob`, `home_addr`, or `ph_home`.",
        "Options:\ndob\nhome_addr\nph_home",
    ],
)
def test_bare_names_are_read_in_every_usual_form(text):
    """Bullets, rows separated by commas, and plain lines under a heading are options."""
    assert set(options_of(text)) == {"dob", "home_addr", "ph_home"}


def test_rules_in_bullets_are_no_options():
    """A bullet that gives a rule is not taken for an answer to choose."""
    text = "Rules:\n- Be polite.\n- Never: guess\n\nFields:\n- dob\n- home_addr\n- ph_home"

    assert set(options_of(text)) == {"dob", "home_addr", "ph_home"}


def test_a_definition_further_down_joins_its_name():
    """A name listed twice is one option with what both places say of it."""
    assert options_of("- dob\n- ph_home\n\nWhat the names mean:\n- dob: day of birth") == {
        "dob": "day of birth",
        "ph_home": "",
    }


def test_descriptions_full_of_commas_stay_descriptions():
    """A description that lists words is not a row of names."""
    assert options_of("- home_addr: street, city, country\n- dob: day, month, year") == {
        "home_addr": "street, city, country",
        "dob": "day, month, year",
    }


def test_two_words_to_choose_from_are_options():
    """A demand to answer with one word or the other gives two options."""
    assert set(options_of("Is it a plant? Answer yes or no.")) == {"yes", "no"}


@pytest.mark.parametrize(
    "text",
    [
        "Question: Where does she live?\nAnswer: home_addr\n\nQuestion: How old?\nAnswer: dob",
        "Q: Where does she live?\nA: home_addr\nQ: How old?\nA: dob",
        "Input: Where does she live?\nOutput: `home_addr`\n\nInput: How old?\nOutput: `dob`",
        "A question 1: Where does she live?\nField: home_addr\nA question 2: How old?\nField: dob",
        "Where does she live? -> home_addr\nHow old? -> dob",
        "Question:\nWhere does she live?\nAnswer:\nhome_addr\n\nQuestion:\nHow old?\nAnswer:\ndob",
    ],
)
def test_demonstrations_are_read_in_every_usual_form(text):
    """A question followed by its answer is a demonstration, and its answer an option."""
    reading = read(text)

    assert [(d.question, d.answer) for d in reading.demonstrations] == [
        ("Where does she live?", "home_addr"),
        ("How old?", "dob"),
    ]
    assert [o.name for o in reading.options] == ["home_addr", "dob"]


def test_message_pairs_are_demonstrations():
    """Earlier user and assistant messages read like solved questions in text."""
    asked = split_conversation(
        [
            Message(role="system", content="- dob\n- home_addr"),
            Message(role="user", content="How old?"),
            Message(role="assistant", content="dob"),
            Message(role="user", content="Where does she live?"),
        ]
    )

    assert asked.question == "Where does she live?"
    assert [(d.question, d.answer) for d in read(asked.reference).demonstrations] == [("How old?", "dob")]


@pytest.mark.parametrize(
    "text",
    [
        "Pick a field.\n\nQuestion: {q}",
        "Pick a field.\n\nQuestion: {q}\nAnswer:",
        "Q: How old?\nA: dob\n\nQ: {q}\nA:",
        "Pick a field.\nThe customer asks: {q}\nReply with one name only.",
        "<question>{q}</question>\n\nReply with one name only.",
        "Question: {q}\n\nSolved questions:\nQ: How old?\nA: dob",
        "- dob\n- home_addr\n\n{q}",
        "You help agents.\n{q}",
        "Answer the question:\n{q}",
        "{q}\n\n- dob: age\n- home_addr: home\n\nReply with the name only, with nothing else.",
        "{q}",
    ],
)
def test_the_question_is_found_wherever_it_stands(text):
    """The unanswered question is the question, and all else is the same for every question."""
    question = "Where does she live these days?"

    asked = split_conversation(user(text.replace("{q}", question)))
    other = split_conversation(user(text.replace("{q}", "What is the phone number, please?")))

    assert asked.question == question
    assert asked.reference == other.reference
    assert question not in asked.reference


def test_the_question_is_found_above_a_long_reference():
    """A question at the top is found even when thousands of characters follow."""
    text = "Question: Where does she live?\n\n" + "\n".join(f"- field_{i}: number {i}" for i in range(400))

    assert split_conversation(user(text)).question == "Where does she live?"


@pytest.mark.parametrize(
    ("text", "bare", "named", "cued"),
    [
        ("Tell them which field has it.", False, False, False),
        ("Question: \nAnswer:", False, False, True),
        ("Answer with the name of the field.", False, True, False),
        ("Answer with the name of the field only.", True, True, False),
        ("Reply with exactly one of the names, with nothing else: no sentence.", True, True, False),
        ("Output format: reply with the answer only: no explanation.", True, True, False),
        ("Take your time, think about it, and make sure that your answer is correct.", False, False, False),
    ],
)
def test_demands_on_the_form(text, bare, named, cued):
    """The reader tells no demand from a weak one, a cue, and one that excludes all else."""
    demand = read(text).demand

    assert (demand.bare, demand.named, demand.cued) == (bare, named, cued)


def test_a_demanded_json_object_is_read_with_its_key():
    """The key of the JSON object in the prompt is the key to answer with."""
    assert read('Reply with JSON: {"field": "<name>"}').demand.json_key == "field"
    assert read("Reply with JSON.").demand.json_key == "answer"
    assert read("Reply in one word.").demand.json_key is None


def test_an_explanation_can_be_asked_for_or_ruled_out():
    """`Explain` asks for an explanation, `do not explain` does not."""
    assert read("Explain your reasoning.").demand.explain
    assert not read("Do not explain.").demand.explain


def test_a_long_reference_loses_its_middle():
    """What does not fit the context is dropped from the middle, in whole lines."""
    reference = "\n".join(f"- field_{i}: text number {i}" for i in range(200))

    seen = shorten(reference, 1000)

    assert len(seen) <= 1000 + len(CUT)
    assert set(seen.splitlines()) <= {*reference.splitlines(), "[...]"}
    assert seen.startswith("- field_0:")
    assert seen.endswith("- field_199: text number 199")


@given(st.text(), st.integers(1, 50))
def test_any_text_can_be_read(text, limit):
    """No text breaks the reader."""
    asked = split_conversation(user(text))

    read(asked.reference)
    assert len(shorten(text, limit)) <= max(limit + len(CUT), len(CUT))
