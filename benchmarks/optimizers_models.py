"""A model that no prompt can help: what an optimizer brings home from a world without gains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flywheel.llm.embedded_question import split_conversation
from flywheel.llm.embedded_text import hash64, unit
from flywheel.records.chat import ChatAnswer, ChatRequest, Message

PASS_RATE = 0.70
"""Of the first prompt, and of every other prompt that changes nothing."""

FIXED = 0.643
"""Share of cases whose outcome the prompt cannot touch; equal prompts then differ on 15 % of the cases."""

HARMFUL = 0.5
"""Share of other prompts that are worse."""

MOST_HARM = 0.08
"""A worse prompt loses between nothing and this, evenly."""

QUOTES = " \t\"'“”‘’«»`*"
"""What a question is stripped of when it is read."""


class Indifferent:
    """Answers right with a chance that depends on the prompt: as often as the first one, or less.

    The same prompt gives the same answer on a case, so running it again shows
    nothing new. What a prompt is worth follows from a hash of its words with the seed.

    Args:
        first: the prompt all start from.
        key: the right answer by question.
        names: all answers.
        seed: another seed is another world.
    """

    remote = False

    def __init__(self, first: str, key: Mapping[str, str], names: Sequence[str], seed: int) -> None:
        self.key = {question.strip(QUOTES): right for question, right in key.items()}
        self.names = names
        self.seed = seed
        self.last_rate = PASS_RATE
        asked = next(iter(key))
        message = Message(role="user", content=first.replace("{question}", asked))
        self.first = _words(split_conversation((message,)).reference)

    def rate(self, reference: str) -> float:
        """True pass rate of a prompt, known exactly."""
        words = _words(reference)
        if words == self.first or unit("useless", words, self.seed) >= HARMFUL:
            return PASS_RATE
        return PASS_RATE - MOST_HARM * unit("harm", words, self.seed)

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """The right answer, or another of the names."""
        asked = split_conversation(request.messages)
        self.last_rate = self.rate(asked.reference)
        fixed = unit("fixed", asked.question, self.seed) < FIXED
        about = "" if fixed else _words(asked.reference)
        right = self.key[asked.question]
        if unit("case", asked.question, about, self.seed) >= self.last_rate:
            others = [name for name in self.names if name != right]
            right = others[hash64("wrong", asked.question, about) % len(others)]
        return ChatAnswer(text=right, model="indifferent")


def _words(reference: str) -> str:
    return " ".join(reference.split())
