"""Flow `import-executions`: recorded executions into the store, from files or from LangSmith.

Repeating it changes nothing; a row with the same id and other content
replaces the old one, which stays in the history.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from prefect import State, flow
from prefect.states import Completed, Failed
from pydantic import Field

from flows.form import AlertsField, NonBlank, StoreField, WorkspaceField
from flywheel.capture.importing import ImportReport
from flywheel.learn.counting import count_of
from flywheel.watch.news import News, import_news
from tasks.import_file import ImportRequest, import_one, report_import
from tasks.import_langsmith import ProjectRequest, has_key, import_langsmith
from tasks.raise_alerts import check_channels, raise_alerts
from tasks.wiring import Places

PathsField = Annotated[
    list[NonBlank],
    Field(title="Files", description="paths as the worker sees them; none: the project of LangSmith"),
]
FormatField = Annotated[Literal["jsonl", "csv", "langsmith"], Field(title="Format")]
PromptField = Annotated[str | None, Field(title="Prompt", description="of lines that name none")]
MappingField = Annotated[
    str | None, Field(title="Mapping", description="a mapping file, or a shipped one: recorded-runs")
]
ColumnsField = Annotated[list[str], Field(title="Columns", description="SOURCE=FIELD each")]
ProjectField = Annotated[
    str | None, Field(title="Project of LangSmith", description="empty: the one of the block")
]
LangSmithField = Annotated[str, Field(title="LangSmith", description="name of a Flywheel LangSmith block")]
DryRunField = Annotated[bool, Field(title="Dry run", description="check everything, store nothing")]

Ending = State[dict[str, ImportReport]]


@flow(
    name="import-executions",
    description="Reads executions from files or LangSmith; what is no evidence goes into quarantine.",
    persist_result=False,
)
def import_executions(  # noqa: PLR0913  a form: one field per parameter
    *,
    paths: PathsField = [],  # noqa: B006  read, never changed; a form needs a plain default
    file_format: FormatField = "jsonl",
    prompt: PromptField = None,
    mapping: MappingField = None,
    columns: ColumnsField = [],  # noqa: B006  read, never changed; a form needs a plain default
    project: ProjectField = None,
    langsmith: LangSmithField = "default",
    dry_run: DryRunField = False,
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
    alerts: AlertsField = ["default"],  # noqa: B006  read, never changed; a form needs a plain default
) -> State[dict[str, ImportReport]]:
    """Import files one after the other; one that cannot be read does not stop the rest.

    Args:
        paths: files, as the worker sees them; none with the format langsmith reads a project itself.
        file_format: jsonl, csv or langsmith.
        prompt: of lines that name none.
        mapping: a mapping file, or the name of a shipped one.
        columns: `SOURCE=FIELD` each.
        project: of LangSmith; None for the one of the block.
        langsmith: name of a Flywheel LangSmith block.
        dry_run: check everything, store nothing.
        workspace: of lines that name none.
        store: name of a Flywheel Store block.
        alerts: names of Flywheel Alert Channel blocks.

    Returns:
        Completed, or Completed as `Degraded` when lines or files were rejected, or
        Failed when no file could be read; the data is one report per file. Without
        files and without a key for LangSmith: Completed as `Skipped`.
    """
    places = Places(store=store)
    check_channels(alerts)
    request = ImportRequest(
        file_format=file_format,
        prompt=prompt,
        mapping=mapping,
        columns=tuple(columns),
        workspace=workspace,
        dry_run=dry_run,
    )
    if not paths:
        asked = ProjectRequest(
            project=project, langsmith=langsmith, prompt=prompt, workspace=workspace, dry_run=dry_run
        )
        return _tell_rejected(request, _from_langsmith(asked, places, file_format), alerts, places)
    reports: dict[str, ImportReport] = {}
    problems: list[str] = []
    for path in dict.fromkeys(paths):
        state = import_one(path, request, places, return_state=True)
        if state.is_completed():
            reports[path] = state.result()
        else:
            problems.append(str(state.result(raise_on_failure=False)))
    report_import(reports)
    return _tell_rejected(request, _ending(reports, problems), alerts, places)


def _tell_rejected(request: ImportRequest, ending: Ending, alerts: list[str], places: Places) -> Ending:
    """Tell people of lines that were rejected; the ending stays what it is."""
    reports = ending.result(raise_on_failure=False)
    now, news = datetime.now(UTC), News()
    if isinstance(reports, dict) and not request.dry_run:
        for name, report in reports.items():
            news += import_news(report.rejected, report.read, name, request.workspace, now)
    if news != News():
        raise_alerts(news, alerts, places, return_state=True)
    return ending


def _from_langsmith(
    request: ProjectRequest, places: Places, file_format: str
) -> State[dict[str, ImportReport]]:
    if file_format != "langsmith":
        return Failed(message=f"No files of format {file_format!r} are given. Nothing was read.", data={})
    if not has_key(request.langsmith):
        message = "LangSmith has no key: set LANGSMITH_API_KEY, or save one in the block. All else goes on."
        return Completed(name="Skipped", message=message, data={})
    state = import_langsmith(request, places, return_state=True)
    if not state.is_completed():
        return Failed(message=str(state.result(raise_on_failure=False)), data={})
    reports = {f"langsmith project {request.project or ''}".strip(): state.result()}
    report_import(reports)
    return _ending(reports, [])


def _ending(reports: dict[str, ImportReport], problems: list[str]) -> State[dict[str, ImportReport]]:
    read = sum(report.read for report in reports.values())
    rejected = sum(report.rejected for report in reports.values())
    done = f"{count_of(read, 'line')} of {count_of(len(reports), 'file')} read, {rejected} rejected"
    message = ". ".join((done, *problems))
    if not reports:
        return Failed(message=message, data=reports)
    return Completed(name="Degraded" if rejected or problems else "Completed", message=message, data=reports)
