"""Cases put through a model, one execution each."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from flywheel.errors import BudgetSpent, InputError, ModelError, UnknownName
from flywheel.learn.scorers import Scored, Scoring, scoring_of
from flywheel.learn.templates import render_messages
from flywheel.llm.judge import Asker, Judge
from flywheel.ports import CappedModel, ChatModel, Clock, RunPlan
from flywheel.records.case import Case, Suite
from flywheel.records.chat import ChatAnswer, ChatRequest
from flywheel.records.execution import Execution, Outcome
from flywheel.records.scorer import JudgeRules

Models = Callable[[str], ChatModel] | Mapping[str, ChatModel]
"""Where models come from: a function of the name, or models by name."""


@dataclass(frozen=True, slots=True)
class Task:
    """One case of one plan.

    Attributes:
        kept: an execution whose answer is scored anew, in place of asking the model; None asks it.
    """

    plan: RunPlan
    case: Case
    kept: Execution | None = None


_UNFINISHED = {"length": "cut_off", "content_filter": "content_filter", "refusal": "refusal"}
"""Error type of a failed execution whose answer the provider says is not whole."""


class Runner:
    r"""Runs cases through a model; the CaseRunner of the phases.

    Models whose attribute `remote` is true are asked from several threads at
    once. All others, such as the embedded model, are asked one case after the
    other, because they compute in this process.

    Args:
        models: gives the model of a plan.
        concurrency: most calls under way at once, at least 1.
        clock: stamps `started_at`; without one it stays unknown, and a
            repeated plan of a deterministic model changes nothing in the store.
        judges: gives the model that judges, where a suite is scored by one; as `models` when None.

    Examples:
        >>> from flywheel.llm.registry import chat_model
        >>> from flywheel.records.case import Suite
        >>> suite = Suite(suite="s")
        >>> plan = RunPlan(workspace="default", prompt="p", version="v1", text="- city\n- dob\nQ: {q}\nA:",
        ...     suite=suite, model="embedded-large", session_id="doc", seed=1)
        >>> case = Case(case_id="1", suite="s", inputs={"q": "Which city?"}, expected="city")
        >>> [e.case_id for e in Runner(chat_model).run(plan, [case])]
        ['1']
    """

    def __init__(
        self,
        models: Models,
        concurrency: int = 8,
        clock: Clock | None = None,
        judges: Models | None = None,
    ) -> None:
        if concurrency < 1:
            msg = f"concurrency is {concurrency!r}; need at least 1. Nothing was run. Use 1 for single calls."
            raise InputError(msg)
        self._models = models
        self._concurrency = concurrency
        self._clock = clock
        self._judges = models if judges is None else judges

    def run(
        self,
        plan: RunPlan,
        cases: Sequence[Case],
        progress: Callable[[int], None] | None = None,
    ) -> list[Execution]:
        """One execution per case, in the order of cases.

        A model error or a missing variable becomes outcome `error` in its own
        place; a spent budget becomes `skipped`, because nothing was measured.

        Args:
            plan: text, model, suite, session and seed.
            cases: what is put through.
            progress: called with the number of cases done.

        Returns:
            Executions whose ids follow from session, version, model and case,
            so that repeating the plan replaces them.

        Raises:
            UnknownName: there is no such model; nothing was run.
            InputError: the scorer of the suite cannot work; nothing was run.
        """
        model, scoring = self._model(plan.model, self._models), self.scoring(plan.suite, plan)
        if isinstance(model, CappedModel):
            try:
                model.before_batch(requests_of(plan, cases))
            except BudgetSpent as error:
                return [_without_answer(self._blank(plan, case), error, Outcome.SKIPPED) for case in cases]
        executions: list[Execution] = []
        for execution in self._each(model, plan, cases, scoring):
            executions.append(execution)
            if progress is not None:
                progress(len(executions))
        return executions

    def scoring(self, suite: Suite, plan: RunPlan | None = None) -> Scoring:
        """The scorer of a suite, made ready; with the model that judges where it is one.

        Args:
            suite: scorer with its rules.
            plan: whose cycle pays for a judge, in whose measurement its verdicts are kept.

        Raises:
            UnknownName: there is no model of the judge's name.
            InputError: the scorer cannot work as it is set.
        """
        rules = suite.rules
        if not isinstance(rules, JudgeRules):
            return scoring_of(suite)
        asked_by = None if plan is None else Asker(plan.cycle_id, plan.replicate)
        return scoring_of(suite, Judge(self._model(rules.model, self._judges), suite, asked_by).score)

    def finished(self, take: Callable[[int], Sequence[Task]]) -> Iterator[list[Execution]]:
        """Executions in the order they end, a few at a time.

        Nothing new is sent while the caller holds a batch, so at most
        `concurrency` answers are lost when the process is killed: those under
        way, and those of the batch not yet stored.

        Args:
            take: called with the number of free places; gives at most that many tasks. None while
                something is under way means wait, none when nothing is means the end.

        Yields:
            One or more executions.
        """
        models: dict[str, ChatModel] = {}
        scorings: dict[str, Scoring] = {}
        under_way: set[Future[Execution]] = set()
        pool = ThreadPoolExecutor(max_workers=self._concurrency, thread_name_prefix="flywheel-cases")
        try:
            while True:
                here: list[Execution] = []
                for task in take(self._concurrency - len(under_way)):
                    plan = task.plan
                    if plan.suite.suite not in scorings:
                        scorings[plan.suite.suite] = self.scoring(plan.suite, plan)
                    scoring = scorings[plan.suite.suite]
                    if task.kept is not None:
                        under_way.add(pool.submit(rescored, task.kept, task.case, scoring))
                        continue
                    if plan.model not in models:
                        models[plan.model] = self._model(plan.model, self._models)
                    work = (models[plan.model], plan, task.case, scoring)
                    if getattr(models[plan.model], "remote", False):
                        under_way.add(pool.submit(self._one, *work))
                    else:
                        here.append(self._one(*work))
                if not here and not under_way:
                    return
                done, under_way = wait(under_way, 0 if here else None, FIRST_COMPLETED)
                yield here + [future.result() for future in done]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _model(self, name: str, models: Models) -> ChatModel:
        if not isinstance(models, Mapping):
            return models(name)
        if name not in models:
            known = ", ".join(sorted(models)) or "none"
            msg = f"No model {name!r} here; there are: {known}. Nothing was run. Name one of them."
            raise UnknownName(msg)
        return models[name]

    def _each(
        self, model: ChatModel, plan: RunPlan, cases: Sequence[Case], scoring: Scoring
    ) -> Iterator[Execution]:
        workers = min(self._concurrency, len(cases))
        if workers < 2 or not getattr(model, "remote", False):
            yield from (self._one(model, plan, case, scoring) for case in cases)
            return
        pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="flywheel-cases")
        try:
            yield from _in_order(pool, lambda case: self._one(model, plan, case, scoring), cases)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _blank(self, plan: RunPlan, case: Case) -> Execution:
        started_at = self._clock.now() if self._clock is not None else None
        return Execution(
            execution_id=execution_id(plan, case),
            workspace=plan.workspace,
            prompt=plan.prompt,
            version=plan.version,
            case_id=case.case_id,
            suite=plan.suite.suite,
            slice=case.slice,
            model=plan.model,
            session_id=plan.session_id,
            inputs=case.inputs,
            expected=case.expected,
            metadata={"purpose": plan.purpose},
            outcome=Outcome.ERROR,
            started_at=started_at,
            source=plan.source,
        )

    def _one(self, model: ChatModel, plan: RunPlan, case: Case, scoring: Scoring) -> Execution:
        blank = self._blank(plan, case)
        try:
            answer = model.complete(_request(plan, case))
        except BudgetSpent as error:
            return _without_answer(blank, error, Outcome.SKIPPED)
        except (ModelError, InputError) as error:
            return _without_answer(blank, error, Outcome.ERROR)
        return _with_answer(blank, plan, answer, scoring(case, answer.text))


def _request(plan: RunPlan, case: Case) -> ChatRequest:
    return ChatRequest(
        model=plan.model,
        messages=render_messages(plan.text, case.inputs),
        seed=plan.seed,
        purpose=plan.purpose,
        workspace=plan.workspace,
        cycle_id=plan.cycle_id,
        replicate=plan.replicate,
    )


def requests_of(plan: RunPlan, cases: Iterable[Case]) -> Iterator[ChatRequest]:
    """Requests of the cases that can be asked; of the others a run makes errors in their own place."""
    for case in cases:
        with contextlib.suppress(InputError):
            yield _request(plan, case)


def execution_id(plan: RunPlan, case: Case) -> str:
    """Id of the execution of a case in a plan: the same for the same session, version, model and case."""
    parts = "\x1f".join((plan.session_id, plan.prompt, plan.version, plan.model, case.case_id))
    return "run-" + hashlib.blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def with_score(execution: Execution, scored: Scored) -> Execution:
    """The execution with another score; what was answered, at what price, stays.

    Args:
        execution: whose output was scored.
        scored: how it fared.
    """
    known = execution.metadata if isinstance(execution.metadata, dict) else {}
    told = (
        {"answer": scored.answer}
        if scored.detail is None
        else {"answer": scored.answer, "scored": scored.detail}
    )
    error_type = scored.error_type
    if scored.outcome is Outcome.FAILED:
        error_type = _UNFINISHED.get(str(known.get("finish_reason")), error_type)
    return execution.model_copy(
        update={
            "outcome": scored.outcome,
            "score": scored.score,
            "error_type": error_type,
            "error_message": scored.error_message,
            "metadata": {**{key: value for key, value in known.items() if key != "scored"}, **told},
        }
    )


def rescored(execution: Execution, case: Case, scoring: Scoring) -> Execution:
    """The execution scored by today's scorer against today's case; nothing is asked of its model."""
    again = with_score(execution, scoring(case, str(execution.output or "")))
    return again.model_copy(update={"expected": case.expected, "slice": case.slice})


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Case], Execution], cases: Iterable[Case]
) -> Iterator[Execution]:
    futures = [pool.submit(work, case) for case in cases]
    for future in futures:
        yield future.result()


def _without_answer(blank: Execution, error: ModelError | InputError, outcome: Outcome) -> Execution:
    """The cause's name says more than ours: OpenAITimeoutError is a timeout to every report."""
    cause = error.__cause__
    kind = type(cause if cause is not None else error).__name__
    if isinstance(error, InputError):
        kind = "UnknownVariable"
    return blank.model_copy(update={"outcome": outcome, "error_type": kind, "error_message": str(error)})


def _with_answer(blank: Execution, plan: RunPlan, answer: ChatAnswer, scored: Scored) -> Execution:
    answered = blank.model_copy(
        update={
            "output": answer.text,
            "confidence": answer.confidence,
            "latency_ms": answer.latency_ms,
            "input_tokens": answer.input_tokens,
            "output_tokens": answer.output_tokens,
            "cost_usd": answer.cost_usd,
            "metadata": {
                "purpose": plan.purpose,
                "finish_reason": answer.finish_reason,
                **_unusual(plan, answer),
            },
        }
    )
    return with_score(answered, scored)


def _unusual(plan: RunPlan, answer: ChatAnswer) -> dict[str, str | bool]:
    """What must not be overlooked: another model answered, or nothing was sent."""
    said: dict[str, str | bool] = {}
    if answer.cached:
        said["cached"] = True
    if answer.model != plan.model:
        said["answered_by"] = answer.model
    return said
