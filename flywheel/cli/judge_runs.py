"""Runs whose answers a model has scored, or is to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from flywheel.capture.object_lines import objects
from flywheel.cli.doors import Document, Door
from flywheel.cli.model_runs import must_have_price
from flywheel.cli.names import known_prompt, known_version
from flywheel.cli.run_manifest import prompt_of
from flywheel.cli.stopping import stopping_of
from flywheel.errors import InputError, RejectedLine
from flywheel.learn.counting import count_of
from flywheel.learn.judging import DuelSummary, JudgeCalibration, summarise
from flywheel.llm.executor import SOURCE
from flywheel.llm.executor_budget import Ceiling, Purse
from flywheel.llm.gateway import Gateway
from flywheel.llm.judge_pairs import Pair, PairJudge, duel_of, judge_pairs
from flywheel.llm.observed_model import observed_models
from flywheel.llm.served import ServedModel
from flywheel.records.execution import Execution, Outcome

CALLS_OF_A_PAIR = 4
"""Both orders, each with one repair."""

_WORDS = {"true": True, "passed": True, "pass": True, "false": False, "failed": False, "fail": False}


@dataclass(frozen=True, slots=True)
class Question:
    """Which answers are compared, by whom."""

    suite: str
    control: str
    candidate: str
    model: str
    judge: str
    criteria: str
    rubric: str | None
    session: str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparison gave; missing pairs have no verdict.

    Attributes:
        calls: made now.
        stopped: why it ended before the last pair, else empty.
    """

    summary: DuelSummary
    verdicts: tuple[Execution, ...]
    missing: int
    calls: int
    stopped: str = ""


def judged_runs(door: Door, suite: str, session: str | None) -> list[Execution]:
    """Executions of a run that have a verdict.

    Raises:
        InputError: there is none.
    """
    name = session or f"run/{suite}"
    found = [e for e in _session(door, name) if e.outcome in (Outcome.PASSED, Outcome.FAILED)]
    if not found:
        raise InputError(
            f"Session {name!r} has no scored execution in workspace {door.workspace!r}. Nothing was done. "
            f"Run it first: flywheel run {suite} --prompt NAME --model M"
        )
    return found


def drawn(runs: Sequence[Execution], limit: int) -> list[Execution]:
    """A random part, the same one each time: by a hash of the ids."""
    return sorted(runs, key=lambda e: hashlib.blake2b(e.execution_id.encode()).digest())[:limit]


def read_labels(path: Path, runs: Sequence[Execution]) -> dict[str, bool]:
    """Labels by execution id; lines whose label is null are not labelled yet.

    Raises:
        RejectedLine: a line has no id, an id of another run, or no truth value.
        InputError: no line has a label.
    """
    known = {e.execution_id for e in runs}
    labels: dict[str, bool] = {}
    for position, row in objects(path):
        key, label = row.get("execution_id"), row.get("label")
        if not isinstance(key, str) or key not in known:
            said = f"got {key!r}, need an execution of this run with a verdict. Nothing was computed"
            raise RejectedLine(str(path), position, "execution_id", said)
        if label is None:
            continue
        word = _WORDS.get(str(label).lower())
        if word is None or labels.get(key, word) is not word:
            said = f"got {label!r}, need true or false, the same for one execution. Nothing was computed"
            raise RejectedLine(str(path), position, "label", said)
        labels[key] = word
    if not labels:
        raise InputError(f'{str(path)!r} holds no label. Nothing was computed. Write "label": true or false.')
    return labels


def calibration_document(found: JudgeCalibration) -> Document:
    """A calibration as JSON."""
    return {"labels": found.confusion.n, **asdict(found)}


def compared(
    door: Door, question: Question, gateway: Gateway, concurrency: int, ceiling: Ceiling
) -> Compared:
    """Pairs of kept answers judged in both orders; kept verdicts are not asked for again.

    The forecast goes to stderr before anything is sent.

    Args:
        door: store with workspace.
        question: which answers, which judge.
        gateway: where the judge is asked.
        concurrency: most pairs at once.
        ceiling: of these calls.

    Raises:
        InputError: the two prompts have no case in common in this run, or a ceiling in USD has no price.
        BudgetSpent: the pairs do not fit the ceilings of the models file; nothing was sent.
    """
    pairs = _pairs(door, question)
    model = gateway.model(question.judge)
    judge = PairJudge(model, question.judge, question.criteria, question.rubric)
    session = f"pairs/{question.suite}"
    ids = {judge.id_of(pair, session): pair for pair in pairs}
    kept = {e.execution_id: e for e in _session(door, session) if duel_of(e) is not None}
    left = [pair for key, pair in ids.items() if key not in kept]
    purse = Purse(ceiling, CALLS_OF_A_PAIR)
    _foretold(door, judge, left, gateway)
    if ceiling.usd is not None:
        must_have_price(model, question.judge)
    with door.telling() as observer, stopping_of(gateway) as stopping:
        asking = replace(judge, model=observed_models(gateway.model, observer)(question.judge))
        for batch in judge_pairs(asking, left, session, concurrency, purse, stopping):
            gateway.ledger.flush()
            door.own_store.executions.write(batch)
            kept |= {e.execution_id: e for e in batch}
        stopped = "interrupted" if stopping() else purse.because
    verdicts = tuple(kept[key] for key in ids if key in kept)
    duels = [duel for duel in map(duel_of, verdicts) if duel is not None]
    return Compared(summarise(duels), verdicts, len(pairs) - len(duels), purse.calls, stopped)


def _foretold(door: Door, judge: PairJudge, left: Sequence[Pair], gateway: Gateway) -> None:
    if isinstance(judge.model, ServedModel) and left:
        expected = judge.model.forecast(q for pair in left for q in judge.questions(pair))
        door.err.print(
            f"Forecast for {count_of(len(left), 'pair')} with {judge.name!r}: {expected.in_words()}.",
            style="dim",
        )
        gateway.spend.check(expected, fresh=True)


def duels_document(found: Compared) -> Document:
    """A comparison as JSON, with the reasons of every verdict."""
    rows = [
        {"case_id": e.case_id, "verdict": e.output, "error": e.error_message, "cost_usd": e.cost_usd}
        for e in found.verdicts
    ]
    return {
        **asdict(found.summary),
        "missing": found.missing,
        "calls": found.calls,
        "stopped": found.stopped,
        "pairs": rows,
    }


def _pairs(door: Door, question: Question) -> list[Pair]:
    runs = _session(door, question.session or f"run/{question.suite}")
    cases = {case.case_id: case for case in door.store.cases.cases(door.workspace, question.suite)}
    control, candidate = (
        _answers(door, runs, name, question.model) for name in (question.control, question.candidate)
    )
    both = [
        Pair(cases[i], control[i], candidate[i])
        for i in sorted(control.keys() & candidate.keys() & cases.keys())
    ]
    if not both:
        raise InputError(
            f"{question.control!r} and {question.candidate!r} have no answered case of suite "
            f"{question.suite!r} in common with model {question.model!r}. Nothing was sent. Run both first: "
            f"flywheel run {question.suite} --prompt {question.control} --prompt {question.candidate} "
            f"--model {question.model}"
        )
    return both


def _answers(door: Door, runs: Sequence[Execution], reference: str, model: str) -> Mapping[str, Execution]:
    named = prompt_of(reference, door.store.prompts.names(door.workspace))
    known_prompt(door.store, door.workspace, named["name"])
    version = known_version(door.store, door.workspace, named["name"], named.get("version", "live")).version
    wanted = (named["name"], version, model)
    mine = [e for e in runs if (e.prompt, e.version, e.model) == wanted]
    return {e.case_id: e for e in mine if e.case_id is not None and e.output is not None}


def _session(door: Door, name: str) -> list[Execution]:
    store = door.store
    found = [
        execution
        for prompt in store.prompts.names(door.workspace)
        for execution in store.executions.in_session(door.workspace, prompt, name)
    ]
    return [e for e in found if e.source == SOURCE or name.startswith("pairs/")]
