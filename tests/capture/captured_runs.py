"""Runs of pytest inside a test, with the executions they left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flywheel.records.execution import Execution

OTHERS = (
    "anyio",
    "asyncio",
    "cacheprovider",
    "hypothesispytest",
    "langsmith_plugin",
    "pytest_cov",
    "rerunfailures",
    "xdist",
    "xdist.looponfail",
)
"""Plugins that take a second to load between them; a test names those it needs."""


def plain_pytest(*needed: str) -> list[str]:
    """Arguments that leave out the other plugins, save the needed ones."""
    return [part for plugin in OTHERS if plugin not in needed for part in ("-p", f"no:{plugin}")]


def run(pytester: pytest.Pytester, *arguments: str, needs: tuple[str, ...] = ()) -> pytest.RunResult:
    """Pytest with capture into runs.jsonl, in this process."""
    return pytester.runpytest_inprocess(*plain_pytest(*needs), "--flywheel=runs.jsonl", *arguments)


def run_apart(pytester: pytest.Pytester, *arguments: str, needs: tuple[str, ...] = ()) -> pytest.RunResult:
    """The same in a process of its own."""
    return pytester.runpytest_subprocess(*plain_pytest(*needs), "--flywheel=runs.jsonl", *arguments)


def executions(pytester: pytest.Pytester, file: str = "runs.jsonl") -> dict[str, Execution]:
    """Executions by case, read as an import reads them; a case that ran twice has its later attempt."""
    return {execution.case_id or "": execution for execution in all_executions(pytester.path / file)}


def all_executions(path: Path) -> list[Execution]:
    """Every execution of a file; each line must be one, with an id of its own."""
    found = [Execution.model_validate_json(line) for line in path.read_bytes().splitlines()]
    assert len({execution.execution_id for execution in found}) == len(found)
    return found


def only(pytester: pytest.Pytester) -> Execution:
    """The only execution of a run."""
    (execution,) = all_executions(pytester.path / "runs.jsonl")
    return execution


def facts(execution: Execution) -> dict[str, Any]:
    """Metadata as a dictionary."""
    assert isinstance(execution.metadata, dict)
    return execution.metadata


def as_json(value: object) -> Any:
    """A value as it comes back from a file."""
    return json.loads(json.dumps(value))
