"""`flywheel import langsmith --project`: production runs from LangSmith itself."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel.errors import InputError

if TYPE_CHECKING:
    from flywheel.capture.importing import ImportReport
    from flywheel.cli.doors import Door

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def import_project(
    door: Door, project: str, since: str | None, prompt: str | None, dry_run: bool
) -> tuple[list[Path], list[ImportReport]]:
    """Read a project once; gives what was read under its name.

    Raises:
        InputError: no key, no such project, or a time that is none.
        ServiceError: LangSmith does not answer; what was stored before stays stored.
    """
    from flywheel.capture.langsmith_live import LiveSettings, import_runs
    from flywheel.cycle import SystemClock
    from flywheel.llm.langsmith_api import LangSmithApi, langsmith_access, needed_access
    from flywheel.llm.langsmith_source import LangSmithSource
    from flywheel.store.open import open_store

    clock = SystemClock()
    access = needed_access(langsmith_access(os.environ))
    settings = LiveSettings(
        workspace=door.workspace,
        prompt=prompt,
        since=moment_of(since, clock.now()) if since is not None else None,
        dry_run=dry_run,
        quarantine_folder=door.settings.home / "quarantine",
    )
    source = LangSmithSource(LangSmithApi(access), project)
    store = open_store("sqlite://") if dry_run else door.own_store
    with door.keeping("What was stored is kept; the same command goes on behind it."):
        report = import_runs(source, store, settings, clock)
    return [Path(f"langsmith project {project}")], [report]


def moment_of(text: str, now: datetime) -> datetime:
    """The moment that `12h`, `7d` or a time means.

    Raises:
        InputError: it is neither, or lies ahead.

    Examples:
        >>> now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        >>> moment_of("90m", now).isoformat(), moment_of("2026-11-01", now).isoformat()
        ('2026-11-20T10:30:00+00:00', '2026-11-01T00:00:00+00:00')
    """
    found = re.fullmatch(r"(\d{1,5})([mhdw])", text.strip())
    try:
        if found is not None:
            moment = now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        else:
            moment = datetime.fromisoformat(text.strip())
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        msg = (
            f"--since is {text!r}, need 90m, 12h, 7d, 2w or a time as 2026-11-20T08:00:00Z. Nothing was read."
        )
        raise InputError(msg) from error
    if moment > now:
        raise InputError(
            f"--since is {text!r}, which lies ahead. Nothing was read. Give a time that has passed."
        )
    return moment
