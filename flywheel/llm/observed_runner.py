"""A runner whose executions are told to an observer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
