"""A language model as scorer: rubric in, verdict with its reason out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, JsonValue, ValidationError

from flywheel.errors import InputError, ModelError
from flywheel.learn.scorers import scoring_digest
from flywheel.learn.scorers_result import Scored, graded, shortened, unscored
from flywheel.learn.templates import render, variables
from flywheel.ports import ChatModel
from flywheel.records.base import Record, Share
from flywheel.records.case import Case, Suite
from flywheel.records.chat import ChatAnswer, ChatRequest, Message
from flywheel.records.scorer import JudgeRules

RUBRIC = "judge_rubric.md"
"""The rubric used where a suite has none of its own, beside this file."""

REPAIR = "That was not the JSON object I asked for. Reply with that object alone, nothing around it."
_FENCE = re.compile(r"^\s*```\w*\s*(.*?)\s*```\s*$", re.DOTALL)


Shape = TypeVar("Shape", bound=Record)


class JudgeVerdict(Record):
    """What a judge says of one answer."""

    reason: Annotated[str, Field(min_length=1)]
    score: Share


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a judge is asked; the ledger keeps it.

    Attributes:
        cycle_id: of the cycle that pays, None outside of one.
        replicate: number of the measurement; verdicts kept from another one are not given.
        workspace: where the cases are.
    """

    cycle_id: str | None = None
    replicate: int = 0
    workspace: str = "default"

    def request(self, model: str, messages: tuple[Message, ...]) -> ChatRequest:
        """The question to a judge."""
        return ChatRequest(
            model=model,
            messages=messages,
            temperature=0,
            purpose="judge",
            workspace=self.workspace,
            cycle_id=self.cycle_id,
            replicate=self.replicate,
        )


class Judge:
    """Scores answers by asking a model, once, and once more when the reply cannot be read.

    The answer that is judged stands in the rubric as a JSON string, so that it
    cannot close its place and go on as an instruction.

    Args:
        model: answers the rubric.
        suite: with the rules of its judge.
        asker: for whom; the suite's workspace when None.

    Raises:
        InputError: the rubric leaves the answer out, or the suite is scored otherwise.

    Examples:
        >>> from flywheel.llm.scripted import ScriptedModel
        >>> suite = Suite(suite="s", scorer="judge", parameters={"model": "m"})
        >>> judge = Judge(ScriptedModel(lambda _: '{"reason": "It is.", "score": 1}'), suite)
        >>> judge.score(Case(case_id="1", suite="s", inputs={"q": "2+2?"}), "4").outcome.value
        'passed'
    """

    def __init__(self, model: ChatModel, suite: Suite, asker: Asker | None = None) -> None:
        rules = suite.rules
        if not isinstance(rules, JudgeRules):
            msg = (
                f"Suite {suite.suite!r} is scored by {suite.scorer.value!r}; need 'judge'. Nothing was sent."
            )
            raise InputError(msg)
        self._model, self._suite, self._rules = model, suite, rules
        self._asker = replace(asker or Asker(), workspace=suite.workspace)
        self._rubric = rules.rubric or shipped(RUBRIC)
        if "answer" not in variables(self._rubric):
            msg = f"The rubric of suite {suite.suite!r} has no {{answer}}. Nothing was sent."
            raise InputError(f"{msg} Put it where the answer belongs.")

    def score(self, case: Case, answer_text: str) -> Scored:
        """The judge's verdict on an answer; unscored when it gives none."""
        text = filled(
            self._rubric,
            {
                "criteria": self._rules.criteria,
                "inputs": case.inputs,
                "expected": case.expected,
                "answer": answer_text,
            },
        )
        replies: list[ChatAnswer] = []
        try:
            asked = partial(self._asker.request, self._rules.model)
            verdict = ask(self._model, asked, text, JudgeVerdict, replies)
        except ModelError as error:
            told = self._told(case, replies, None)
            return unscored(answer_text, "judge_unavailable", shortened(str(error)), told)
        told = self._told(case, replies, verdict)
        if verdict is None:
            said = f"the judge {self._rules.model!r} gave no verdict: {shortened(replies[-1].text)!r}"
            return unscored(answer_text, "judge_unreadable", said, told)
        return graded(verdict.score, self._rules.pass_at, answer_text.strip(), verdict.reason, told)

    def _told(self, case: Case, replies: list[ChatAnswer], verdict: JudgeVerdict | None) -> JsonValue:
        return {
            "judge": self._rules.model,
            "reason": verdict.reason if verdict else None,
            "score": verdict.score if verdict else None,
            "digest": scoring_digest(self._suite, case),
            **price_of(replies),
        }


def ask(
    model: ChatModel,
    asked: Callable[[tuple[Message, ...]], ChatRequest],
    text: str,
    shape: type[Shape],
    replies: list[ChatAnswer],
) -> Shape | None:
    """A reply of a shape; asked once more when the first is none.

    Args:
        model: who is asked.
        asked: makes the request of messages.
        text: the whole prompt.
        shape: what the JSON object of the reply must be.
        replies: every reply is added, so that its price is known even when it cannot be read.

    Raises:
        ModelError: no reply.
    """
    messages: tuple[Message, ...] = (Message(role="user", content=text),)
    for _ in range(2):
        reply = model.complete(asked(messages))
        replies.append(reply)
        found = _read(reply.text, shape)
        if found is not None:
            return found
        messages = (
            *messages,
            Message(role="assistant", content=reply.text),
            Message(role="user", content=REPAIR),
        )
    return None


def filled(rubric: str, values: Mapping[str, JsonValue]) -> str:
    """A rubric with its material: the criteria as they are, all else as JSON on one line."""
    as_json = {
        key: json.dumps(value, ensure_ascii=False) for key, value in values.items() if key != "criteria"
    }
    return render(rubric, {**as_json, "criteria": values.get("criteria", "")})


@cache
def shipped(name: str) -> str:
    """A rubric that comes with the program."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def price_of(replies: list[ChatAnswer]) -> dict[str, JsonValue]:
    """Calls, tokens and USD of a judge; None where the provider did not say."""
    return {
        "calls": len(replies),
        "input_tokens": _sum([reply.input_tokens for reply in replies]),
        "output_tokens": _sum([reply.output_tokens for reply in replies]),
        "cost_usd": _sum([reply.cost_usd for reply in replies]),
    }


def _sum(values: list[int | None] | list[int] | list[float | None]) -> float | int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _read(text: str, shape: type[Shape]) -> Shape | None:
    fence = _FENCE.match(text)
    try:
        return shape.model_validate_json((fence[1] if fence else text).strip())
    except ValidationError:
        return None
