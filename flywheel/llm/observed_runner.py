"""Runners whose executions are told to an observer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from flywheel.learn.scorers import Scoring
from flywheel.llm.langsmith_observer import langsmith_observer
from flywheel.llm.runner import Runner, Task, execution_id, requests_of
from flywheel.ports import CaseRunner, CycleObserver, ObservedCall, RunPlan
from flywheel.records.case import Case, Suite
from flywheel.records.chat import ChatAnswer, ChatRequest
from flywheel.records.execution import Execution

Tell = Callable[[RunPlan, Sequence[Case], Sequence[Execution]], None]
"""Told of a plan, its cases, one execution for each."""


class ObservedRunner:
    """Runs cases as another runner does, then tells of them.

    Args:
        runner: does the work.
        tell: told of each plan, behind it, such as `observer.ran`.
    """

    def __init__(self, runner: CaseRunner, tell: Tell) -> None:
        self._runner = runner
        self._tell = tell

    def run(
        self, plan: RunPlan, cases: Sequence[Case], progress: Callable[[int], None] | None = None
    ) -> list[Execution]:
        """One execution for each case, in the order of cases."""
        executions = self._runner.run(plan, cases, progress)
        self._tell(plan, cases, executions)
        return executions


def calls_told_to(observer: CycleObserver) -> Tell:
    """Tells an observer of each call by itself: for an optimizer that searches.

    A search runs hundreds of texts on a few cases each; as experiments they would bury the real ones.
    """

    def tell(plan: RunPlan, cases: Sequence[Case], executions: Sequence[Execution]) -> None:
        for case, execution in zip(cases, executions, strict=True):
            for request in requests_of(plan, [case]):
                observer.called(call_of(request, execution))

    return tell


def call_of(request: ChatRequest, execution: Execution) -> ObservedCall:
    """The call behind an execution.

    Args:
        request: what was asked.
        execution: what came of it; where it does not say when it began, it has ended just now.
    """
    took = timedelta(milliseconds=execution.latency_ms or 0.0)
    began = execution.started_at or datetime.now(UTC) - took
    if execution.output is None:
        return ObservedCall(request, began, began + took, error=execution.error_message or "no answer")
    known = execution.metadata if isinstance(execution.metadata, dict) else {}
    answer = ChatAnswer(
        text=str(execution.output),
        model=str(known.get("answered_by") or request.model),
        finish_reason=str(known.get("finish_reason") or "stop"),
        input_tokens=execution.input_tokens,
        output_tokens=execution.output_tokens,
        cost_usd=execution.cost_usd,
        cached=bool(known.get("cached")),
    )
    return ObservedCall(request, began, began + took, answer)


class ObservedExecutor:
    """What `flywheel run` works with, told as it goes: executions once they are stored.

    Args:
        runner: does the work.
        observer: told behind each batch.
    """

    def __init__(self, runner: Runner, observer: CycleObserver) -> None:
        self._runner = runner
        self._observer = observer

    def scoring(self, suite: Suite, plan: RunPlan | None = None) -> Scoring:
        """The scorer of a suite, made ready."""
        return self._runner.scoring(suite, plan)

    def finished(self, take: Callable[[int], Sequence[Task]]) -> Iterator[list[Execution]]:
        """Executions in the order they end; told when the caller asks for the next ones."""
        under_way: dict[str, Task] = {}

        def taken(places: int) -> Sequence[Task]:
            tasks = take(places)
            asked = [task for task in tasks if task.kept is None]
            under_way.update((execution_id(task.plan, task.case), task) for task in asked)
            return tasks

        for batch in self._runner.finished(taken):
            yield batch
            for execution in batch:
                task = under_way.pop(execution.execution_id, None)
                if task is not None:
                    self._observer.ran(task.plan, [task.case], [execution])


@contextmanager
def telling(environ: Mapping[str, str], say: Callable[[str], object]) -> Iterator[CycleObserver | None]:
    """The observer that an environment asks for; all is told behind the block.

    Args:
        environ: without a key of LangSmith there is no observer.
        say: told what could not be sent.

    Examples:
        >>> with telling({}, print) as observer:
        ...     print(observer)
        None
    """
    observer = langsmith_observer(environ)
    if observer is None:
        yield None
        return
    try:
        yield observer
    finally:
        told = observer.close()
        if told is not None:
            say(told)


def observed(runner: CaseRunner | None, observer: CycleObserver | None) -> CaseRunner | None:
    """A runner that is told of; the same one where nobody is to be told, None where nothing is run.

    Examples:
        >>> observed(None, None) is None
        True
    """
    return runner if runner is None or observer is None else ObservedRunner(runner, observer.ran)
