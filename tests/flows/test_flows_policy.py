"""Every task's promises, read as data."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.states import Failed

import tasks
from flows.form import Strategy
from flows.learning_cycle import PHASES, learning_cycle
from flywheel.errors import FlywheelError, ModelUnavailable, StaleRelease, StoreUnreachable, UnknownName
from flywheel.records.cycle import Phase
from flywheel.records.strategy import PRESETS
from tasks.policy import worth_another_try

pytestmark = pytest.mark.unit


def every_task() -> dict[str, Task[Any, Any]]:
    """Tasks of all modules of tasks/, by name."""
    found = {}
    for module in pkgutil.iter_modules(tasks.__path__):
        for value in vars(importlib.import_module(f"tasks.{module.name}")).values():
            if isinstance(value, Task):
                found[value.name] = value
    return found


@pytest.mark.parametrize("name", sorted(every_task()))
def test_task_retries_with_backoff_and_keeps_nothing(name: str) -> None:
    """Three tries after 2, 4 and 8 seconds with jitter, one condition, no cache, no stored result."""
    task = every_task()[name]
    assert task.retries == 3
    assert task.retry_delay_seconds == [2, 4, 8]
    assert task.retry_jitter_factor == 0.5
    assert task.retry_condition_fn is worth_another_try
    assert task.cache_policy == NO_CACHE
    assert task.persist_result is False


@pytest.mark.parametrize("name", sorted(set(every_task()) - {"report-import"}))
def test_task_has_a_limit_of_time(name: str) -> None:
    """A task that waits for a store or a model does not wait for ever."""
    assert every_task()[name].timeout_seconds


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (StoreUnreachable("down"), True),
        (ModelUnavailable("busy"), True),
        (UnknownName("typo"), False),
        (StaleRelease("moved"), False),
        (FlywheelError("other"), False),
        (KeyError("bug"), False),
    ],
)
def test_only_errors_that_may_pass_are_tried_again(error: Exception, again: bool) -> None:
    """An unreachable store or model is tried again; a wrong name, a conflict or a bug is not."""
    task = every_task()["collect"]
    assert worth_another_try(task, None, Failed(data=error)) is again


def test_flow_has_no_retries_of_its_own() -> None:
    """Retries belong to the tasks: a flow with a concurrency limit crashes when it retries."""
    assert learning_cycle.retries == 0
    assert [phase.name for phase in PHASES] == [phase.value for phase in Phase]


def test_form_lists_every_strategy() -> None:
    """The list in the form is the list of presets."""
    assert set(Strategy.__args__) == set(PRESETS)


def test_every_task_is_documented() -> None:
    """docs/prefect.md names each task."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "prefect.md").read_text(encoding="utf-8")
    assert [name for name in every_task() if f"`{name}`" not in page] == []
