"""How the embedded model words an answer: chatty by habit, in form when told."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flywheel.llm.embedded_reader import FormDemand
from flywheel.llm.embedded_text import hash64, unit
from flywheel.llm.embedded_variants import EmbeddedVariant

DONT_KNOW = "I do not know: the text I was given does not answer this."

_CHATTY = (
    "You are probably looking for `{answer}`, which should hold what was asked.",
    "That would be {answer}.",
    "Based on the question, the best match is **{answer}**.",
    'The answer is "{answer}". Let me know if you need anything else!',
    "I would look at {answer} for this.",
    "This information can be found in `{answer}`.",
)
_EXPLAINED = "The words of the question are closest to what is said about {answer}.\nAnswer: {answer}"


@dataclass(frozen=True, slots=True)
class Habit:
    """Share of questions answered in bare form for each way of asking, before obedience.

    Attributes:
        unasked: nothing says what to write.
        cued: the prompt ends with a cue such as `Answer:`.
        named: the prompt says what to write, not that nothing else may be.
        shown: demonstrations show bare answers.
        told: the prompt says that nothing else may be written.
    """

    unasked: float = 0.65
    cued: float = 0.70
    named: float = 0.80
    shown: float = 0.90
    told: float = 1.0


HABIT = Habit()


def bare_share(demand: FormDemand, demonstrations: int, variant: EmbeddedVariant) -> float:
    """Share of questions a variant answers without a sentence around the answer.

    Args:
        demand: what the prompt says about the form.
        demonstrations: solved questions with a bare answer; three are taken as a hint.
        variant: its obedience.

    Returns:
        A fraction in [0, 1].
    """
    wish = HABIT.unasked
    if demand.cued:
        wish = HABIT.cued
    if demand.named:
        wish = HABIT.named
    if demonstrations >= 3:
        wish = max(wish, HABIT.shown)
    if demand.bare or demand.json_key is not None:
        wish = HABIT.told
    return wish * variant.format_obedience


def word_answer(answer: str, demand: FormDemand, share: float, draw: tuple[object, ...]) -> str:
    """The answer as text.

    Args:
        answer: what is to be said.
        demand: the demanded form.
        share: of `bare_share`.
        draw: parts of the hash that decides; the same parts give the same text.

    Examples:
        >>> word_answer("city", FormDemand(bare=True), 1.0, ("q",))
        'city'
    """
    obeys = unit("form", *draw) < share
    if demand.json_key is not None:
        body = json.dumps({demand.json_key: answer}, ensure_ascii=False)
        return body if obeys else f"Here is the answer:\n```json\n{body}\n```"
    if demand.explain and not demand.bare:
        return _EXPLAINED.format(answer=answer)
    if obeys:
        return answer
    return _CHATTY[hash64("words", *draw) % len(_CHATTY)].format(answer=answer)
