"""Score tables from executions that were just run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flywheel.records.columns import ScoreTable
from flywheel.records.execution import Execution, Outcome


def quality(execution: Execution) -> float | None:
    """Score that counts: an error is 0 because the user got no answer; skipped, unscored are None.

    Examples:
        >>> quality(Execution(execution_id="a", outcome="error"))
        0.0
    """
    if execution.outcome in (Outcome.SKIPPED, Outcome.UNSCORED):
        return None
    if execution.score is not None:
        return execution.score
    return 0.0 if execution.outcome is Outcome.ERROR else None


def score_table_of(arms: Mapping[str, Sequence[Execution]]) -> ScoreTable:
    """Mean score of each arm on each case.

    Args:
        arms: executions of each arm by its name; executions without a case are left out.

    Returns:
        Cases sorted by id, arms in the order given.
    """
    names = tuple(arms)
    cells: dict[tuple[str, str], list[Execution]] = defaultdict(list)
    slices: dict[str, str | None] = {}
    for arm, executions in arms.items():
        for execution in executions:
            if execution.case_id is None:
                continue
            slices.setdefault(execution.case_id, execution.slice)
            cells[execution.case_id, arm].append(execution)
    cases = tuple(sorted(slices))
    shape = (len(cases), len(names))
    scores, latency, cost = (np.full(shape, np.nan) for _ in range(3))
    runs = np.zeros(shape, dtype=np.int32)
    for i, case in enumerate(cases):
        for j, arm in enumerate(names):
            here = cells.get((case, arm), [])
            known = [s for s in map(quality, here) if s is not None]
            runs[i, j] = len(known)
            scores[i, j] = _mean(known)
            latency[i, j] = _mean([e.latency_ms for e in here if e.latency_ms is not None])
            cost[i, j] = _mean([e.cost_usd for e in here if e.cost_usd is not None])
    return ScoreTable(
        cases=cases,
        slices=tuple(slices[c] for c in cases),
        arms=names,
        scores=scores,
        runs=runs,
        latency_ms=latency,
        cost_usd=cost,
    )


def in_order(table: ScoreTable, cases: Sequence[str]) -> ScoreTable:
    """The same table with its cases in a given order; cases it does not have are left out."""
    place = {case: i for i, case in enumerate(table.cases)}
    rows = [place[case] for case in cases if case in place]
    return ScoreTable(
        cases=tuple(table.cases[i] for i in rows),
        slices=tuple(table.slices[i] for i in rows),
        arms=table.arms,
        scores=table.scores[rows],
        runs=table.runs[rows],
        latency_ms=table.latency_ms[rows],
        cost_usd=table.cost_usd[rows],
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def spent(executions: Sequence[Execution]) -> dict[str, Any]:
    """Calls, tokens and USD of executions; unknown when any of them does not say.

    Examples:
        >>> spent([])
        {'calls': 0, 'input_tokens': None, 'output_tokens': None, 'cost_usd': None}
    """

    def total(values: Sequence[float | int | None]) -> float | int | None:
        known = [v for v in values if v is not None]
        return sum(known) if known and len(known) == len(values) else None

    return {
        "calls": len(executions),
        "input_tokens": total([e.input_tokens for e in executions]),
        "output_tokens": total([e.output_tokens for e in executions]),
        "cost_usd": total([e.cost_usd for e in executions]),
    }
