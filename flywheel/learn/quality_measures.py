"""Response time beside satisfaction, watched as quality is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.quality import read_quality
from flywheel.learn.quality_streams import DAY_S, was_live
from flywheel.learn.reporting import SKIPPED
from flywheel.records.columns import Coded, QualityColumns
from flywheel.records.quality import QualityLevels, QualityReading, QualityReport, QualitySettings
from flywheel.stats.quantiles import quantile_interval

IN_TIME = QualityLevels(excellent=0.98, target=0.95, warning=0.90, critical=0.85)
"""Shares of answers in time: the target holds the 95th percentile to the response time that was set."""

P95 = 0.95


def read_measures(
    columns: QualityColumns,
    settings: QualitySettings,
    now: datetime,
    live: Mapping[str, Collection[str]] | None = None,
    workspace: str = "default",
) -> tuple[QualityReport, ...]:
    """A report for each further measure that can be told.

    Both are means of numbers in [0, 1], so that the detector of falls keeps its
    promise on each of them: of response time 1 where an answer came in time,
    of satisfaction how far a rating lies from one star to five.

    Args:
        columns: of one workspace, with latency and ratings.
        settings: of quality; windows and error rates are the same.
        now: the time.
        live: versions that are or were live, by prompt.
        workspace: the one they are of.

    Returns:
        Response time where a target is set, satisfaction where somebody rated.

    Examples:
        >>> one, none = Coded(np.zeros(40, np.int32), ("triage",)), Coded(np.full(40, -1, np.int32), ())
        >>> moment = datetime(2026, 3, 1).timestamp() - np.arange(40) * 3600.0
        >>> columns = QualityColumns(np.zeros(40, np.int8), np.ones(40), moment, one, none, none, none,
        ...     latency_ms=np.full(40, 900.0), rating=np.full(40, 2.0))
        >>> now = datetime(2026, 3, 1).astimezone()
        >>> found = read_measures(columns, QualitySettings(response_ms=1000), now)
        >>> [(r.settings.measure, r.readings[0].rate, r.readings[0].level.value) for r in found]
        [('response time', 1.0, 'unclear'), ('satisfaction', 0.25, 'critical')]
    """
    reports = []
    if settings.response_ms and columns.latency_ms is not None and _any(columns.latency_ms):
        asked = _asked(settings, "response time", IN_TIME)
        report = read_quality(columns, asked, now, live, workspace)
        reports.append(_with_p95(report, columns, live or {}))
    if columns.rating is not None and _any(columns.rating):
        asked = _asked(settings, "satisfaction", settings.satisfaction)
        reports.append(read_quality(columns, asked, now, live, workspace))
    return tuple(reports)


def _asked(settings: QualitySettings, measure: str, levels: QualityLevels) -> QualitySettings:
    """The same settings for another measure; that nobody rates is no silence."""
    return settings.model_copy(update={"measure": measure, "levels": levels, "silence_factor": 0.0})


def _any(values: NDArray[np.float64]) -> bool:
    return not bool(np.isnan(values).all())


def _with_p95(
    report: QualityReport, columns: QualityColumns, live: Mapping[str, Collection[str]]
) -> QualityReport:
    """Each reading with the 95th percentile of its window, between two order statistics."""
    latency = np.empty(0) if columns.latency_ms is None else columns.latency_ms
    now_s = report.read_at.timestamp()
    begin = now_s - report.settings.window_days * DAY_S
    rows = np.flatnonzero(
        (columns.moment > begin)
        & (columns.moment <= now_s)
        & (columns.outcome != SKIPPED)
        & ~np.isnan(latency)
        & was_live(columns, live)
    )

    def told(reading: QualityReading) -> QualityReading:
        mine = (
            _is(columns.prompt, rows, reading.prompt, whole=False)
            & _is(columns.slice, rows, reading.slice, whole=True)
            & _is(columns.model, rows, reading.model, whole=True)
        )
        found = quantile_interval(latency[rows[mine]], P95)
        return reading.model_copy(
            update={"p95_ms": found.estimate, "p95_low_ms": found.low, "p95_high_ms": found.high}
        )

    return report.model_copy(update={"readings": tuple(told(one) for one in report.readings)})


def _is(coded: Coded, rows: NDArray[np.int64], name: str | None, *, whole: bool) -> NDArray[np.bool_]:
    """Rows of a name; None is all of them, or those without a name."""
    if name is None:
        return np.ones(rows.size, dtype=bool) if whole else np.asarray(coded.codes[rows] < 0)
    return np.asarray(coded.codes[rows] == coded.names.index(name), dtype=np.bool_)
