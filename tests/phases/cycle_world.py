"""What the small world of the cycle tests is made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from flywheel.cycle import Wiring
from flywheel.ports import Store
from flywheel.records.case import AnswerOption, Case, Suite
from flywheel.records.chat import ChatRequest
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind

TEXT = "Pick one name: red, green, blue.\n\nQuestion: {question}"
COLOURS = ("red", "green", "blue")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Always the same moment."""
        return NOW


def draw(question: str) -> float:
    """A number in [0, 1) that only the question decides."""
    return hashlib.sha256(question.encode()).digest()[0] / 256


def obedient(request: ChatRequest) -> str:
    """Right on 70 % of the questions; wraps half of its answers in prose until a format is demanded."""
    prompt = request.messages[-1].content
    question = prompt.rsplit("Question: ", 1)[1].split("\n")[0]
    right = COLOURS[int(question.split()[-1].rstrip("?")) % 3]
    answer = right if draw(question) < 0.7 else COLOURS[(COLOURS.index(right) + 1) % 3]
    if "Output format" not in prompt and draw(question + "x") < 0.5:
        return f"I think it could well be {answer}."
    return answer


@dataclass(frozen=True)
class World:
    """Everything a cycle needs, with a count of the calls made."""

    store: Store
    wiring: Wiring
    request: FeedbackLoopInput
    calls: list[str]


def noisy(request: ChatRequest) -> str:
    """Small gains that no short race can settle: right on 60 %, a little more with a format rule."""
    prompt = request.messages[-1].content
    question = prompt.rsplit("Question: ", 1)[1].split("\n")[0]
    right = COLOURS[int(question.split()[-1].rstrip("?")) % 3]
    luck = draw(question + str(len(prompt)))
    return right if luck < (0.62 if "Output format" in prompt else 0.55) else f"maybe {right}"


def superstitious(request: ChatRequest) -> str:
    """A model that is better for every change, even for one line break."""
    prompt = request.messages[-1].content
    question = prompt.rsplit("Question: ", 1)[1].split("\n")[0]
    right = COLOURS[int(question.split()[-1].rstrip("?")) % 3]
    changed = prompt != TEXT.replace("{question}", question)
    return right if changed or draw(question) < 0.5 else COLOURS[(COLOURS.index(right) + 1) % 3]


def nearly_perfect(request: ChatRequest) -> str:
    """Right on all but a few questions."""
    prompt = request.messages[-1].content
    question = prompt.rsplit("Question: ", 1)[1].split("\n")[0]
    right = COLOURS[int(question.split()[-1].rstrip("?")) % 3]
    return right if draw(question) < 0.97 else "maybe"


def add_suite(store: Store, count: int = 600) -> None:
    """Six hundred questions about colours, or as many as are asked for."""
    options = tuple(AnswerOption(name=c, description=f"the colour {c}") for c in COLOURS)
    cases = [
        Case(
            case_id=f"q{n:03}",
            suite="colours",
            slice="even" if n % 2 == 0 else "odd",
            inputs={"question": f"what is thing {n}?"},
            expected=COLOURS[n % 3],
        )
        for n in range(count)
    ]
    store.cases.add(Suite(suite="colours", options=options), cases)


def add_prompt(store: Store, name: str, text: str) -> PromptVersion:
    """A prompt with one live version."""
    version = PromptVersion(
        prompt=name, version=content_hash(text), text=text, labels=("v1",), variables=("question",)
    )
    store.prompts.add(version)
    if store.releases.live("default", name) is None:
        event = ReleaseEvent(
            release_id=f"first-{name}",
            prompt=name,
            workspace="default",
            version=version.version,
            previous=None,
            kind=ReleaseKind.FIRST,
            state=JournalState.INTENT,
            created_at=NOW,
        )
        store.releases.promote(None, event, None)
    return version
