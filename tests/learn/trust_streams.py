"""Recommendations and executions as columns, made by hand for tests of trust."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flywheel.records.columns import OUTCOMES, AgentColumns, Coded, RecommendationColumns

HOUR_S = 3_600.0


def coded(names: Sequence[str | None]) -> Coded:
    """A text column."""
    known = tuple(dict.fromkeys(name for name in names if name is not None))
    return Coded(np.array([-1 if n is None else known.index(n) for n in names], np.int32), known)


def judged(
    rows: Sequence[tuple[str, str, float]],
    *,
    judge: str | Sequence[str | None] | None = "eve",
    recommendation: Sequence[int] | None = None,
    step_s: float = HOUR_S,
) -> RecommendationColumns:
    """One judgement an hour: agent, type, success."""
    n = len(rows)
    judges = [judge] * n if judge is None or isinstance(judge, str) else list(judge)
    moments = step_s * np.arange(1, n + 1)
    return RecommendationColumns(
        recommendation=np.array(range(n) if recommendation is None else recommendation, np.int32),
        agent=coded([row[0] for row in rows]),
        type=coded([row[1] for row in rows]),
        workflow=coded([None] * n),
        correlation=coded([None] * n),
        judge=coded(judges),
        confidence=np.full(n, np.nan),
        success=np.array([row[2] for row in rows], dtype=np.float64),
        quality=np.full(n, np.nan),
        created=moments - 60.0,
        evaluated=moments,
    )


def ran(rows: Sequence[tuple[str, str, str]], *, latency_ms: float = 100.0) -> AgentColumns:
    """One execution a minute: agent, case, outcome."""
    n = len(rows)
    scores = {"passed": 1.0, "failed": 0.0}
    return AgentColumns(
        outcome=np.array([OUTCOMES.index(row[2]) for row in rows], np.int8),
        score=np.array([scores.get(row[2], np.nan) for row in rows]),
        latency_ms=np.full(n, latency_ms),
        moment=60.0 * np.arange(1, n + 1),
        agent=coded([row[0] for row in rows]),
        slice=coded([None] * n),
        case=coded([row[1] for row in rows]),
    )


NOTHING_RAN = ran([])
NOBODY_JUDGED = judged([])
