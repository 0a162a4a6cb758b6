"""Blocks land before the part of a prompt that asks."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.insertion import demonstration, insert_block, is_chat, layout
from flywheel.learn.templates import variables

BBH = "Sort words.\n\nQ: b a\nA: a b\n\nQ: {input}\nA:"


def test_the_tail_starts_at_the_question_not_at_the_solved_ones():
    """Solved questions above the open one stay in the head."""
    assert layout(BBH).tail == "Q: {input}\nA:"


def test_variables_of_one_paragraph_stay_together():
    """A context line above the question belongs to the tail."""
    text = "Rules.\n\nContext: {context}\nQuestion: {question}\nAnswer:"

    assert layout(text).tail == "Context: {context}\nQuestion: {question}\nAnswer:"


def test_a_list_right_above_the_question_is_not_part_of_the_tail():
    """Lines without a variable before the first variable line stay in the head."""
    assert layout("Fields: a, b\nQuestion: {q}").tail == "Question: {q}"


def test_a_prompt_without_variables_gets_the_block_at_its_end():
    """Nothing depends on the input, so the block goes last."""
    assert insert_block("Be kind.", "Be short.") == "Be kind.\n\nBe short.\n"


def test_windows_line_ends_are_kept():
    """A block in a CRLF prompt has CRLF line ends."""
    text = insert_block("Pick.\r\n\r\nQ: {q}", "one\ntwo")

    assert text == "Pick.\r\n\r\none\r\ntwo\r\n\r\nQ: {q}"


def test_a_chat_prompt_gets_the_block_in_its_first_message():
    """Message pairs keep their order."""
    chat = json.dumps([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{q}"}])

    messages = json.loads(insert_block(chat, "Be short."))

    assert messages[0]["content"] == "Be kind.\n\nBe short."
    assert messages[1] == {"role": "user", "content": "{q}"}


def test_a_list_that_is_no_chat_is_text():
    """JSON that is not an array of messages is an ordinary prompt."""
    assert not is_chat("[1, 2] is a list. {q}")
    assert not is_chat("[not json")


def test_a_demonstration_follows_the_form_of_the_prompt():
    """The answer goes where the prompt leaves room for it."""
    assert demonstration("Q: hi\nA:", "x") == "Q: hi\nA: x"
    assert demonstration("Question: hi", "x") == "Question: hi\nAnswer: x"


@given(head=st.text(alphabet="ab {}\n\r\"'é", max_size=60), tail=st.text(alphabet="xy \n{}", max_size=20))
def test_inserting_removes_nothing(head: str, tail: str):
    """Every character of the old prompt is in the new one, in order, with the same variables."""
    text = f"{head}\n{{question}}{tail}"
    new = insert_block(text, "BLOCK")

    rest = iter(new)
    assert all(any(c == d for d in rest) for c in text)
    assert set(variables(new)) == set(variables(text))
