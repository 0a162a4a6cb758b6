"""Pages, tables, progress bars into the Prefect UI."""

from __future__ import annotations

from uuid import UUID

import httpx
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.logging import get_run_logger

from flywheel.records.cycle import FeedbackLoopInput, Phase
from tasks.artifacts import Row, artifact_key, progress_percent


def publish_page(request: FeedbackLoopInput, page: str, markdown: str, description: str) -> None:
    """Show Markdown under the key of the prompt's page; the result stays kept if it cannot be shown."""
    key = artifact_key(request, page)
    try:
        create_markdown_artifact(markdown=markdown, key=key, description=description)
    except httpx.HTTPError as error:
        get_run_logger().warning("Artifact %r is not shown: %s. The result itself is kept.", key, error)


def publish_table(request: FeedbackLoopInput, page: str, rows: list[Row], description: str) -> None:
    """Show rows as a table; nothing is shown when there are none."""
    if not rows:
        return
    key = artifact_key(request, page)
    try:
        create_table_artifact(table=rows, key=key, description=description)
    except httpx.HTTPError as error:
        get_run_logger().warning("Artifact %r is not shown: %s. The result itself is kept.", key, error)


class ProgressBar:
    """A progress artifact that follows what a phase says about itself.

    Args:
        request: whose progress it is.
    """

    def __init__(self, request: FeedbackLoopInput) -> None:
        self._key = artifact_key(request, "progress")
        self._logger = get_run_logger()
        self._artifact: UUID | None = None

    def __call__(self, phase: Phase, message: str) -> None:
        """Log the message, move the bar when the message counts steps."""
        self._logger.info("%s: %s", phase.value, message)
        percent = progress_percent(message)
        if percent is not None:
            self._show(percent, message)

    def finish(self) -> None:
        """Fill a bar that was started."""
        if self._artifact is not None:
            self._show(100.0, "done")

    def _show(self, percent: float, description: str) -> None:
        try:
            if self._artifact is None:
                made = create_progress_artifact(percent, key=self._key, description=description)
                self._artifact = made if isinstance(made, UUID) else None
            else:
                update_progress_artifact(self._artifact, percent, description=description)
        except httpx.HTTPError as error:
            self._logger.warning("Progress %r is not shown: %s.", self._key, error)
