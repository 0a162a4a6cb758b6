"""Executions at hand as columns, for the arithmetic that reads columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from flywheel.records.columns import OUTCOMES, Coded, ExecutionColumns
from flywheel.records.execution import Execution


def columns_of(executions: Sequence[Execution]) -> ExecutionColumns:
    """Columns of n executions, in their order; NaN is unknown.

    Examples:
        >>> columns_of([Execution(execution_id="a", outcome="passed", latency_ms=5)]).latency_ms
        array([5.])
    """

    def numbers(get: Callable[[Execution], float | None]) -> NDArray[np.float64]:
        return np.array([np.nan if (x := get(e)) is None else x for e in executions], dtype=np.float64)

    def coded(get: Callable[[Execution], str | None]) -> Coded:
        values = [get(e) for e in executions]
        names = tuple(dict.fromkeys(value for value in values if value is not None))
        places = {name: place for place, name in enumerate(names)}
        codes = [-1 if value is None else places[value] for value in values]
        return Coded(np.array(codes, dtype=np.int32), names)

    return ExecutionColumns(
        seq=np.arange(1, len(executions) + 1, dtype=np.int64),
        outcome=np.array([OUTCOMES.index(e.outcome.value) for e in executions], dtype=np.int8),
        score=numbers(lambda e: e.score),
        confidence=numbers(lambda e: e.confidence),
        latency_ms=numbers(lambda e: e.latency_ms),
        cost_usd=numbers(lambda e: e.cost_usd),
        input_tokens=numbers(lambda e: e.input_tokens),
        output_tokens=numbers(lambda e: e.output_tokens),
        started_at=numbers(lambda e: None if e.started_at is None else e.started_at.timestamp()),
        version=coded(lambda e: e.version),
        slice=coded(lambda e: e.slice),
        model=coded(lambda e: e.model),
        agent=coded(lambda e: e.agent),
        case=coded(lambda e: e.case_id),
        error_type=coded(lambda e: e.error_type),
    )
