"""When a task is tried again, how long it may take, what Prefect keeps of it."""

from __future__ import annotations

from typing import Any

from prefect import State
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.tasks import Task, exponential_backoff

from flywheel.errors import FlywheelError, ModelUnavailable, ServiceUnavailable, StoreUnreachable

WORTH_ANOTHER_TRY: tuple[type[FlywheelError], ...] = (
    StoreUnreachable,
    ModelUnavailable,
    ServiceUnavailable,
)
"""All other errors would come again: a wrong name, a stale release, a spent budget."""

QUICK_S = 15 * 60
"""Phases that read the store and reckon; collect also runs a first baseline."""

LIVE_S = 6 * 60 * 60
"""Phases that run a suite on a rate-limited model."""


def worth_another_try(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    """Whether the error of a failed task may be gone on the next try."""
    failure = state.result(raise_on_failure=False)
    return isinstance(failure, WORTH_ANOTHER_TRY)


POLICY: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": worth_another_try,
    # Finished phases are kept in our own store; a second copy could disagree.
    "cache_policy": NO_CACHE,
    "persist_result": False,
}
"""Of every task: tries after about 2, 4 and 8 seconds, nothing cached by Prefect."""
