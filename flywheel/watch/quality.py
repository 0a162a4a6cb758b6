"""The quality of what is live, watched with a stated rate of false alarms."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flywheel.learn.quality import read_quality
from flywheel.learn.quality_measures import read_measures
from flywheel.learn.quality_streams import DAY_S
from flywheel.records.columns import NOT_EVIDENCE, QualityColumns, Scope
from flywheel.records.quality import QualityReport, QualitySettings
from flywheel.watch.alerting import AutomatedAlertingSystem, Told
from flywheel.watch.news import spread
from flywheel.watch.quality_news import quality_news

NOT_WATCHED = NOT_EVIDENCE
"""Sources that are no use of what is live: candidates in experiments, questions of probes."""


@dataclass(frozen=True, slots=True)
class QualityThresholdMonitor:
    """Reads the quality of every stream from what is stored, and tells what a person must know.

    It keeps nothing of its own: the same executions at the same moment give
    the same report, and a report told twice raises one alert.

    Attributes:
        system: the way out for alerts, with the store that is read and the clock.
        settings: levels, windows, error rates.
        workspace: whose executions.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> monitor = QualityThresholdMonitor(AutomatedAlertingSystem(open_store("sqlite://"), ()))
        >>> monitor.read().readings
        ()
    """

    system: AutomatedAlertingSystem
    settings: QualitySettings = field(default_factory=QualitySettings)
    workspace: str = "default"

    def read(self, prompt: str | None = None, at: datetime | None = None) -> QualityReport:
        """Readings of all streams.

        Args:
            prompt: only this one; None takes all.
            at: the moment; None is now.

        Raises:
            StoreError: the store cannot be read.
        """
        columns, now, live = self._stored(prompt, at)
        return read_quality(columns, self.settings, now, live, self.workspace)

    def measures(self, prompt: str | None = None, at: datetime | None = None) -> tuple[QualityReport, ...]:
        """Readings of response time, where a target is set, and of satisfaction, where there are ratings.

        Each measure has false falls of its own; what `read` promises of quality stays as it is.

        Args:
            prompt: only this one; None takes all.
            at: the moment; None is now.

        Raises:
            StoreError: the store cannot be read.
        """
        columns, now, live = self._stored(prompt, at)
        return read_measures(columns, self.settings, now, live, self.workspace)

    def look(
        self, prompt: str | None = None, at: datetime | None = None
    ) -> tuple[QualityReport, tuple[QualityReport, ...]]:
        """What `read` and `measures` give, with one reading of the store.

        Args:
            prompt: only this one; None takes all.
            at: the moment; None is now.

        Raises:
            StoreError: the store cannot be read.
        """
        columns, now, live = self._stored(prompt, at)
        quality = read_quality(columns, self.settings, now, live, self.workspace)
        return quality, read_measures(columns, self.settings, now, live, self.workspace)

    def _stored(
        self, prompt: str | None, at: datetime | None
    ) -> tuple[QualityColumns, datetime, Mapping[str, Collection[str]]]:
        """Executions of the history, the moment of the look, versions that were live."""
        now = self.system.clock.now() if at is None else at
        begin = math.floor(now.timestamp() / DAY_S - self.settings.history_days) * DAY_S
        scope = Scope(
            workspace=self.workspace,
            prompt=prompt,
            since=datetime.fromtimestamp(begin, UTC),
            until=now,
            exclude_sources=NOT_WATCHED,
        )
        store = self.system.store
        columns = store.executions.quality_columns(scope)
        return columns, now, store.releases.released(self.workspace)

    def tell(self, report: QualityReport) -> Told:
        """Raise what a report is worth, resolve what is over.

        Returns:
            What was kept, what was sent, what did not arrive.

        Raises:
            StoreError: the store cannot be used beyond keeping alerts.
        """
        news = quality_news(report)
        told = spread(self.system, news)
        if news.alerts:
            return told
        # Open alerts rise with time, also while nothing new is raised.
        tended = self.system.tend(self.workspace)
        return Told(told.alerts + tended.alerts, told.sent + tended.sent)

    def check(self, prompt: str | None = None) -> tuple[QualityReport, Told]:
        """Read, then tell.

        Args:
            prompt: only this one; None takes all.

        Raises:
            StoreError: the store cannot be read, or used beyond keeping alerts.
        """
        report = self.read(prompt)
        return report, self.tell(report)
