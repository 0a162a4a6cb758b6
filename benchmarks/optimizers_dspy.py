"""DSPy on the endpoint: a program with one instruction, its optimizers as they come."""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.optimizers_endpoint import Endpoint
from benchmarks.optimizers_worlds import MODEL, right_answer
from flywheel.records.case import Case

MARK = "THE-QUESTION-STANDS-HERE"
ANSWERED = re.compile(r"\[\[ ## answer ## \]\]\n(.*?)\n\n\[\[ ## completed", re.DOTALL)


class Solved(Protocol):
    """A solved question as DSPy keeps it."""

    answer: str


class Answerer:
    """What DSPy asks: one request, one response."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.lm15: Any = importlib.import_module("dspy.lm15")

    def complete(self, request: Any) -> Any:  # noqa: ANN401  DSPy's own types
        """The endpoint's answer to the messages as DSPy wrote them."""
        system = request.system or ""
        said = system if isinstance(system, str) else "".join(part.text for part in system)
        messages = [("system", said), *((m.role, m.text or "") for m in request.messages)]
        text = self.endpoint.say([m for m in messages if m[1]], MODEL)
        return self.lm15.Response(
            id=None,
            model=request.model,
            message=self.lm15.Message.assistant(text),
            finish_reason="stop",
            usage=self.lm15.Usage(),
        )

    def stream(self, request: Any) -> Any:  # noqa: ANN401  DSPy's own types
        """The same as events."""
        return self.lm15.response_to_events(self.complete(request))

    def close(self) -> None:
        """Nothing is open."""


class Program:
    """A program of DSPy on the endpoint; the first one has the first prompt as its instruction."""

    def __init__(self, endpoint: Endpoint, made: Any | None) -> None:  # noqa: ANN401  DSPy's own types
        self.dspy: Any = importlib.import_module("dspy")
        logging.getLogger("dspy").setLevel(logging.ERROR)
        self.endpoint = endpoint
        self.dspy.configure(
            lm=self.dspy.LM(f"openai/{MODEL}", engine=Answerer(endpoint), cache=False),
            adapter=self.dspy.ChatAdapter(),
        )
        head = endpoint.world.head
        self.made = made or self.dspy.Predict(self.dspy.Signature("question -> answer", head))

    def solved(self, cases: Sequence[Case]) -> list[Any]:
        """Cases as DSPy takes them."""
        return [
            self.dspy.Example(question=c.inputs["question"], answer=right_answer(c)).with_inputs("question")
            for c in cases
        ]

    def rate(self, cases: Sequence[Case]) -> float:
        """Share of cases it answers right, by DSPy's own evaluation."""
        run = self.dspy.Evaluate(
            devset=self.solved(cases), metric=right, num_threads=1, display_progress=False
        )
        return float(run(self.made).score) / 100

    def quick_rate(self, cases: Sequence[Case]) -> float:
        """The same, with the messages of DSPy's adapter written once."""
        made = self.made
        said = self.dspy.ChatAdapter().format(made.signature, made.demos, {"question": MARK})
        passed = 0
        for case in cases:
            question = str(case.inputs["question"])
            messages = [(m["role"], m["content"].replace(MARK, question)) for m in said]
            found = ANSWERED.search(self.endpoint.say(messages, MODEL))
            passed += found is not None and found[1].strip() == right_answer(case)
        return passed / len(cases)


@dataclass(frozen=True)
class Searched:
    """The winner of an optimizer, with what it says of it."""

    winner: Program
    changed: bool
    claimed: float


def right(example: Solved, got: object, _steps: object = None) -> float:
    """Whether the answer is the expected one, letter by letter."""
    return float(str(getattr(got, "answer", "")).strip() == example.answer)


def dspy_search(
    program: Program, cases: tuple[Sequence[Case], Sequence[Case]], seed: int, budget: int | None
) -> Searched:
    """MIPROv2 `light`, or the random search with as many candidates as a budget pays for.

    Args:
        program: where it starts.
        cases: for search, for validation.
        seed: of the optimizer.
        budget: calls of a random search; None is MIPROv2, whose calls only its setting bounds.
    """
    dspy, (training, validation) = program.dspy, cases
    start = program.rate(validation)
    solved, held = program.solved(training), program.solved(validation)
    if budget is None:
        optimizer = dspy.MIPROv2(metric=right, auto="light", num_threads=1, seed=seed, verbose=False)
        best = optimizer.compile(program.made, trainset=solved, valset=held)
    else:
        sets = max(1, budget // len(validation) - 4)
        optimizer = dspy.BootstrapFewShotWithRandomSearch(
            metric=right, num_candidate_programs=sets, num_threads=1
        )
        best = optimizer.compile(program.made, trainset=solved, valset=held)
    changed = best.dump_state() != program.made.dump_state()
    claimed = max(0.0, _best_score(best) - start) if changed else 0.0
    return Searched(Program(program.endpoint, best), changed, claimed)


def _best_score(program: object) -> float:
    """What the optimizer itself says of its winner: a whole validation, no minibatch."""
    own = getattr(program, "score", None)
    if own is not None:
        return float(own) / 100
    scored = getattr(program, "candidate_programs", None) or []
    return max((float(c["score"]) / 100 for c in scored), default=0.0)
