"""Production runs of LangSmith into the store, as a Prefect task."""

from __future__ import annotations

from prefect import task
from prefect.logging import get_run_logger

from blocks.langsmith import LangSmithBlock, langsmith_block
from blocks.store import store_block
from flywheel.capture.importing import ImportReport
from flywheel.capture.langsmith_live import LiveSettings, import_runs
from flywheel.cycle import SystemClock
from flywheel.llm.langsmith_api import LangSmithApi, needed_access
from flywheel.llm.langsmith_source import LangSmithSource
from flywheel.records.base import Record
from flywheel.settings import read_settings
from tasks.policy import LIVE_S, POLICY
from tasks.wiring import Places


class ProjectRequest(Record):
    """What is read of LangSmith.

    Attributes:
        project: None for the one of the block.
        langsmith: name of a Flywheel LangSmith block.
        prompt: of runs that name none.
        workspace: where executions go.
        dry_run: read everything, store nothing.
    """

    project: str | None = None
    langsmith: str = "default"
    prompt: str | None = None
    workspace: str = "default"
    dry_run: bool = False


def has_key(name: str) -> bool:
    """Whether the LangSmith block of a name has a key, of its own or of the environment.

    Raises:
        InputError: no block of that name.
    """
    return langsmith_block(name).access() is not None


@task(
    name="import-langsmith",
    description="Reads what a project of LangSmith has that is not stored yet.",
    task_run_name="import langsmith {request.project}",
    timeout_seconds=LIVE_S,
    tags=["flywheel"],
    **POLICY,
)
def import_langsmith(request: ProjectRequest, places: Places) -> ImportReport:
    """Read a project behind the place where the last reading ended.

    Args:
        request: what is read.
        places: names of the blocks.

    Raises:
        InputError: no key, or no such project.
        ServiceError: LangSmith does not answer; what was stored before stays stored.
    """
    block: LangSmithBlock = langsmith_block(request.langsmith)
    source = LangSmithSource(LangSmithApi(needed_access(block.access())), block.project_or(request.project))
    settings = LiveSettings(
        workspace=request.workspace,
        prompt=request.prompt,
        dry_run=request.dry_run,
        quarantine_folder=read_settings().home / "quarantine",
    )
    with store_block(places.store).open() as store:
        report = import_runs(source, store, settings, SystemClock())
    for note in report.notes:
        get_run_logger().info(note)
    return report
