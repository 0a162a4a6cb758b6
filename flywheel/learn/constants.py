"""Answers that do not depend on the question."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.learn.answers import answer_text, plain, produced_answer
from flywheel.records.execution import Execution
from flywheel.stats.proportions import Counts, compare_proportions

MIN_ANSWERS = 20
MIN_OTHER = 5
"""Answers, of which so many ask for something else, before a habit is told from chance."""

CONSTANT_SHARE = 0.95
LEANING_SHARE = 0.75
MAX_INFORMATION = 0.10
"""The answer may follow the truth by so much, rate units, at the upper end of its interval."""


@dataclass(frozen=True, slots=True)
class ConstantAnswer:
    """One answer given whatever was asked, by one model under one prompt.

    Attributes:
        model, prompt: whose answers.
        answer: the one that is given.
        share: of all answers.
        right_share: of the questions for which it was right.
        failures: positions in `failures` of `constant_answers` that it explains.
        answers: how many answers were looked at.
        right_on, wrong_on: slices in which nearly every question asks for it, or for something else.
    """

    model: str
    prompt: str
    answer: str
    share: float
    right_share: float
    failures: tuple[int, ...]
    answers: int
    right_on: tuple[str, ...] = ()
    wrong_on: tuple[str, ...] = ()

    @property
    def strict(self) -> bool:
        """Whether it is nearly the only answer."""
        return self.share >= CONSTANT_SHARE


@dataclass(frozen=True, slots=True)
class _Answer:
    produced: str
    expected: str
    position: int | None
    spelling: str
    asked: str
    slice: str | None


def constant_answers(
    failures: Sequence[Execution], passes: Sequence[Execution]
) -> tuple[ConstantAnswer, ...]:
    """Models that give one answer whatever is right.

    An answer is constant when it makes up 75 % of all answers while fewer
    questions ask for it, and is given no more often where it is right than
    where it is wrong: the upper end of the 95 % interval of that difference
    (Youden's J) stays below 0.10, or the answer makes up 95 %.

    Args:
        failures: failed executions with their answers.
        passes: passed ones; both are needed.

    Returns:
        One finding per model, most failures first.

    References:
        Youden (1950), Cancer 3:32-35; the interval is Newcombe's method 10.
    """
    groups: dict[tuple[str, str, str], list[_Answer]] = defaultdict(list)
    for position, execution in (*enumerate(failures), *((None, e) for e in passes)):
        expected, produced = answer_text(execution.expected), produced_answer(execution)
        if expected is not None and produced is not None:
            whose = (execution.model or "", execution.prompt or "", execution.version or "")
            words = (plain(produced), plain(expected))
            groups[whose].append(_Answer(*words, position, produced, expected, execution.slice))
    found: dict[tuple[str, str, str], ConstantAnswer] = {}
    for (model, prompt, _), answers in sorted(groups.items()):
        one = _judge(model, prompt, answers)
        if one is not None:
            key = (one.model, one.prompt, one.answer)
            found[key] = one if key not in found else _joined(found[key], one)
    return tuple(sorted(found.values(), key=lambda c: (-len(c.failures), c.model, c.answer)))


def _judge(model: str, prompt: str, answers: list[_Answer]) -> ConstantAnswer | None:
    modal, often = max(Counter(a.produced for a in answers).items(), key=lambda item: (item[1], item[0]))
    n = len(answers)
    right = sum(a.expected == modal for a in answers)
    share, right_share = often / n, right / n
    if n < MIN_ANSWERS or n - right < MIN_OTHER or share < LEANING_SHARE or share - right_share < 0.1:
        return None
    if not _uninformed(answers, modal, right) and share < CONSTANT_SHARE:
        return None
    explained = tuple(a.position for a in answers if a.position is not None and a.produced == modal)
    asked = [a.asked for a in answers if a.expected == modal]
    spelling = Counter(asked or [a.spelling for a in answers if a.produced == modal]).most_common(1)[0][0]
    if not explained:
        return None
    right_on, wrong_on = _slices(answers, modal)
    return ConstantAnswer(model, prompt, spelling, share, right_share, explained, n, right_on, wrong_on)


def _slices(answers: list[_Answer], modal: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    asks: dict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        if answer.slice is not None:
            asks[answer.slice].append(answer.expected == modal)
    shares = {name: sum(wants) / len(wants) for name, wants in sorted(asks.items())}
    return tuple(s for s, v in shares.items() if v >= 0.9), tuple(s for s, v in shares.items() if v <= 0.1)


def _uninformed(answers: list[_Answer], modal: str, right: int) -> bool:
    """Whether the answer comes as often where it is wrong as where it is right."""
    if right < MIN_OTHER:
        return False
    hits = sum(a.produced == modal and a.expected == modal for a in answers)
    misses = sum(a.produced == modal and a.expected != modal for a in answers)
    j = compare_proportions(Counts(hits, right), Counts(misses, len(answers) - right))
    return j.high is not None and j.high <= MAX_INFORMATION


def _joined(a: ConstantAnswer, b: ConstantAnswer) -> ConstantAnswer:
    """The same habit under two versions of a prompt is one habit."""
    n = a.answers + b.answers
    return ConstantAnswer(
        a.model,
        a.prompt,
        a.answer,
        (a.share * a.answers + b.share * b.answers) / n,
        (a.right_share * a.answers + b.right_share * b.answers) / n,
        tuple(sorted({*a.failures, *b.failures})),
        n,
        tuple(sorted({*a.right_on} & {*b.right_on})),
        tuple(sorted({*a.wrong_on} & {*b.wrong_on})),
    )
