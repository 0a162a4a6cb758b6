"""`flywheel report`: test execution reports."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import UNKNOWN, amount, bar, make_table, percent, say_nothing_there, short
from flywheel.cli.names import known_prompt
from flywheel.cli.options import JsonOption, PromptOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import InputError
from flywheel.records.base import MOST_DAYS

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from flywheel.records.advice import Advice, PastChange
    from flywheel.records.analysis import SliceReport, TestExecutionReport
    from flywheel.records.columns import ExecutionColumns, Scope
    from flywheel.records.findings import SliceFinding

app = typer.Typer(add_completion=False)


MAX_WORSE = 5


class ReportBy(StrEnum):
    """What a report can be split by."""

    SLICE = "slice"
    MODEL = "model"
    PROMPT = "prompt"
    VERSION = "version"
    AGENT = "agent"


@app.command(
    epilog=examples(
        "flywheel report --by slice",
        "flywheel report --prompt triage --by version",
        "flywheel report --window-days 7 --against-days 28",
    )
)
def report(
    *,
    by: Annotated[ReportBy | None, typer.Option("--by", help="One row per value, worst first.")] = None,
    prompt: PromptOption = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="V", help="Only this version: hash or label.")
    ] = None,
    window_days: Annotated[
        float | None,
        typer.Option("--window-days", min=0.001, max=MOST_DAYS, metavar="D", help="Only the last D days."),
    ] = None,
    against_days: Annotated[
        float | None,
        typer.Option(
            "--against-days",
            min=0.001,
            max=MOST_DAYS,
            metavar="D",
            help="Beside the D days before --window-days.",
        ),
    ] = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pass rate, errors, latency, tokens, cost of the stored executions."""
    from flywheel.cli.advice_page import draw_changes, draw_savings
    from flywheel.learn.sentiment import voices_in_words
    from flywheel.records.columns import NOT_EVIDENCE, Scope

    door = open_door(store, workspace, as_json)
    if prompt is not None:
        known_prompt(door.store, door.workspace, prompt)
    scope = Scope(
        workspace=door.workspace,
        prompt=prompt,
        version=version,
        since=since(window_days),
        exclude_sources=NOT_EVIDENCE,
    )
    columns = door.store.executions.columns(scope)
    overall, rows, worse = _reports(door, scope, by, columns)
    voices = door.store.executions.voices(scope)
    found, changes = _advised(door, scope, columns, (window_days, against_days))
    document: Document = {
        "workspace": door.workspace,
        "prompt": prompt,
        "by": by.value if by else None,
        "overall": report_document(overall),
        "rows": [{by.value: row.slice, **report_document(row.report)} for row in rows] if by else [],
        "voices": voices.model_dump(mode="json"),
        "savings": [one.model_dump(mode="json") for one in found.savings],
        "against": [one.model_dump(mode="json") for one in changes],
        "worse_slices": [found.model_dump(mode="json") for found in worse],
    }

    def draw(console: Console) -> None:
        if overall.total_tests == 0:
            say_nothing_there(
                console, "No executions here.", f"Bring some in: flywheel import jsonl FILE{door.again}"
            )
            return
        draw_overall(console, overall)
        said = voices_in_words(voices)
        if said:
            console.print(f"people: {said}")
        draw_savings(console, found)
        if changes:
            draw_changes(console, changes, f"{window_days:g} days beside the {against_days:g} before")
        if by is not None:
            draw_rows(console, by.value, rows)
        if worse:
            from flywheel.cli.patterns_page import draw_worse

            draw_worse(console, worse[:MAX_WORSE])
            console.print("Why: flywheel patterns", style="dim")

    door.answer(document, draw)


def report_document(report: TestExecutionReport) -> Document:
    """The fields of a report that say something for a group, as JSON."""
    return report.model_dump(mode="json", exclude={"group", "workflow_id", "run_id"})


def since(window_days: float | None) -> datetime | None:
    """Start of a window that ends now."""
    from datetime import UTC, datetime, timedelta

    return None if window_days is None else datetime.now(UTC) - timedelta(days=window_days)


def draw_overall(console: Console, overall: TestExecutionReport) -> None:
    """The report of everything, as a few lines."""
    scored = overall.successful_tests + overall.failed_tests + overall.error_tests
    console.print(
        f"{percent(overall.success_rate)} passed: {overall.successful_tests:,} of {scored:,} scored "
        f"executions ({overall.failed_tests:,} failed, {overall.error_tests:,} errors, "
        f"{overall.unscored_tests:,} unscored)"
    )
    spread = (
        f"{amount(overall.avg_response_time_ms, ' ms')} on average, "
        f"{amount(overall.p95_response_time_ms, ' ms')} at 95 %"
    )
    told = {
        "latency": spread if overall.avg_response_time_ms is not None else UNKNOWN,
        "tokens": amount(overall.total_tokens),
        "cost": amount(overall.total_cost_usd, " USD", 4),
    }
    known = [f"{name} {value}" for name, value in told.items() if value != UNKNOWN]
    missing = [name for name, value in told.items() if value == UNKNOWN]
    console.print("; ".join([*known, f"not recorded: {', '.join(missing)}"] if missing else known))
    errors = overall.error_distribution.model_dump()
    total = errors.pop("total_errors")
    named = [f"{count:,} {name.replace('_', ' ')}" for name, count in errors.items() if count]
    if total:
        console.print(f"failures by class: {', '.join(named)}")


def draw_rows(console: Console, by: str, rows: tuple[SliceReport, ...]) -> None:
    """One line per group, worst first."""
    numbers = ("runs", "passed", "interval", "p95 ms", "USD/run")
    columns = (by, *numbers[:2], "", *numbers[2:])
    table = make_table(None, columns, right=numbers)
    for row in rows:
        table.add_row(
            short(row.slice),
            f"{row.report.total_tests:,}",
            percent(row.report.success_rate),
            bar(row.report.success_rate, width=8),
            _spread(row.report),
            amount(row.report.p95_response_time_ms),
            amount(row.report.cost_per_request_usd, "", 5),
        )
    console.print(table)


def _spread(report: TestExecutionReport) -> str:
    """Interval of the pass rate, which tells a small group from a bad one."""
    from flywheel.stats.proportions import Counts, wilson

    scored = report.successful_tests + report.failed_tests + report.error_tests
    found = wilson(Counts(report.successful_tests, scored))
    return f"{percent(found.low, 0)} to {percent(found.high, 0)}" if found.low is not None else UNKNOWN


def _reports(
    door: Door, scope: Scope, by: ReportBy | None, columns: ExecutionColumns
) -> tuple[TestExecutionReport, tuple[SliceReport, ...], tuple[SliceFinding, ...]]:
    from dataclasses import replace

    from flywheel.learn.attributes import attributes_of_columns
    from flywheel.learn.reporting import report_by, test_execution_report
    from flywheel.learn.slices import search_slices
    from flywheel.records.analysis import SliceReport

    overall = test_execution_report(columns)
    worse = search_slices(attributes_of_columns(columns))
    if by is None:
        return overall, (), worse
    if by is not ReportBy.PROMPT:
        return overall, report_by(columns, getattr(columns, by.value)), worse
    names = [scope.prompt] if scope.prompt else door.store.prompts.names(door.workspace)
    reports = []
    for name in names:
        of_prompt = door.store.executions.columns(replace(scope, prompt=name))
        reports.append(SliceReport(slice=name, report=test_execution_report(of_prompt, None, name)))
    return overall, tuple(sorted(reports, key=_worst_first)), worse


def _advised(
    door: Door, scope: Scope, columns: ExecutionColumns, days: tuple[float | None, float | None]
) -> tuple[Advice, tuple[PastChange, ...]]:
    """What could be saved, and every measure beside itself in the time before."""
    from dataclasses import replace

    from flywheel.learn.advice import Grounds, advice, changes_since

    window_days, against_days = days
    found = advice(Grounds(columns))
    if against_days is None:
        return found, ()
    if window_days is None:
        msg = "--against-days needs --window-days: before which window? Nothing was compared."
        raise InputError(msg)
    earlier = replace(scope, since=since(window_days + against_days), until=scope.since)
    return found, changes_since(columns, door.store.executions.columns(earlier))


def _worst_first(row: SliceReport) -> tuple[float, str]:
    rate = row.report.success_rate
    return (2.0 if rate is None else rate, row.slice)
