"""The embedded model: what it answers, how it words it, what it pretends to cost."""

from __future__ import annotations

import json

import numpy as np
import pytest

from flywheel.llm.embedded import EmbeddedModel, noise
from flywheel.llm.embedded_text import hash64
from flywheel.llm.embedded_variants import BY_NAME, VARIANTS
from flywheel.llm.embedded_voice import DONT_KNOW
from flywheel.records.chat import ChatRequest, Message

FIELDS = {
    "f_01": "Street in which the person lives",
    "f_02": "Day on which the person was born",
    "f_03": "Balance of the checking account",
    "f_04": "Number of open complaints",
}
NAMES = "\n".join(f"- {name}" for name in FIELDS)
DEFINITIONS = "\n".join(f"- {name}: {text}." for name, text in FIELDS.items())
QUESTIONS = {
    "What street does she live in?": "f_01",
    "On which day was he born?": "f_02",
    "What is the checking balance?": "f_03",
    "How many complaints are open?": "f_04",
}
ONLY = "Reply with the name only, with nothing else."


def ask(prompt, model="embedded-large", **settings):
    """One answer of an embedded model to one user message."""
    request = ChatRequest(model=model, messages=(Message(role="user", content=prompt),), **settings)
    return EmbeddedModel(BY_NAME[model]).complete(request)


def right(head, model="embedded-large"):
    """How many of the four questions are answered with the bare right name."""
    return sum(ask(f"{head}\n\nQ: {q}", model).text == name for q, name in QUESTIONS.items())


def test_names_that_mean_nothing_need_definitions():
    """With definitions the model finds every field; without them it can only guess."""
    assert right(f"{DEFINITIONS}\n{ONLY}") == 4
    assert right(f"{NAMES}\n{ONLY}") < 4


def test_demonstrations_cure_missing_definitions():
    """Solved questions in the same words lead to the right names without definitions."""
    solved = "\n\n".join(f"Q: {q.rstrip('?')} please?\nA: {name}" for q, name in QUESTIONS.items())

    assert right(f"{NAMES}\n{ONLY}\n\n{solved}") == 4


def test_message_pairs_work_like_demonstrations_in_text():
    """A conversation of solved questions leads to the right names as well."""
    pairs = [
        Message(role=role, content=text)
        for q, name in QUESTIONS.items()
        for role, text in (("user", f"{q} Please."), ("assistant", name))
    ]
    messages = (Message(role="system", content=f"{NAMES}\n{ONLY}"), *pairs)

    answers = [
        EmbeddedModel(BY_NAME["embedded-large"])
        .complete(ChatRequest(model="m", messages=(*messages, Message(role="user", content=q))))
        .text
        for q in QUESTIONS
    ]

    assert answers == list(QUESTIONS.values())


def test_it_chats_unless_told_otherwise():
    """Without a demand many answers are sentences around the name; a strict demand leaves few of them."""
    questions = [f"On which day was person {i} born?" for i in range(60)]

    def bare(head):
        return sum(ask(f"{DEFINITIONS}\n{head}\n\nQ: {q}").text == "f_02" for q in questions)

    assert bare("") < 50
    assert bare("") < bare("Answer with the name of the field.") < bare(ONLY)
    assert bare(ONLY) >= 55
    assert all("f_02" in ask(f"{DEFINITIONS}\n\nQ: {q}").text for q in questions)


def test_smaller_variants_obey_less():
    """The share of bare answers under the same demand follows the variant's obedience."""
    questions = [f"On which day was person {i} born?" for i in range(200)]

    def in_form(model):
        chatty = (" " in ask(f"{DEFINITIONS}\n{ONLY}\n\nQ: {q}", model).text for q in questions)
        return 1 - sum(chatty) / len(questions)

    assert in_form("embedded-nano") < in_form("embedded-large")


def test_a_demanded_json_object_is_given():
    """A prompt that demands JSON gets an object with the demanded key."""
    text = ask(
        f'{DEFINITIONS}\nReply with JSON: {{"field": "<name>"}}\n\nQ: What is the checking balance?'
    ).text

    assert json.loads(text.removeprefix("Here is the answer:\n```json\n").removesuffix("\n```")) == {
        "field": "f_03"
    }


def test_a_small_context_loses_the_middle_of_the_reference():
    """A definition in the middle of a long prompt is lost on a small context only."""
    filler = "\n".join(
        f"- g_{i:03}: Something about topic number {i}, which nobody asks for." for i in range(400)
    )
    head = f"{filler}\n{DEFINITIONS}\n{filler.replace('g_', 'h_')}\n{ONLY}"

    assert right(head, "embedded-large") == 4
    assert right(head, "embedded-nano") == 0


def test_the_same_request_gives_the_same_answer():
    """Text and numbers depend on nothing but the request, in a fresh model as in a used one."""
    prompt = f"{NAMES}\n\nQ: Is there anything else?"
    used = EmbeddedModel(BY_NAME["embedded-nano"])
    for question in QUESTIONS:
        used.complete(
            ChatRequest(model="m", messages=(Message(role="user", content=f"{NAMES}\nQ: {question}"),))
        )
    request = ChatRequest(model="m", messages=(Message(role="user", content=prompt),), seed=3)

    assert used.complete(request) == EmbeddedModel(BY_NAME["embedded-nano"]).complete(request)


def test_another_seed_is_another_draw():
    """Guesses change with the seed."""
    assert len({ask(f"{NAMES}\n{ONLY}\n\nQ: Why?", "embedded-nano", seed=i).text for i in range(30)}) > 1


def test_a_care_nudge_changes_nothing():
    """Advice without information gives the same answer to the same question."""
    for question in QUESTIONS:
        plain = ask(f"{NAMES}\n{ONLY}\n\nQ: {question}", "embedded-micro")
        nudged = ask(f"{NAMES}\n{ONLY}\nThink carefully.\n\nQ: {question}", "embedded-micro")
        assert plain.text == nudged.text


def test_noise_of_an_option_is_its_own():
    """The noise of an option does not depend on which other options there are."""
    keys = np.array([hash64(i) for i in range(20_000)], dtype=np.uint64)

    drawn = noise(keys, ("model", "question", 0))

    assert (noise(keys[7:9], ("model", "question", 0)) == drawn[7:9]).all()
    assert abs(drawn.mean()) < 0.03
    assert abs(drawn.std() - 1) < 0.03


def test_without_options_the_nearest_demonstration_answers():
    """A prompt of demonstrations with long answers is answered like the nearest one."""
    prompt = (
        "Q: How do I reset my password?\nA: Open the settings, then choose reset password at the bottom.\n\n"
        "Q: Where is my parcel?\nA: You find the parcel's way under orders, behind the parcel number.\n\n"
        "Q: I forgot the password, what now?"
    )

    assert "choose reset password" in ask(prompt).text


def test_without_anything_to_read_it_does_not_know():
    """A bare question is answered by saying so, without a confidence."""
    answer = ask("What is the capital of France?")

    assert answer.text == DONT_KNOW
    assert answer.confidence is None


@pytest.mark.parametrize("messages", [(), (Message(role="system", content="- a\n- b"),)])
def test_a_conversation_without_a_question_is_answered_too(messages):
    """No messages, or none of a user, are no error."""
    assert EmbeddedModel(VARIANTS[0]).complete(ChatRequest(model="m", messages=messages)).text


def test_confidence_follows_the_margin():
    """A clear question is answered with more confidence than a vague one."""
    clear = ask(f"{DEFINITIONS}\n{ONLY}\n\nQ: On which day was the person born?").confidence
    vague = ask(f"{DEFINITIONS}\n{ONLY}\n\nQ: Anything else?").confidence

    assert vague < clear <= 1


def test_tokens_cost_and_latency_are_modelled():
    """Four characters are a token, and cost follows the price list of the variant."""
    prompt = f"{DEFINITIONS}\n{ONLY}\n\nQ: On which day was the person born?"
    answer = ask(prompt)
    variant = BY_NAME["embedded-large"]

    assert abs(answer.input_tokens - len(prompt) / 4) < 3
    assert answer.output_tokens == 1
    assert answer.cost_usd == pytest.approx(
        (answer.input_tokens * variant.usd_per_1m_input_tokens + variant.usd_per_1m_output_tokens) / 1e6
    )
    assert answer.latency_ms > ask(prompt, "embedded-fast").latency_ms


def test_a_token_limit_cuts_the_answer_off():
    """An answer longer than allowed ends early with finish reason length."""
    answer = ask("What is the capital of France?", max_output_tokens=2)

    assert (len(answer.text), answer.finish_reason) == (8, "length")


def test_one_prompt_is_read_once():
    """All questions to one prompt share one reading."""
    model = EmbeddedModel(BY_NAME["embedded-small"])
    for question in QUESTIONS:
        content = f"{DEFINITIONS}\n\nQuestion: {question}\nAnswer:"
        model.complete(ChatRequest(model="m", messages=(Message(role="user", content=content),)))

    assert len(model._prepared) == 1


def test_seven_variants_differ():
    """Seven names, each with another mix of context, noise, obedience, speed and price."""
    assert len(BY_NAME) == 7
    assert all(name.startswith("embedded-") for name in BY_NAME)
    assert len({(v.context_chars, v.noise, v.format_obedience) for v in VARIANTS}) == 7
