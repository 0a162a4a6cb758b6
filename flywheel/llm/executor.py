"""A suite against prompts with models; what is finished is not asked again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from flywheel.learn.execution_table import columns_of
from flywheel.learn.reporting import test_execution_report
from flywheel.learn.scorers import Scoring, scoring_digest
from flywheel.learn.spending import calls_each, judge_price
from flywheel.llm.executor_budget import Ceiling, Purse
from flywheel.llm.runner import Task, rescored
from flywheel.ports import RunPlan, Store
from flywheel.records.analysis import TestExecutionReport
from flywheel.records.case import Case, Suite
from flywheel.records.execution import Execution, Outcome
from flywheel.records.scorer import Scorer

SOURCE = "executor"
"""Source of the executions; unlike those of an experiment they are evidence for a cycle."""

_UNMEASURED = frozenset({Outcome.ERROR, Outcome.SKIPPED})
_UNJUDGED = frozenset({"judge_unavailable", "judge_unreadable"})

Key = tuple[str, str, str, str]
"""Prompt, version, model, case."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One prompt version with one model.

    Attributes:
        label: what people call the version.
    """

    prompt: str
    version: str
    text: str
    model: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run.

    Attributes:
        session_id: marks the executions; the same one goes on where it stopped.
        ceiling: of this run; what an earlier one spent does not count.
        replicate: number of the measurement; answers kept from another one are not given.
        purpose, source: of its calls, of its executions.
    """

    workspace: str
    suite: Suite
    cases: tuple[Case, ...]
    arms: tuple[Arm, ...]
    session_id: str
    seed: int = 0
    ceiling: Ceiling = field(default_factory=Ceiling)
    replicate: int = 0
    purpose: str = "run"
    source: str = SOURCE


@dataclass(frozen=True, slots=True)
class ArmResult:
    """What one arm gave: its executions in the order of the cases, with their report."""

    arm: Arm
    executions: tuple[Execution, ...]
    report: TestExecutionReport


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run gave.

    Attributes:
        arms: in the order of the job.
        kept: cases that were finished before.
        asked: cases asked now.
        missing: cases without an execution.
        errors: cases whose execution has no answer.
        calls, usd, tokens: spent now; USD or tokens are None when a model did not tell them.
        stopped: why the run ended before the last case, else empty.
    """

    arms: tuple[ArmResult, ...]
    kept: int
    asked: int
    missing: int
    errors: int
    calls: int
    usd: float | None
    tokens: int | None
    stopped: str


class Executing(Protocol):
    """What asks the models: a `Runner`, or one whose executions are told to an observer."""

    def scoring(self, suite: Suite, plan: RunPlan | None = None) -> Scoring:
        """The scorer of a suite, made ready; raises InputError when it cannot work."""
        ...

    def finished(self, take: Callable[[int], Sequence[Task]]) -> Iterator[list[Execution]]:
        """Executions in the order they end, a few at a time."""
        ...


def execute(
    job: Job,
    store: Store,
    runner: Executing,
    progress: Callable[[int], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
    before_storing: Callable[[], object] = lambda: None,
) -> RunResult:
    """Run what is not finished; store each answer before the next call takes its place.

    All arms see a case before the next case begins, so a run that ends early
    has the same cases for every arm. A case whose answer is kept is scored
    again without a call, because its expectation or the scorer may be another
    now. Errors are asked again.

    Args:
        job: suite, cases, arms.
        store: of executions; written as answers come in.
        runner: asks the models.
        progress: called with the number of finished cases.
        stopping: whether to send nothing more; what is under way is waited for and kept.
        before_storing: called before answers are stored; what must never be behind them is stored here.

    Returns:
        Reports by arm, with what was spent.

    Raises:
        InputError: the scorer cannot work; nothing was sent.
        UnknownName: there is no such model; nothing was sent.
    """
    scoring = runner.scoring(job.suite, plan_of(job, job.arms[0]))
    done = kept_executions(job, store)
    asked = unfinished(job, done)
    purse = Purse(job.ceiling, calls_each(job.suite.scorer))
    unjudged: dict[str, Task] = {}
    if job.suite.scorer is Scorer.JUDGE:
        unjudged = {task.kept.execution_id: task for task in _to_judge(job, done) if task.kept}
    else:
        _score_again(job, store, scoring, done)
    work = deque((*unjudged.values(), *asked))
    kept = len(done)
    progress(kept)

    def take(places: int) -> Sequence[Task]:
        tasks: list[Task] = []
        while work and len(tasks) < places and not stopping() and purse.room():
            tasks.append(work.popleft())
            purse.sent()
        return tasks

    for batch in runner.finished(take):
        before_storing()
        store.executions.write(batch)
        for execution in batch:
            if unjudged.pop(execution.execution_id, None) is None:
                purse.paid(execution)
            else:
                purse.judged(execution)
                kept += 1
            done[_key(execution)] = execution
        progress(len(done))
    stopped = "" if not work else "interrupted" if stopping() else purse.because
    return _result(job, done, kept, purse, stopped)


def arm_names(job: Job) -> tuple[str, ...]:
    """What a job works on, a name for each arm: two jobs that share one would ask the same questions."""
    return tuple(f"{job.session_id} {arm.prompt} {arm.version} {arm.model}" for arm in job.arms)


def kept_executions(job: Job, store: Store) -> dict[Key, Execution]:
    """Executions of the session that answer a case of the job as it is today, errors left out."""
    inputs = {case.case_id: case.inputs for case in job.cases}
    wanted = {(arm.version, arm.model) for arm in job.arms}
    found: dict[Key, Execution] = {}
    for prompt in dict.fromkeys(arm.prompt for arm in job.arms):
        for execution in store.executions.in_session(job.workspace, prompt, job.session_id):
            same = execution.case_id in inputs and execution.inputs == inputs[execution.case_id]
            mine = (execution.version, execution.model) in wanted
            if same and mine and execution.outcome not in _UNMEASURED:
                found[_key(execution)] = execution
    return found


def unfinished(job: Job, done: dict[Key, Execution]) -> list[Task]:
    """What is still to be asked, all arms of a case before the next case."""
    plans = [plan_of(job, arm) for arm in job.arms]
    return [
        Task(plan, case)
        for case in job.cases
        for plan in plans
        if (plan.prompt, plan.version, plan.model, case.case_id) not in done
    ]


def plan_of(job: Job, arm: Arm) -> RunPlan:
    """An arm of a job as a plan."""
    return RunPlan(
        workspace=job.workspace,
        prompt=arm.prompt,
        version=arm.version,
        text=arm.text,
        suite=job.suite,
        model=arm.model,
        session_id=job.session_id,
        purpose=job.purpose,
        seed=job.seed,
        source=job.source,
        replicate=job.replicate,
    )


def _key(execution: Execution) -> Key:
    return execution.prompt or "", execution.version or "", execution.model or "", execution.case_id or ""


def _score_again(job: Job, store: Store, scoring: Scoring, done: dict[Key, Execution]) -> None:
    """Scores of kept answers by today's scorer."""
    cases = {case.case_id: case for case in job.cases}
    changed = []
    for key, execution in done.items():
        again = rescored(execution, cases[execution.case_id or ""], scoring)
        if again != execution:
            changed.append(again)
            done[key] = again
    store.executions.write(changed)


def _to_judge(job: Job, done: dict[Key, Execution]) -> list[Task]:
    """Kept answers that today's judge has not judged, taken out of what is done."""
    plans = {(plan.prompt, plan.version, plan.model): plan for plan in map(partial(plan_of, job), job.arms)}
    cases = {case.case_id: case for case in job.cases}
    tasks = []
    for key, execution in list(done.items()):
        case = cases[key[3]]
        digest = scoring_digest(job.suite, case)
        if execution.error_type in _UNJUDGED or judge_price(execution).get("digest") != digest:
            tasks.append(Task(plans[key[:3]], case, done.pop(key)))
    return tasks


def _result(job: Job, done: dict[Key, Execution], kept: int, purse: Purse, stopped: str) -> RunResult:
    arms = []
    for arm in job.arms:
        keys = ((arm.prompt, arm.version, arm.model, case.case_id) for case in job.cases)
        executions = tuple(done[key] for key in keys if key in done)
        report = test_execution_report(columns_of(executions))
        named = report.model_copy(update={"workflow_id": job.suite.suite, "run_id": job.session_id})
        arms.append(ArmResult(arm, executions, named))
    total = len(job.arms) * len(job.cases)
    return RunResult(
        arms=tuple(arms),
        kept=kept,
        asked=purse.answered,
        missing=total - len(done),
        errors=sum(execution.outcome in _UNMEASURED for execution in done.values()),
        calls=purse.calls,
        usd=None if purse.usd.untold or (purse.calls and purse.usd.dearest is None) else purse.usd.spent,
        tokens=None if purse.tokens.untold else round(purse.tokens.spent),
        stopped=stopped,
    )
