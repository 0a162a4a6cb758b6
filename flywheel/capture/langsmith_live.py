"""Production runs into the store, again whenever it is asked: new ones, late ones, late feedback.

A page is one transaction with the place where the next one begins, so that a
killed process repeats no stored page and loses none. Each reading begins some
time before the last one ended, since runs and feedback arrive late; what is
stored already is left alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from flywheel.capture.foreign import SUFFIX, Item, rows_of
from flywheel.capture.foreign_values import moment
from flywheel.capture.importing import ImportReport, Rejections
from flywheel.capture.langsmith_runs import is_pending, run_line
from flywheel.capture.lines import LineReader
from flywheel.capture.quarantine import Quarantine
from flywheel.capture.redacting import Redaction
from flywheel.errors import ServiceRefused
from flywheel.ports import Clock, RunSource, WriteCounts
from flywheel.settings import DEFAULT_DIRECTORY
from flywheel.store.open import SqlStore
from flywheel.store.positions import Position

OVERLAP: Final = timedelta(minutes=15)
"""Runs arrive up to minutes after they started, feedback after it was given."""

FIRST_WINDOW: Final = timedelta(days=1)
"""What the first reading looks back when nobody says how far."""

LONGEST_RUN: Final = timedelta(days=1)
"""A run that has not ended after this time never will; younger ones are waited for."""

_FORGOTTEN: Final = frozenset({400, 404, 410, 422})
"""Status of an answer to a page that the server no longer knows."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a source is read.

    Attributes:
        workspace: where executions go.
        prompt: of runs that name none.
        since: start of the window; None goes on where the last reading ended.
        dry_run: read everything, write nothing at all.
        quarantine_folder: where runs go that are no evidence.
    """

    workspace: str = "default"
    prompt: str | None = None
    since: datetime | None = None
    dry_run: bool = False
    quarantine_folder: Path = Path(DEFAULT_DIRECTORY, "quarantine")


def import_runs(source: RunSource, store: SqlStore, settings: LiveSettings, clock: Clock) -> ImportReport:
    """Bring in what a source has that is not stored yet.

    Args:
        source: read page by page.
        store: where executions go; it keeps the position too.
        settings: how the source is read.
        clock: the time.

    Raises:
        InputError: no such project.
        ServiceError: the source does not answer; what was stored before stays stored, and the next
            reading goes on behind it.
        StoreUnreachable: the store, or the quarantine folder, cannot be written.
    """
    started = time.perf_counter()
    quarantine = (
        None
        if settings.dry_run
        else Quarantine(settings.quarantine_folder, Path(source.name.replace("/", "_")), SUFFIX)
    )
    redaction = Redaction(store.workspaces.policy)
    rejections = Rejections(quarantine, lambda: None, partial(redaction.text, workspace=settings.workspace))
    reading = _Reading(source, store, settings, redaction, rejections)
    with quarantine or nullcontext():
        reading.run(clock.now())
    return ImportReport(
        read=reading.accepted + rejections.count,
        stored=reading.counts.stored,
        replaced=reading.counts.replaced,
        unchanged=reading.counts.unchanged,
        rejected=rejections.count,
        rejections=tuple(rejections.first),
        quarantine_path=quarantine.path if quarantine is not None and quarantine.kept else None,
        notes=tuple(f"{count:,} {what} were left out." for what, count in reading.left_out.items()),
        seconds=time.perf_counter() - started,
    )


@dataclass(slots=True)
class _Reading:
    """One reading of a source, from its window to the late feedback."""

    source: RunSource
    store: SqlStore
    settings: LiveSettings
    redaction: Redaction
    rejections: Rejections
    accepted: int = 0
    counts: WriteCounts = field(default_factory=WriteCounts)
    left_out: Counter[str] = field(default_factory=Counter)

    def run(self, now: datetime) -> None:
        kept = self.store.positions.get(self.settings.workspace, self.source.name)
        position = _window(kept, self.settings.since, now)
        if position.following is not None:
            position = self._page(position, is_resumed=True)
        is_old = kept.until is not None and position.until == kept.until
        position = self._rest(position)
        if is_old:
            # The reading that was cut off has ended; what came since is another one.
            position = self._rest(_window(position, None, now))
        if kept.judged_until is not None:
            for page in self.source.judged(kept.judged_until - OVERLAP, now):
                self._keep(page.runs, position)
        self._keep((), position.model_copy(update={"judged_until": now}))

    def _rest(self, position: Position) -> Position:
        while position.until is not None:
            position = self._page(position)
        return position

    def _page(self, position: Position, *, is_resumed: bool = False) -> Position:
        """Store a page; gives the position behind it."""
        if position.since is None or position.until is None:
            return position
        try:
            page = self.source.page(position.since, position.until, position.following)
        except ServiceRefused as refused:
            if is_resumed and refused.status in _FORGOTTEN:
                return position.model_copy(update={"following": None})
            raise
        behind = _behind(position, page.runs, page.following)
        self._keep(page.runs, behind)
        return behind

    def _keep(self, runs: Iterable[Mapping[str, Any]], position: Position) -> None:
        reader = LineReader(self.settings.workspace, self.settings.prompt, "langsmith")
        items = (Item(number, run_line(run)) for number, run in enumerate(runs, 1))
        rows = list(rows_of(items, reader.fields_row, self.rejections, self.left_out, "run"))
        self.accepted += len(rows)
        if self.settings.dry_run:
            return
        workspace, name = self.settings.workspace, self.source.name
        with self.store.positions.moved_with(workspace, name, position):
            self.counts += self.store.executions.write_rows(self.redaction.rows(rows))


def _window(kept: Position, since: datetime | None, now: datetime) -> Position:
    """The reading that did not end, or the next one."""
    if kept.until is not None and kept.since is not None and since in (None, kept.since):
        return kept
    start = since or (kept.watermark - OVERLAP if kept.watermark else now - FIRST_WINDOW)
    clean = {"following": None, "newest": None, "oldest_pending": None}
    return kept.model_copy(update={"since": start, "until": now, **clean})


def _behind(position: Position, runs: Iterable[Mapping[str, Any]], following: str | None) -> Position:
    """The position behind a page; behind the last one the watermark moves."""
    newest, oldest = position.newest, position.oldest_pending
    for run in runs:
        started = _start(run)
        if started is None:
            continue
        if not is_pending(run):
            newest = started if newest is None else max(newest, started)
        elif position.until is not None and started > position.until - LONGEST_RUN:
            oldest = started if oldest is None else min(oldest, started)
    if following is not None:
        return position.model_copy(
            update={"following": following, "newest": newest, "oldest_pending": oldest}
        )
    reached = max((moment for moment in (position.watermark, newest) if moment is not None), default=None)
    if oldest is not None:
        reached = min(reached or oldest, oldest)
    return Position(watermark=reached, judged_until=position.judged_until)


def _start(run: Mapping[str, Any]) -> datetime | None:
    given = moment(run.get("start_time"))
    try:
        return datetime.fromisoformat(str(given))
    except ValueError:
        return None
