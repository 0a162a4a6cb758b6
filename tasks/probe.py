"""A probe as a Prefect task: one prompt, one kind of question."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from prefect import task
from prefect.concurrency.sync import concurrency
from pydantic import Field

from blocks.store import store_block
from flywheel.cli.drawing import UNKNOWN, percent
from flywheel.cli.names import known_version
from flywheel.learn.probing_limits import missed_limits
from flywheel.llm.executor_budget import Ceiling
from flywheel.llm.names import embedded_names
from flywheel.probes.asking import Subject, as_they_are, made_for, plain_job, with_variants
from flywheel.probes.judging import probe_report
from flywheel.probes.keeping import keep_found
from flywheel.records.base import Count, Name, NonNegative, Record, Share
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.probe import ProbedModel, ProbeKind, ProbeReport, ProbeRow
from flywheel.store.open import SqlStore
from tasks.artifacts import Row
from tasks.policy import LIVE_S, POLICY
from tasks.publishing import publish_table
from tasks.running import execute_job
from tasks.validate import LIVE_EXPERIMENTS
from tasks.wiring import Places


class ProbeRequest(Record):
    """What is probed.

    Attributes:
        suite: whose reflect cases are asked.
        prompt: its live version.
        models: names; none means the seven embedded ones.
        begun: names the measurement, so that a repeated task goes on with it; None is the usual one.
        keep: suite for what broke; None keeps nothing.
        limits: by name.
        budget_calls, budget_usd: ceilings; None is none.
        concurrency: most calls at once.
    """

    kind: ProbeKind
    workspace: Name = "default"
    suite: Name
    prompt: Name
    models: tuple[Name, ...] = ()
    seed: Count = 0
    begun: datetime | None = None
    keep: Name | None = None
    limits: dict[str, Share] = Field(default_factory=dict)
    budget_calls: Count | None = None
    budget_usd: NonNegative | None = None
    concurrency: Annotated[int, Field(ge=1)] = 8


class ProbeDone(Record):
    """What a probe found, with what it could not.

    Attributes:
        missed: a sentence for each limit that is missed.
        missing: cases that were not asked.
        errors: cases whose execution has no answer.
        stopped: why the run ended early, else empty.
        kept: cases of the suite that were not there before.
    """

    report: ProbeReport
    missed: tuple[str, ...] = ()
    missing: Count = 0
    errors: Count = 0
    stopped: str = ""
    kept: Count = 0


@task(
    name="probe-prompt",
    description="Asks a suite's reflect cases in other ways, with each model.",
    task_run_name="{request.kind.value} of {request.prompt}",
    timeout_seconds=LIVE_S,
    tags=["flywheel"],
    **POLICY,
)
def probe_prompt(request: ProbeRequest, places: Places) -> ProbeDone:
    """Run what is not finished, judge it, keep what broke.

    Args:
        request: kind, suite, prompt, models.
        places: names of the blocks.

    Raises:
        UnknownName: no such suite, version or model; nothing was sent.
        InputError: nothing can be asked.
    """
    with store_block(places.store).open() as store, concurrency(LIVE_EXPERIMENTS, occupy=1):
        done = _probe(request, places, store)
    publish_table(
        FeedbackLoopInput(prompt=request.prompt, workspace=request.workspace),
        f"probe-{request.kind.value}",
        probe_rows(done.report),
        f"What breaks {request.prompt} on reflect cases of {request.suite}.",
    )
    return done


def _probe(request: ProbeRequest, places: Places, store: SqlStore) -> ProbeDone:
    version = known_version(store, request.workspace, request.prompt, "live")
    subject = Subject(request.kind, request.workspace, request.suite, version, request.seed, request.begun)
    ceiling = Ceiling(request.budget_calls, request.budget_usd)
    job = plain_job(store, subject, request.models or embedded_names(), ceiling)
    made = made_for(subject, job)
    result = execute_job(with_variants(job, made), request.concurrency, places, store)
    report = probe_report(subject, job, made, result)
    kept = 0
    if request.keep is not None:
        variants = made.variants or as_they_are(job)
        kept = keep_found(store, report, variants, request.keep, job.suite).stored
    return ProbeDone(
        report=report,
        missed=missed_limits(report, request.limits),
        missing=result.missing,
        errors=result.errors,
        stopped=result.stopped,
        kept=kept,
    )


def probe_rows(report: ProbeReport) -> list[Row]:
    """The report as rows of a table: each model as a whole, then by kind of change.

    Args:
        report: what was found.
    """
    return [_row(report, model, row) for model in report.models for row in (model.overall, *model.kinds)]


def _row(report: ProbeReport, model: ProbedModel, row: ProbeRow) -> Row:
    known = row.low is not None and row.high is not None
    said: Row = {
        "model": model.model,
        "kind": row.name,
        "cases": row.cases,
        "shown": row.shown,
        "share": percent(row.share),
        "interval": f"{percent(row.low)} to {percent(row.high)}" if known else UNKNOWN,
    }
    if report.kind is ProbeKind.CALIBRATION and model.calibration is not None:
        error = model.calibration.error
        said["calibration error"] = UNKNOWN if error is None else f"{error:.3f}"
        said["bias"] = model.calibration.bias
    return said
