"""A runner whose executions are told to an observer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from flywheel.llm.langsmith_observer import langsmith_observer
from flywheel.ports import CaseRunner, CycleObserver, RunPlan
from flywheel.records.case import Case
from flywheel.records.execution import Execution


class ObservedRunner:
    """Runs cases as another runner does, then tells an observer.

    Args:
        runner: does the work.
        observer: told of each plan, behind it.
    """

    def __init__(self, runner: CaseRunner, observer: CycleObserver) -> None:
        self._runner = runner
        self._observer = observer

    def run(
        self, plan: RunPlan, cases: Sequence[Case], progress: Callable[[int], None] | None = None
    ) -> list[Execution]:
        """One execution for each case, in the order of cases."""
        executions = self._runner.run(plan, cases, progress)
        self._observer.ran(plan, cases, executions)
        return executions


@contextmanager
def observed(
    runner: CaseRunner | None, environ: Mapping[str, str], say: Callable[[str], object]
) -> Iterator[tuple[CaseRunner | None, CycleObserver | None]]:
    """A runner beside the observer that an environment asks for, which is told all behind the block.

    Args:
        runner: None where nothing is run.
        environ: without a key of LangSmith there is no observer, and the runner stays what it is.
        say: told what could not be sent.

    Examples:
        >>> with observed(None, {}, print) as (runner, observer):
        ...     print(runner, observer)
        None None
    """
    observer = langsmith_observer(environ)
    if observer is None:
        yield runner, None
        return
    try:
        yield (ObservedRunner(runner, observer) if runner is not None else None), observer
    finally:
        told = observer.close()
        if told is not None:
            say(told)
