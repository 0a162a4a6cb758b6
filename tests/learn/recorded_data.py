"""Executions recorded by other people, read where they lie; never part of this repository."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from flywheel.records.execution import Execution

FOLDER = Path(os.environ.get("FLYWHEEL_RECORDED_DATA", Path(__file__).parents[3] / "shared" / "data"))


def recorded(name: str) -> tuple[list[Execution], list[Execution]]:
    """Failures, passes of one recorded set; skips the test where it is not there."""
    path = FOLDER / name / "runs.jsonl"
    if not path.exists():
        pytest.skip(f"no recorded data in {path.parent}; set FLYWHEEL_RECORDED_DATA")
    rows = [_execution(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    return [r for r in rows if r.outcome == "failed"], [r for r in rows if r.outcome == "passed"]


def _execution(row: dict[str, object]) -> Execution:
    return Execution.model_validate(
        {
            "execution_id": row["run_id"],
            "case_id": row["task_id"],
            "slice": row.get("slice"),
            "model": row.get("model"),
            "version": row.get("prompt_version"),
            "inputs": row.get("input"),
            "output": row.get("output"),
            "expected": row.get("expected"),
            "metadata": {"answer": row.get("answer")},
            "outcome": "passed" if row["passed"] else "failed",
            "error_type": row.get("error"),
            "started_at": row.get("timestamp"),
        }
    )
