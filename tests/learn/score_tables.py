"""Score tables for tests of judgement, made up or recorded."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from flywheel.records.columns import ScoreTable


def table_of(arms: dict[str, list[float]], slices: list[str | None] | None = None, **amounts) -> ScoreTable:
    """A table from scores per arm; `latency_ms` and `cost_usd` as dicts of lists."""
    scores = np.column_stack([np.asarray(v, dtype=float) for v in arms.values()])
    blank = {name: [np.nan] * len(scores) for name in arms}

    def grid(name: str) -> np.ndarray:
        given = {**blank, **amounts.get(name, {})}
        return np.column_stack([np.asarray(given[arm], dtype=float) for arm in arms])

    return ScoreTable(
        cases=tuple(f"case-{i:05}" for i in range(len(scores))),
        slices=tuple(slices) if slices else (None,) * len(scores),
        arms=tuple(arms),
        scores=scores,
        runs=(~np.isnan(scores)).astype(np.int32),
        latency_ms=grid("latency_ms"),
        cost_usd=grid("cost_usd"),
    )


def pairs(wins: int, losses: int, both: int, neither: int) -> tuple[list[float], list[float]]:
    """Control with candidate scores that give these counts."""
    control = [0.0] * wins + [1.0] * losses + [1.0] * both + [0.0] * neither
    candidate = [1.0] * wins + [0.0] * losses + [1.0] * both + [0.0] * neither
    return control, candidate


def recorded(name: str, arm_field: str) -> ScoreTable:
    """A recorded set as a table; the test is skipped where the set is absent."""
    folder = Path(os.environ.get("FLYWHEEL_RECORDED_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = folder / name / "runs.jsonl"
    if not path.exists():
        pytest.skip(f"recorded set {name!r} is not at hand; set FLYWHEEL_RECORDED_DATA")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    cases = sorted({row["task_id"] for row in rows})
    arms = sorted({row[arm_field] for row in rows})
    position = {case: i for i, case in enumerate(cases)}
    scores = np.full((len(cases), len(arms)), np.nan)
    slices: list[str | None] = [None] * len(cases)
    for row in rows:
        at = position[row["task_id"]]
        slices[at] = row["slice"]
        if row.get("passed") is not None:
            scores[at, arms.index(row[arm_field])] = float(row["passed"])
    return table_of({arm: scores[:, i].tolist() for i, arm in enumerate(arms)}, slices)
