"""Flow `import-executions`: files of recorded executions into the store.

Repeating it changes nothing; a row with the same id and other content
replaces the old one, which stays in the history.
"""

from __future__ import annotations

from typing import Annotated, Literal

from prefect import State, flow
from prefect.states import Completed, Failed
from pydantic import Field

from flows.form import NonBlank, StoreField, WorkspaceField
from flywheel.capture.importing import ImportReport
from tasks.import_file import ImportRequest, import_one, report_import
from tasks.wiring import Places

PathsField = Annotated[
    list[NonBlank], Field(min_length=1, title="Files", description="paths as the worker sees them")
]
FormatField = Annotated[Literal["jsonl", "csv", "langsmith"], Field(title="Format")]
PromptField = Annotated[str | None, Field(title="Prompt", description="of lines that name none")]
MappingField = Annotated[
    str | None, Field(title="Mapping", description="a mapping file, or a shipped one: recorded-runs")
]
ColumnsField = Annotated[list[str], Field(title="Columns", description="SOURCE=FIELD each")]
DryRunField = Annotated[bool, Field(title="Dry run", description="check everything, store nothing")]


@flow(
    name="import-executions",
    description="Reads JSONL or CSV files of executions; what is no evidence goes into quarantine.",
    persist_result=False,
)
def import_executions(  # noqa: PLR0913  a form: one field per parameter
    *,
    paths: PathsField,
    file_format: FormatField = "jsonl",
    prompt: PromptField = None,
    mapping: MappingField = None,
    columns: ColumnsField = [],  # noqa: B006  read, never changed; a form needs a plain default
    dry_run: DryRunField = False,
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
) -> State[dict[str, ImportReport]]:
    """Import files one after the other; one that cannot be read does not stop the rest.

    Args:
        paths: files, as the worker sees them.
        file_format: jsonl, csv or langsmith.
        prompt: of lines that name none.
        mapping: a mapping file, or the name of a shipped one.
        columns: `SOURCE=FIELD` each.
        dry_run: check everything, store nothing.
        workspace: of lines that name none.
        store: name of a Flywheel Store block.

    Returns:
        Completed, or Completed as `Degraded` when lines or files were rejected, or
        Failed when no file could be read; the data is one report per file.
    """
    request = ImportRequest(
        file_format=file_format,
        prompt=prompt,
        mapping=mapping,
        columns=tuple(columns),
        workspace=workspace,
        dry_run=dry_run,
    )
    reports: dict[str, ImportReport] = {}
    problems: list[str] = []
    for path in dict.fromkeys(paths):
        state = import_one(path, request, Places(store=store), return_state=True)
        if state.is_completed():
            reports[path] = state.result()
        else:
            problems.append(str(state.result(raise_on_failure=False)))
    report_import(reports)
    return _ending(reports, problems)


def _ending(reports: dict[str, ImportReport], problems: list[str]) -> State[dict[str, ImportReport]]:
    read = sum(report.read for report in reports.values())
    rejected = sum(report.rejected for report in reports.values())
    done = f"{read} lines of {len(reports)} files read, {rejected} rejected"
    message = ". ".join((done, *problems))
    if not reports:
        return Failed(message=message, data=reports)
    return Completed(name="Degraded" if rejected or problems else "Completed", message=message, data=reports)
