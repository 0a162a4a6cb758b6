"""Releases held against the version before, undone where they are worse."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flywheel.errors import StaleRelease
from flywheel.learn.release_watch import read_release
from flywheel.records.alert import Alert, Severity
from flywheel.records.columns import Scope
from flywheel.records.quality import QualitySettings
from flywheel.records.release import JournalState, LiveVersion, ReleaseEvent, ReleaseKind
from flywheel.records.release_watch import ReleaseReading
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.news import News, rollback_news, subject_of
from flywheel.watch.quality import NOT_WATCHED

ACTOR = "release-watch"
NEW = (ReleaseKind.CYCLE, ReleaseKind.REVIEW, ReleaseKind.MANUAL)
"""Releases that are watched: what was rolled back to is what was there before."""


@dataclass(frozen=True, slots=True)
class ReleaseWatch:
    """Reads what each release did, tells it, undoes it.

    Attributes:
        system: the way out for alerts, with the store that is read and the clock.
        settings: measure, critical level, certainty, history.
        workspace: whose prompts.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> ReleaseWatch(AutomatedAlertingSystem(open_store("sqlite://"), ())).read()
        ()
    """

    system: AutomatedAlertingSystem
    settings: QualitySettings = field(default_factory=QualitySettings)
    workspace: str = "default"

    def read(self, prompt: str | None = None) -> tuple[ReleaseReading, ...]:
        """Every live version that replaced another one within the history.

        Args:
            prompt: only this one; None takes all.

        Raises:
            StoreError: the store cannot be read.
        """
        names = (
            [prompt] if prompt is not None else sorted(self.system.store.releases.released(self.workspace))
        )
        found = (self._read(name) for name in names)
        return tuple(reading for reading in found if reading is not None)

    def undo(self, reading: ReleaseReading) -> ReleaseEvent | None:
        """Put the version before back, with the evidence as reason.

        Returns:
            The entry of the journal; None where something else went live since it was read.

        Raises:
            StoreError: the store cannot be written.
        """
        event = ReleaseEvent(
            release_id=_identity("undo", reading),
            prompt=reading.prompt,
            workspace=reading.workspace,
            version=reading.previous,
            previous=reading.version,
            kind=ReleaseKind.ROLLBACK,
            state=JournalState.INTENT,
            why=f"{reading.state.value}: {reading.because}",
            actor=ACTOR,
            created_at=self.system.clock.now(),
        )
        try:
            self.system.store.releases.promote(None, event, expected_revision=reading.revision)
        except StaleRelease:
            return None
        return event

    def undone(self) -> tuple[ReleaseEvent, ...]:
        """Rollbacks of this watch that are the newest release of their prompt, within the history.

        Raises:
            StoreError: the store cannot be read.
        """
        store = self.system.store
        oldest = self.system.clock.now() - timedelta(days=self.settings.history_days)
        newest = (
            _newest(store.releases.history(self.workspace, prompt))
            for prompt in sorted(store.releases.released(self.workspace))
        )
        return tuple(
            event
            for event in newest
            if event is not None
            and (event.kind, event.actor) == (ReleaseKind.ROLLBACK, ACTOR)
            and event.created_at >= oldest
        )

    def _read(self, prompt: str) -> ReleaseReading | None:
        store = self.system.store
        live = store.releases.live(self.workspace, prompt)
        event = None if live is None else _event_of(live, store.releases.history(self.workspace, prompt))
        oldest = self.system.clock.now() - timedelta(days=self.settings.history_days)
        if live is None or event is None or event.previous is None or live.released_at < oldest:
            return None
        context = store.cycles.context(event.cycle_id) if event.cycle_id else None
        known = ReleaseReading(
            workspace=self.workspace,
            prompt=prompt,
            version=live.version,
            previous=event.previous,
            revision=live.revision,
            released_at=live.released_at,
            cycle_id=event.cycle_id,
            may_roll_back=context is not None and context.strategy.rollback_on_regression,
        )
        scope = Scope(
            workspace=self.workspace,
            prompt=prompt,
            since=live.released_at - timedelta(days=self.settings.history_days),
            until=self.system.clock.now(),
            exclude_sources=NOT_WATCHED,
        )
        columns = store.executions.quality_columns(scope)
        names = (self._names(prompt, live.version), self._names(prompt, event.previous))
        return read_release(known, columns, names, self.settings)

    def _names(self, prompt: str, version: str) -> set[str]:
        found = self.system.store.prompts.get(self.workspace, prompt, version)
        return {version, *(found.labels if found is not None else ())}


def release_news(readings: Sequence[ReleaseReading], undone: Sequence[ReleaseEvent], now: datetime) -> News:
    """What releases have to tell, what is over.

    A rollback is told at every look while it is the newest release of its
    prompt; its id makes that once, also where the process died in between.

    Args:
        readings: of the releases.
        undone: rollbacks of this watch.
        now: the time.
    """
    news = News()
    gone = {(event.prompt, event.previous) for event in undone}
    for event in undone:
        over = (event.workspace, subject_of("release", event.prompt))
        news += rollback_news(event, now) + News((), (over,))
    for reading in readings:
        if (reading.prompt, reading.version) in gone:
            continue
        subject = subject_of("release", reading.prompt)
        news += (
            News((_alert(reading, subject, now),))
            if reading.is_worse
            else News((), ((reading.workspace, subject),))
        )
    return news


def _alert(reading: ReleaseReading, subject: str, now: datetime) -> Alert:
    workspace = "" if reading.workspace == "default" else f" --workspace {shlex.quote(reading.workspace)}"
    message = (
        f"{reading.version[:12]} {reading.state.value}: {reading.because}. "
        f"Undo it with: flywheel rollback {shlex.quote(reading.prompt)}{workspace} --why TEXT"
    )
    return Alert(
        alert_id=_identity(reading.state.value, reading),
        workspace=reading.workspace,
        severity=Severity.HIGH,
        subject=subject,
        message=message,
        raised_at=now,
    )


def _event_of(live: LiveVersion, events: list[ReleaseEvent]) -> ReleaseEvent | None:
    """The release that made a version live, where it is one that is watched."""
    newest = _newest(events)
    if newest is None or newest.version != live.version or newest.kind not in NEW:
        return None
    return newest


def _newest(events: Sequence[ReleaseEvent]) -> ReleaseEvent | None:
    done = (JournalState.APPLIED, JournalState.VERIFIED)
    return next((event for event in events if event.state in done), None)


def _identity(what: str, reading: ReleaseReading) -> str:
    parts = "\0".join((what, reading.workspace, reading.prompt, reading.version, str(reading.revision)))
    return f"{ACTOR}-{hashlib.blake2b(parts.encode('utf-8', 'surrogatepass'), digest_size=6).hexdigest()}"
