"""From what a probe was asked for to its findings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from flywheel.cli.doors import Door
from flywheel.cli.probe_page import draw_report
from flywheel.cli.refusals import INTERRUPTED
from flywheel.cli.run_job import Asked, Ready, asked_models, job_of, run_job
from flywheel.cli.run_manifest import named_version
from flywheel.cli.run_page import draw_forecast, draw_troubles, forecast_document
from flywheel.errors import InputError
from flywheel.learn.probing_limits import OF_KIND, missed_limits
from flywheel.learn.probing_variants import Made
from flywheel.learn.templates import variables
from flywheel.llm.executor import Job, RunResult
from flywheel.llm.executor_budget import Ceiling
from flywheel.llm.executor_forecast import RunForecast, forecast
from flywheel.llm.gateway import Gateway
from flywheel.probes.asking import Subject, as_probe, as_they_are, made_for, with_variants
from flywheel.probes.judging import probe_report
from flywheel.probes.keeping import keep_found
from flywheel.probes.rephrasing import rephrased, rephrasing_job
from flywheel.records.probe import ProbeKind

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.ports import WriteCounts
    from flywheel.records.probe import ProbeReport


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command.

    Attributes:
        asked: those that every run has.
        limits: by name; None is none.
        keep: suite for what broke.
        begun: of a new measurement; None goes on with the usual one.
    """

    kind: ProbeKind
    prompt: str
    asked: Asked
    rephraser: str | None
    limits: Mapping[str, float | None]
    keep: str | None
    begun: datetime | None
    dry_run: bool


def run_probe(door: Door, wanted: Wanted) -> int:
    """Ask, judge, keep, show; gives the exit code."""
    _check(wanted)
    version = named_version(door.own_store, door.workspace, wanted.prompt)
    subject = Subject(
        wanted.kind, door.workspace, wanted.asked.target, version, wanted.asked.seed or 0, wanted.begun
    )
    prompts = (f"{version.prompt}@{version.version}",)
    asked = replace(wanted.asked, prompts=prompts, session=subject.session_id)
    with ExitStack() as opened:
        gateway = opened.enter_context(asked_models(door, asked, billed=not wanted.dry_run))
        ready = job_of(door, asked, gateway, keep=False)
        ready = replace(ready, job=as_probe(ready.job))
        if wanted.dry_run:
            return _show_forecast(door, wanted, subject, ready)
        made = made_for(subject, ready.job)
        whole, made = _with_rephrased(door, wanted, subject, (ready, made), gateway)
        expected = forecast(whole.job, door.own_store)
        if expected.calls:
            draw_forecast(door.err, whole.job, expected)
        result = run_job(door, whole, gateway)
    report = probe_report(subject, ready.job, made, result)
    kept = None
    if wanted.keep:
        kept = keep_found(
            door.own_store, report, made.variants or as_they_are(ready.job), wanted.keep, ready.job.suite
        )
    missed = missed_limits(report, wanted.limits)
    _show(door, report, result, missed, kept)
    return whole.exit_code(result, low=bool(missed))


def _check(wanted: Wanted) -> None:
    """Refuse options of another kind of probe.

    Raises:
        InputError: one is given.
    """
    own = OF_KIND.get(wanted.kind, ())
    given = [f"--{name.replace('_', '-')}" for name, value in wanted.limits.items() if value is not None]
    given = [option for option in given if option.removeprefix("--").replace("-", "_") not in own]
    if wanted.rephraser and wanted.kind is not ProbeKind.CONSISTENCY:
        given.append("--rephraser")
    if wanted.kind is ProbeKind.COMPARISON and len(wanted.asked.models) < 2:
        raise InputError(
            f"A comparison needs two models; got {list(wanted.asked.models)!r}. Nothing was sent. "
            "Repeat --model."
        )
    if given:
        raise InputError(
            f"{', '.join(given)} does not go with the probe {wanted.kind.value!r}. Nothing was sent. "
            "Leave it out. See: flywheel probe --help"
        )


def _with_rephrased(
    door: Door, wanted: Wanted, subject: Subject, plain: tuple[Ready, Made], gateway: Gateway
) -> tuple[Ready, Made]:
    """The whole job; a model that rephrases is asked now, and what it took counts against the budget.

    Raises:
        Exit: interrupted meanwhile; what was rephrased is kept.
    """
    ready, made = plain
    ceiling = ready.job.ceiling
    if wanted.rephraser:
        named = variables(subject.version.text or "")
        job = rephrasing_job(ready.job, wanted.rephraser, named)
        model = gateway.model(wanted.rephraser)
        asking = replace(ready, job=job, models={wanted.rephraser: model})
        expected = forecast(job, door.own_store)
        if expected.calls:
            draw_forecast(door.err, job, expected)
        result = run_job(door, asking, gateway)
        if result.errors:
            draw_troubles(door.err, result)
        if result.stopped == "interrupted":
            raise typer.Exit(INTERRUPTED)
        told = rephrased(ready.job, result.arms[0].executions, named)
        made = Made((*made.variants, *told.variants), {**made.without, **told.without})
        ceiling = _less(ceiling, result)
    return replace(ready, job=replace(with_variants(ready.job, made), ceiling=ceiling)), made


def _less(ceiling: Ceiling, result: RunResult) -> Ceiling:
    calls, usd, tokens = ceiling.calls, ceiling.usd, ceiling.tokens
    return Ceiling(
        None if calls is None else max(0, calls - result.calls),
        None if usd is None else max(0.0, usd - (result.usd or 0.0)),
        None if tokens is None else max(0, tokens - (result.tokens or 0)),
    )


def _show_forecast(door: Door, wanted: Wanted, subject: Subject, ready: Ready) -> int:
    """What is left to ask; with a rephraser its questions, and one variant more of each case."""
    job = with_variants(ready.job, made_for(subject, ready.job))
    expected = forecast(job, door.own_store)
    if wanted.rephraser:
        more = rephrasing_job(ready.job, wanted.rephraser, variables(subject.version.text or ""))
        expected = _with_more(expected, forecast(more, door.own_store), ready.job)
    document = forecast_document(job, expected)
    door.answer(document, lambda console: draw_forecast(console, job, expected))
    return 1 if ready.exceeds(expected) else 0


def _with_more(expected: RunForecast, asking: RunForecast, plain: Job) -> RunForecast:
    """Both forecasts, where nobody knows yet what the rephrasings will take."""
    variants = len(plain.cases) * len(plain.arms)
    return replace(
        expected,
        cases=expected.cases + asking.cases + variants,
        kept=expected.kept + asking.kept,
        calls=expected.calls + asking.calls + variants,
        input_tokens=None,
        output_tokens=None,
        usd=None,
    )


def _show(
    door: Door, report: ProbeReport, result: RunResult, missed: tuple[str, ...], kept: WriteCounts | None
) -> None:
    document = {
        **report.model_dump(mode="json"),
        "missed": list(missed),
        "missing": result.missing,
        "errors": result.errors,
        "kept": None
        if kept is None
        else {"stored": kept.stored, "replaced": kept.replaced} | {"unchanged": kept.unchanged},
    }

    def draw(console: Console) -> None:
        draw_report(console, report, result)
        for line in missed:
            console.print(line, style="red")
        if kept is not None:
            told = f"{kept.stored:,} stored, {kept.replaced:,} replaced, {kept.unchanged:,} unchanged"
            console.print(f"kept as cases: {told}")

    door.answer(document, draw)
