"""The endpoint that all optimizers ask: a model that answers, a writer with canned ideas, one meter."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.optimizers_worlds import MODEL, World
from flywheel.learn.insertion import demonstration
from flywheel.ports import ChatModel
from flywheel.records.chat import ChatAnswer, ChatRequest, Message

WRITER = "writer"
CHARS_PER_TOKEN = 4

_FIELD = re.compile(r"\[\[ ## (\w+) ## \]\]\n?(.*?)(?=\n\[\[ ##|\Z)", re.DOTALL)
_OUTPUTS = re.compile(r"Your output fields are:\n(.*?)\nAll interactions", re.DOTALL)
_GOAL = re.compile(r"your objective is:\s*(.*)\Z", re.DOTALL)
_FORM = re.compile(r"\n\n(Respond with the corresponding output fields.*)\Z", re.DOTALL)

Said = Sequence[tuple[str, str]]
"""Messages, each a role with its text."""


@dataclass
class Endpoint:
    """Answers and counts."""

    world: World
    answering: ChatModel
    calls: int = 0
    tokens: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def __post_init__(self) -> None:
        self.head, self.tail = self.world.head, self.world.tail

    def reset(self, seed: int) -> None:
        """Start the meter anew; the ideas of the writer follow from the seed."""
        self.calls = self.tokens = 0
        self.rng = random.Random(seed)

    def say(self, said: Said, model: str) -> str:
        """One answer, counted."""
        self.calls += 1
        self.tokens += sum(len(text) for _, text in said) // CHARS_PER_TOKEN
        if "[[ ## " in said[0][1]:
            return self._as_dspy(said)
        if model != WRITER:
            return self._read(said[-1][1])
        idea = self.idea()
        if "JSON object" in said[0][1]:
            return json.dumps(
                {"prompt": f"{idea}\n\n{self.tail}", "why": "an idea", "show": ["c1", "c2", "c3"]}
            )
        return f"```\n{idea}\n```"

    def idea(self) -> str:
        """The first prompt with one or more of the additions."""
        world = self.world
        if world.most_ideas == 1:
            return f"{self.head}\n\n{self.rng.choice(world.ideas)}"
        count = self.rng.randint(1, world.most_ideas)
        return "\n\n".join([self.head, *self.rng.sample(world.ideas, count)])

    def _read(self, text: str) -> str:
        request = ChatRequest(model=MODEL, messages=(Message(role="user", content=text),), seed=7)
        return self.answering.complete(request).text

    def _as_dspy(self, said: Said) -> str:
        """A call in DSPy's own format: instruction with demonstrations, read like a plain prompt."""
        system = said[0][1]
        listed = _OUTPUTS.search(system)
        outputs = re.findall(r"`(\w+)`", listed[1]) if listed else ["answer"]
        if outputs != ["answer"]:
            answers = dict.fromkeys(outputs, "Questions, each with one of the listed names as its answer.")
            answers.update({name: self.idea() for name in outputs if "instruction" in name})
            return "\n\n".join([*(_field(n, t) for n, t in answers.items()), _field("completed", "")])
        text = self._plain(system, said[1:])
        return f"{_field('answer', self._read(text))}\n\n{_field('completed', '')}"

    def _plain(self, system: str, turns: Said) -> str:
        """The conversation as a prompt; what DSPy says of the form stands after its instruction."""
        goal = _GOAL.search(system)
        head = re.sub(r"^ {8}", "", goal[1], flags=re.MULTILINE).strip() if goal else self.head
        lines, asked, form = [head], "", ""
        for role, content in turns:
            parts = {name: text.strip() for name, text in _FIELD.findall(content)}
            if role == "user":
                question = parts.get("question", "")
                found = _FORM.search(question)
                form = found[1] if found else form
                asked = self.tail.replace("{question}", _FORM.sub("", question))
            else:
                lines.append(demonstration(asked, parts.get("answer", "")))
        if form and self.world.reads_form:
            lines.insert(1, form)
        return "\n\n".join([*lines, asked])


def _field(name: str, text: str) -> str:
    return f"[[ ## {name} ## ]]\n{text}".rstrip("\n")


class Served:
    """The endpoint as a chat model of ours."""

    remote = False

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        self.endpoint = endpoint
        self.name = name

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """One answer with its tokens; nothing is charged and no time is measured."""
        before = self.endpoint.tokens
        text = self.endpoint.say([(m.role, m.content) for m in request.messages], self.name)
        return ChatAnswer(
            text=text, model=self.name, input_tokens=self.endpoint.tokens - before, output_tokens=1
        )
