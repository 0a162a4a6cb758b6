"""A baseline as a Prefect task: one prompt with many models."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Annotated

from prefect import task
from prefect.concurrency.sync import concurrency
from pydantic import Field

from blocks.store import store_block
from flywheel.cli.drawing import UNKNOWN, percent
from flywheel.cli.names import known_version
from flywheel.llm.executor_budget import Ceiling
from flywheel.llm.names import embedded_names
from flywheel.llm.providers import read_config
from flywheel.probes.baseline import Subject, baseline_job, measured, named_baseline
from flywheel.records.base import Count, Name, NonNegative, Record
from flywheel.records.baseline import BaselineCell, BaselineMatrix
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.store.open import SqlStore
from tasks.artifacts import Row
from tasks.policy import LIVE_S, POLICY
from tasks.publishing import publish_table
from tasks.running import execute_job
from tasks.validate import LIVE_EXPERIMENTS
from tasks.wiring import Places


class BaselineRequest(Record):
    """What is measured.

    Attributes:
        suite: whose cases are asked.
        prompt: its live version.
        models: names; none means the seven embedded ones.
        begun: names the baseline, so that a repeated task goes on with it; None goes on with the last one.
        budget_calls, budget_usd: ceilings; None is none.
        concurrency: most calls at once.
    """

    workspace: Name = "default"
    suite: Name
    prompt: Name
    models: tuple[Name, ...] = ()
    begun: datetime | None = None
    budget_calls: Count | None = None
    budget_usd: NonNegative | None = None
    concurrency: Annotated[int, Field(ge=1)] = 8


class BaselineDone(Record):
    """A matrix with what is not in it.

    Attributes:
        missing: cases that were not asked.
        errors: cases whose execution has no answer.
        stopped: why the run ended early, else empty.
    """

    matrix: BaselineMatrix
    missing: Count = 0
    errors: Count = 0
    stopped: str = ""


@task(
    name="measure-baseline",
    description="Puts every case of a suite through one prompt with each model.",
    task_run_name="baseline {request.prompt}",
    timeout_seconds=LIVE_S,
    tags=["flywheel"],
    **POLICY,
)
def measure_baseline(request: BaselineRequest, places: Places) -> BaselineDone:
    """Run what is not finished, then hold it against targets with the baseline before.

    Args:
        request: suite, prompt, models.
        places: names of the blocks.

    Raises:
        UnknownName: no such suite, version or model; nothing was sent.
        InputError: nothing can be asked.
    """
    with store_block(places.store).open() as store, concurrency(LIVE_EXPERIMENTS, occupy=1):
        done = _measure(request, places, store)
    publish_table(
        FeedbackLoopInput(prompt=request.prompt, workspace=request.workspace),
        "baseline",
        baseline_rows(done.matrix),
        f"Every model on every slice of {request.suite}.",
    )
    return done


def _measure(request: BaselineRequest, places: Places, store: SqlStore) -> BaselineDone:
    version = known_version(store, request.workspace, request.prompt, "live")
    named = named_baseline(store, Subject(request.workspace, request.suite, version), request.begun)
    ceiling = Ceiling(request.budget_calls, request.budget_usd)
    job = baseline_job(store, named, request.models or embedded_names(), ceiling)
    result = execute_job(job, request.concurrency, places, store)
    arms = {arm.arm.model: arm.executions for arm in result.arms}
    matrix = measured(store, named, arms, read_config(os.environ))
    return BaselineDone(matrix=matrix, missing=result.missing, errors=result.errors, stopped=result.stopped)


def baseline_rows(matrix: BaselineMatrix) -> list[Row]:
    """The matrix as rows of a table, best model first.

    Args:
        matrix: what was measured.
    """
    changes = {change.model: change.verdict for change in matrix.changes}
    rows: list[Row] = []
    for row in matrix.models:
        row_cells: Row = {"model": row.model, "pass rate": _share(row.overall)}
        row_cells |= {str(cell.slice): _share(cell) for cell in row.slices}
        row_cells |= {
            "target": percent(row.quality_target, 0),
            "quality": row.quality.value,
            "median ms": UNKNOWN if row.overall.median_ms is None else round(row.overall.median_ms),
            "response": row.response.value,
            "since before": changes.get(row.model, UNKNOWN),
        }
        rows.append(row_cells)
    return rows


def _share(cell: BaselineCell) -> str:
    if cell.low is None or cell.high is None:
        return UNKNOWN
    return f"{percent(cell.pass_rate)} ({percent(cell.low)} to {percent(cell.high)})"
