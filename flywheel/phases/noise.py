"""A version against itself: how much two runs of the same text differ by chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.counting import count_of
from flywheel.learn.measurement import replicate_of
from flywheel.learn.tables import score_table_of
from flywheel.phases.before import scores_of
from flywheel.ports import CaseRunner, RunPlan, Store
from flywheel.records.case import GateCases, Suite
from flywheel.records.cycle import CycleContext


def run_twice(
    context: CycleContext,
    suite: Suite,
    gate: GateCases,
    store: Store,
    runner: CaseRunner,
    progress: Callable[[str], None],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of two runs of the live version on the gate cases (A/A).

    The runs differ in their seed, and share no kept answer. Their executions
    are kept as those of an experiment, so that no analysis takes them for evidence.

    Args:
        context: whose live version is run, with which model.
        suite: scorer of the cases.
        gate: cases that decide.
        store: texts and executions.
        runner: runs the cases.
        progress: told before each run.

    Returns:
        Two arrays in the order of the gate cases; NaN is unscored.
    """
    request, control = context.request, context.control or ""
    version = store.prompts.get(request.workspace, request.prompt, control)
    runs = []
    for number in (1, 2):
        progress(f"run {number} of 2: {count_of(len(gate.cases), 'gate case')}")
        plan = RunPlan(
            workspace=request.workspace,
            prompt=request.prompt,
            version=control,
            text=(version.text if version else None) or "",
            suite=suite,
            model=request.model or "",
            session_id=f"noise/{request.model}/{control[:12]}/{request.seed + number}",
            purpose="noise",
            seed=request.seed + number,
            source="experiment",
            cycle_id=context.cycle_id,
            replicate=replicate_of("noise", context.cycle_id, str(number)),
        )
        executions = runner.run(plan, gate.cases)
        store.executions.write(executions)
        runs.append(scores_of(score_table_of({control: executions}), gate))
    return runs[0], runs[1]
