"""One file of evidence into the store, as a Prefect task."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import httpx
from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.logging import get_run_logger

from blocks.store import store_block
from flywheel.capture.importing import ImportReport, ImportSettings, import_file
from flywheel.capture.mapping import ColumnMapping, load_mapping, parse_pairs
from flywheel.records.base import Record
from flywheel.settings import read_settings
from tasks.artifacts import Row
from tasks.policy import LIVE_S, POLICY
from tasks.wiring import Places


class ImportRequest(Record):
    """How files are read; the fields of `flywheel import`.

    Attributes:
        file_format: jsonl, csv or langsmith.
        prompt: of lines that name none.
        mapping: a mapping file, or the name of a shipped one.
        columns: `SOURCE=FIELD` each; they go before the mapping.
        workspace: of lines that name none.
        dry_run: check everything, store nothing.
    """

    file_format: Literal["jsonl", "csv", "langsmith"] = "jsonl"
    prompt: str | None = None
    mapping: str | None = None
    columns: tuple[str, ...] = ()
    workspace: str = "default"
    dry_run: bool = False


def settings_of(request: ImportRequest) -> ImportSettings:
    """Settings of the importer.

    Raises:
        MappingError: no such mapping, or it names a field that does not exist.

    Examples:
        >>> settings_of(ImportRequest(columns=("task_id=case_id",))).mapping.fields
        {'task_id': 'case_id'}
    """
    mapping = load_mapping(request.mapping) if request.mapping else None
    if request.columns:
        mapping = (mapping or ColumnMapping()) | parse_pairs(request.columns)
    return ImportSettings(
        format=request.file_format,
        workspace=request.workspace,
        prompt=request.prompt,
        mapping=mapping,
        dry_run=request.dry_run,
        quarantine_folder=read_settings().home / "quarantine",
    )


@task(
    name="import-file",
    description="Reads one file of executions; what is no evidence goes into quarantine.",
    task_run_name="import {path}",
    timeout_seconds=LIVE_S,
    tags=["flywheel"],
    **POLICY,
)
def import_one(path: str, request: ImportRequest, places: Places) -> ImportReport:
    """Import a file; repeating it changes nothing.

    Args:
        path: as the worker sees it.
        request: how it is read.
        places: names of the blocks.

    Raises:
        InputError: the file cannot be read; what was stored before stays stored.
    """
    with store_block(places.store).open() as store:
        report = import_file(Path(path), store, settings_of(request))
    for note in report.notes:
        get_run_logger().info(note)
    return report


def report_rows(reports: dict[str, ImportReport]) -> list[Row]:
    """One row per file: read = stored + replaced + unchanged + rejected."""
    return [
        {
            "file": path,
            "read": report.read,
            "stored": report.stored,
            "replaced": report.replaced,
            "unchanged": report.unchanged,
            "rejected": report.rejected,
            "first reason": _first_reason(report),
            "quarantine": str(report.quarantine_path or "-"),
        }
        for path, report in reports.items()
    ]


def _first_reason(report: ImportReport) -> str:
    if not report.rejections:
        return "-"
    first = report.rejections[0]
    where = f", field {first.field}" if first.field else ""
    return f"{first.place}{where}: {first.reason}"


@task(name="report-import", description="The counts of all files as a table.", tags=["flywheel"], **POLICY)
def report_import(reports: dict[str, ImportReport]) -> None:
    """Show the counts as an artifact."""
    try:
        create_table_artifact(
            table=report_rows(reports), key="import-report", description="What came in, file by file."
        )
    except httpx.HTTPError as error:
        get_run_logger().warning("The report is not shown: %s. The import itself is done.", error)
