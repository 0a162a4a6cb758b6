"""Jobs of cases run within a task: models of a block, answers into the store."""

from __future__ import annotations

import os

from prefect.logging import get_run_logger

from blocks.model import model_block
from flywheel.cycle import SystemClock
from flywheel.llm.executor import Job, RunResult, execute
from flywheel.llm.gateway import Keeping
from flywheel.llm.observed_model import observed_models
from flywheel.llm.observed_runner import ObservedExecutor, telling
from flywheel.llm.runner import Runner
from flywheel.store.open import SqlStore
from tasks.wiring import Places


def execute_job(job: Job, concurrency: int, places: Places, store: SqlStore) -> RunResult:
    """Run what is not finished; the bill goes to the log.

    Args:
        job: suite, cases, arms.
        concurrency: most calls at once.
        places: names of the blocks.
        store: of executions.
    """
    gateway = model_block(places.models).gateway(Keeping(store.model_calls, store.responses))
    warn = get_run_logger().warning
    try:
        with telling(os.environ, warn) as observer:
            # The embedded models answer the same at any time; a stamp would make equal runs differ.
            clock = SystemClock() if any(gateway.model(arm.model).remote for arm in job.arms) else None
            judges = observed_models(gateway.model, observer)
            runner = Runner(gateway.model, concurrency, clock, judges=judges)
            return execute(job, store, ObservedExecutor(runner, observer) if observer else runner)
    finally:
        gateway.close()
        if gateway.used_remote:
            get_run_logger().info(gateway.bill())
