"""Two answers to one question, compared by a model in both orders."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field

from flywheel.errors import ModelError
from flywheel.learn.judging import Duel
from flywheel.learn.spending import Taken
from flywheel.llm.executor_budget import Purse
from flywheel.llm.judge import Asker, ask, filled, price_of, shipped
from flywheel.ports import ChatModel
from flywheel.records.base import Record
from flywheel.records.case import Case
from flywheel.records.chat import ChatAnswer, ChatRequest, Message
from flywheel.records.execution import Execution, Outcome

RUBRIC = "judge_pairs.md"
"""The rubric used where none is given, beside this file."""

SOURCE = "experiment"
"""Verdicts on pairs are kept as executions that no analysis takes for evidence."""


class PairVerdict(Record):
    """What a judge says of two answers in one order."""

    reason: Annotated[str, Field(min_length=1)]
    better: Literal["first", "second", "tie"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two executions of one case."""

    case: Case
    control: Execution
    candidate: Execution


@dataclass(frozen=True, slots=True)
class PairJudge:
    """A model that compares answers.

    Attributes:
        model, name: who is asked.
        criteria: what makes an answer the better one.
        rubric: whole text with {criteria}, {inputs}, {expected}, {first}, {second}; None is the shipped one.

    Examples:
        >>> from flywheel.llm.scripted import ScriptedModel
        >>> model = ScriptedModel(lambda _: '{"reason": "It came first.", "better": "first"}')
        >>> judge = PairJudge(model, "m", "")
        >>> case = Case(case_id="1", suite="s", inputs={})
        >>> one, two = (Execution(execution_id=t, outcome="unscored", output=t) for t in "ab")
        >>> duel_of(judge.judged(Pair(case, one, two), "pairs"))
        Duel(ahead=True, behind=False)
    """

    model: ChatModel
    name: str
    criteria: str
    rubric: str | None = None

    def judged(self, pair: Pair, session_id: str) -> Execution:
        """Both verdicts on a pair, as one execution; equal answers are a tie without a call."""
        blank = Execution(
            execution_id=self.id_of(pair, session_id),
            workspace=pair.case.workspace,
            prompt=pair.candidate.prompt,
            case_id=pair.case.case_id,
            suite=pair.case.suite,
            slice=pair.case.slice,
            model=self.name,
            session_id=session_id,
            outcome=Outcome.UNSCORED,
            source=SOURCE,
        )
        control, candidate = str(pair.control.output or ""), str(pair.candidate.output or "")
        if control == candidate:
            return _kept(blank, ("tie", "tie"), ("the answers are equal",), [])
        replies: list[ChatAnswer] = []
        verdicts = []
        try:
            for first, second in ((candidate, control), (control, candidate)):
                verdicts.append(self._ask(pair.case, first, second, replies))
        except ModelError as error:
            told = {"error_type": "judge_unavailable", "error_message": str(error)}
            return blank.model_copy(update={**told, "outcome": Outcome.ERROR, "metadata": price_of(replies)})
        ahead, behind = verdicts
        if ahead is None or behind is None:
            told = {"error_type": "judge_unreadable", "error_message": replies[-1].text[:300]}
            return blank.model_copy(update={**told, "outcome": Outcome.ERROR, "metadata": price_of(replies)})
        places = {"first": "candidate", "second": "control", "tie": "tie"}
        turned = {"first": "control", "second": "candidate", "tie": "tie"}
        said = places[ahead.better], turned[behind.better]
        return _kept(blank, said, (ahead.reason, behind.reason), replies)

    def id_of(self, pair: Pair, session_id: str) -> str:
        """Id that changes with anything the verdict depends on, so that a kept verdict is one of the same."""
        answers = (str(pair.control.output), str(pair.candidate.output))
        parts = (session_id, pair.case.case_id, self.name, self.criteria, self.rubric or "", *answers)
        digest = hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=12)
        return "pair-" + digest.hexdigest()

    def questions(self, pair: Pair) -> tuple[ChatRequest, ...]:
        """What is asked about a pair, nothing where the answers are equal; for a forecast."""
        control, candidate = str(pair.control.output or ""), str(pair.candidate.output or "")
        if control == candidate:
            return ()
        asked = Asker(workspace=pair.case.workspace)
        texts = (self._text(pair.case, *order) for order in ((candidate, control), (control, candidate)))
        return tuple(asked.request(self.name, (Message(role="user", content=text),)) for text in texts)

    def _text(self, case: Case, first: str, second: str) -> str:
        values = {"criteria": self.criteria, "inputs": case.inputs, "expected": case.expected}
        return filled(self.rubric or shipped(RUBRIC), {**values, "first": first, "second": second})

    def _ask(self, case: Case, first: str, second: str, replies: list[ChatAnswer]) -> PairVerdict | None:
        text = self._text(case, first, second)
        asked = partial(Asker(workspace=case.workspace).request, self.name)
        return ask(self.model, asked, text, PairVerdict, replies)


def duel_of(execution: Execution) -> Duel | None:
    """The two verdicts of a kept pair; None when there are none."""
    output = execution.output
    if not isinstance(output, dict):
        return None
    sides = {"candidate": True, "control": False}
    return Duel(sides.get(str(output["ahead"])), sides.get(str(output["behind"])))


def taken_by_pair(execution: Execution) -> Taken:
    """What both verdicts on a pair took; equal answers took nothing."""
    known: dict[str, Any] = execution.metadata if isinstance(execution.metadata, dict) else {}
    if not known.get("calls"):
        return Taken(0, 0, 0.0)
    parts = (known["input_tokens"], known["output_tokens"])
    tokens, usd = None if None in parts else sum(parts), known["cost_usd"]
    untold_tokens, untold_usd = (str(execution.model) if one is None else "" for one in (tokens, usd))
    return Taken(known["calls"], tokens, usd, untold_tokens, untold_usd)


def judge_pairs(
    judge: PairJudge,
    pairs: Sequence[Pair],
    session_id: str,
    concurrency: int,
    purse: Purse,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[list[Execution]]:
    """Verdicts on pairs as they come, a few at a time; nothing new is sent while the caller holds them.

    Args:
        judge: who compares.
        pairs: what is compared.
        session_id: marks the verdicts.
        concurrency: most pairs at once.
        purse: what may be spent; four calls are set aside for a pair.
        stopping: whether to send nothing more; what is under way is waited for.
    """
    left = list(reversed(pairs))
    under_way: set[Future[Execution]] = set()
    pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="flywheel-judge")
    try:
        while under_way or (left and not stopping() and purse.room()):
            while left and len(under_way) < concurrency and not stopping() and purse.room():
                purse.sent()
                under_way.add(pool.submit(judge.judged, left.pop(), session_id))
            done, under_way = wait(under_way, None, FIRST_COMPLETED)
            verdicts = [future.result() for future in done]
            for verdict in verdicts:
                purse.took(taken_by_pair(verdict), told=verdict.output is not None)
            yield verdicts
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _kept(
    blank: Execution, said: tuple[str, str], reasons: tuple[str, ...], replies: list[ChatAnswer]
) -> Execution:
    price = price_of(replies)
    verdicts = {"ahead": said[0], "behind": said[1], "reasons": list(reasons)}
    return blank.model_copy(
        update={"output": verdicts, "cost_usd": price["cost_usd"], "metadata": {"pair": True, **price}}
    )
