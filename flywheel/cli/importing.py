"""`flywheel import`: recorded executions from files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flywheel.cli.alert_raising import alerts_config
from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from flywheel.capture.importing import ImportReport, ImportSettings
    from flywheel.records.alert import Alert
    from flywheel.records.alerting import AlertsConfig

app = typer.Typer(add_completion=False)

ALERT_FIELDS = {"alert_id", "severity", "subject", "message", "times"}
COUNTS = ("read", "stored", "replaced", "unchanged", "rejected")
REJECTIONS_SHOWN = 5


class ImportFormat(StrEnum):
    """Formats that can be read."""

    JSONL = "jsonl"
    CSV = "csv"
    LANGSMITH = "langsmith"
    JUNIT = "junit"
    REPORTLOG = "reportlog"
    OTEL = "otel"
    PROMPTFOO = "promptfoo"
    INSPECT = "inspect"


@app.command(
    epilog=examples(
        "flywheel import jsonl runs.jsonl --prompt triage",
        "flywheel import csv runs.csv --map question=inputs.question --map ok=outcome --dry-run",
        "flywheel import jsonl runs.jsonl --mapping recorded-runs --prompt 'bbh/{slice}'",
        "flywheel import langsmith --project support --since 7d --prompt triage",
        "flywheel import otel spans.jsonl --prompt triage",
    )
)
def import_executions(
    *,
    file_format: Annotated[ImportFormat, typer.Argument(metavar="FORMAT", help=", ".join(ImportFormat))],
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Files, read in order.", show_default=False)
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="SOURCE=FIELD", help="Column of the file for a field; repeatable."),
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option("--mapping", metavar="FILE", help="A mapping file, or a shipped one: recorded-runs."),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", metavar="NAME", help="Prompt of lines that name none; {column} is filled."),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", metavar="NAME", help="Project of LangSmith to read, in place of files."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="WHEN", help="With --project: 12h, 7d or a time; else where it ended."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, store nothing.")] = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring in recorded executions. Repeating an import changes nothing.

    Exit code 1 when lines were rejected; they are in a quarantine file that can be imported again, and an
    alert is kept.
    """
    door = open_door(store, workspace, as_json)
    config = alerts_config()
    if project is not None or since is not None or not paths:
        from flywheel.cli.importing_live import import_project

        refuse_mixture(file_format, paths or [], project, [*(columns or []), *([mapping] if mapping else [])])
        paths, reports = import_project(door, str(project), since, prompt, dry_run)
    else:
        settings = _settings(door, file_format, columns or [], mapping, prompt)
        reports = _import_all(door, paths, settings, dry_run)
    raised = () if dry_run else _tell_rejected(door, config, paths, reports)
    document = import_document(paths, reports, dry_run)
    document["alerts"] = [alert.model_dump(mode="json", include=ALERT_FIELDS) for alert in raised]

    def draw(console: Console) -> None:
        draw_import(console, paths, reports, dry_run, door.again)
        if raised:
            subjects = ", ".join(alert.subject for alert in raised)
            console.print(
                f"Alert kept: {subjects}. See: flywheel alerts list{door.again}", style="yellow", markup=False
            )

    door.answer(document, draw)
    if document["rejected"]:
        raise typer.Exit(1)


def _tell_rejected(
    door: Door, config: AlertsConfig, paths: list[Path], reports: list[ImportReport]
) -> tuple[Alert, ...]:
    """Raise an alert for each file with rejected lines; one for a file that came in whole is over."""
    from flywheel.cli.alert_raising import raise_news
    from flywheel.watch.news import News, import_news

    def news(now: datetime) -> News:
        found = News()
        for path, report in zip(paths, reports, strict=True):
            found += import_news(report.rejected, report.read, str(path), door.workspace, now)
        return found

    return raise_news(door, config, news)


def refuse_mixture(
    file_format: ImportFormat, paths: list[Path], project: str | None, maps: list[str]
) -> None:
    """Refuse options that do not go together.

    Raises:
        InputError: neither files nor a project, or both.
    """
    if project is None:
        raise InputError(
            "There is no PATH. Nothing was read. Give the files to import, or, for langsmith, --project NAME."
        )
    if file_format is not ImportFormat.LANGSMITH or paths or maps:
        raise InputError(
            f"--project {project!r} reads LangSmith itself. Nothing was read. Give it with the format "
            "langsmith, without a PATH, --map or --mapping."
        )


def import_document(paths: list[Path], reports: list[ImportReport], dry_run: bool) -> Document:
    """What was done, in sum and per file."""
    files = [{"path": str(path), **_plain(report)} for path, report in zip(paths, reports, strict=True)]
    return {
        "dry_run": dry_run,
        **{name: sum(getattr(report, name) for report in reports) for name in COUNTS},
        "files": files,
    }


def draw_import(
    console: Console, paths: list[Path], reports: list[ImportReport], dry_run: bool, again: str = ""
) -> None:
    """Counts per file, the first rejected lines, where the others are; advice repeats the options given."""
    from rich.text import Text

    for path, report in zip(paths, reports, strict=True):
        counts = {name: getattr(report, name) for name in COUNTS}
        wanted = ("read", "rejected") if dry_run else COUNTS
        said = ", ".join(f"{counts[name]:,} {name}" for name in wanted)
        console.print(Text(f"{path}: {said}", style="bold"), soft_wrap=True)
        for told in _told(report):
            console.print(Text(f"  {told}", style="red"), soft_wrap=True)
        if report.quarantine_path is not None:
            where = f"  rejected lines, to be mended and imported again: {report.quarantine_path}"
            console.print(Text(where, style="yellow"), soft_wrap=True)
        for note in report.notes:
            console.print(Text(f"  {note}", style="yellow"), soft_wrap=True)
    if dry_run:
        console.print("Dry run: nothing was stored.", style="dim")
    elif any(report.stored or report.replaced or report.unchanged for report in reports):
        console.print(f"See: flywheel report{again}", style="dim", markup=False, soft_wrap=True)
    else:
        console.print("Nothing was stored.", style="dim")


def _told(report: ImportReport) -> list[str]:
    """Rejected lines in words, those with one reason together."""
    lines: dict[tuple[str | None, str], list[str]] = {}
    for one in report.rejections:
        lines.setdefault((one.field, one.reason), []).append(one.place)
    told = []
    for (field, reason), places in list(lines.items())[:REJECTIONS_SHOWN]:
        where = f", field {field!r}" if field else ""
        more = f" and {len(places) - 1} more like it" if len(places) > 1 else ""
        told.append(f"{places[0]}{more}{where}: {reason}")
    covered = sum(len(places) for places in list(lines.values())[:REJECTIONS_SHOWN])
    if report.rejected > covered:
        told.append(
            f"{report.rejected - covered:,} more rejected lines are in the quarantine file with their reasons"
        )
    return told


def _settings(
    door: Door, file_format: ImportFormat, columns: list[str], mapping: str | None, prompt: str | None
) -> ImportSettings:
    from flywheel.capture.importing import ImportSettings
    from flywheel.capture.mapping import load_mapping, parse_pairs

    named = load_mapping(mapping) if mapping else None
    by_hand = parse_pairs(columns) if columns else None
    both = named | by_hand if named is not None and by_hand is not None else named or by_hand
    return ImportSettings(
        format=file_format.value,
        workspace=door.workspace,
        prompt=prompt,
        mapping=both,
        quarantine_folder=door.settings.home / "quarantine",
    )


def _import_all(door: Door, paths: list[Path], settings: ImportSettings, dry_run: bool) -> list[ImportReport]:
    from dataclasses import replace

    from flywheel.capture.importing import import_file
    from flywheel.cli.progress import counted
    from flywheel.store.open import open_store

    for path in paths:
        if path.is_dir():
            raise InputError(f"{str(path)!r} is a folder. Nothing was read. Give the files in it: {path}/*")
    sizes = [path.stat().st_size for path in paths]
    store = open_store("sqlite://") if dry_run else door.own_store
    reports: list[ImportReport] = []
    kept = "What was stored is kept; the same command adds the rest."
    try:
        with door.keeping(kept):
            for path, size in zip(paths, sizes, strict=True):
                with counted(door.err, path.name, size, as_bytes=True) as tell:
                    reports.append(import_file(path, store, replace(settings, dry_run=dry_run), tell))
    finally:
        if 0 < len(reports) < len(paths):
            done = ", ".join(str(path) for path in paths[: len(reports)])
            door.err.print(f"Imported before: {done}", markup=False, soft_wrap=True)
    return reports


def _plain(report: ImportReport) -> dict[str, Any]:
    return {
        **{name: getattr(report, name) for name in COUNTS},
        "rejections": [one.document() for one in report.rejections],
        "quarantine": str(report.quarantine_path) if report.quarantine_path else None,
        "notes": list(report.notes),
    }
