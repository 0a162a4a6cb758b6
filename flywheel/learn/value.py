"""What testing is worth, metric by metric."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from flywheel.learn.calibrating import calibration_of_arrays
from flywheel.learn.value_delivery import delivery
from flywheel.learn.value_health import health_score
from flywheel.learn.value_loop import improvement_count, learning_velocity, loop_window, roi_ratio
from flywheel.learn.value_patterns import (
    discovery_rate,
    fewer_failures,
    insight_rate,
    pattern_times,
    time_to_improvement,
)
from flywheel.learn.value_tests import edge_case_coverage, model_selection, pass_rate_slope, value_per_test
from flywheel.records.value import ValueMetric, ValuePart, ValueReport
from flywheel.records.value_evidence import ValueColumns, ValueEvidence


def value_report(
    evidence: ValueEvidence,
    begin: datetime,
    now: datetime,
    value_per_outcome_usd: float | None = None,
    workspace: str = "default",
) -> ValueReport:
    """All metrics of a window; what cannot be known is None with the reason.

    Args:
        evidence: of one workspace.
        begin: start of the window.
        now: its end.
        value_per_outcome_usd: worth of one more passed execution; None refuses the return on money.
        workspace: whose it is.

    Examples:
        >>> from datetime import UTC, timedelta
        >>> from flywheel.records.columns import Coded
        >>> none, now = Coded(np.empty(0, np.int32), ()), datetime(2026, 3, 1, tzinfo=UTC)
        >>> columns = ValueColumns(*[np.empty(0)] * 3, none, none, none, none, none)
        >>> report = value_report(ValueEvidence(columns), now - timedelta(days=90), now)
        >>> report.metric("learning_velocity").value, report.metric("learning_velocity").because
        (None, 'no cycle ran in the window')
    """
    columns = evidence.columns
    window = loop_window(evidence, begin, now)
    times = pattern_times(window, evidence.patterns)
    per_test, tests = value_per_test(columns)
    metrics = (
        health_score(columns, evidence.cycles, evidence.alerts, now),
        per_test,
        learning_velocity(window, pass_rate_slope(columns)),
        insight_rate(window, times, len(columns)),
        improvement_count(window),
        roi_ratio(window, columns, value_per_outcome_usd),
        discovery_rate(window, times, evidence.patterns),
        confidence_calibration(columns),
        fewer_failures(window, times),
        model_selection(columns),
        edge_case_coverage(columns, evidence.kept_cases),
        time_to_improvement(window, times),
        *delivery(window, evidence.alerts),
    )
    return ValueReport(
        workspace=workspace,
        read_at=now,
        window_days=window.days,
        executions=len(columns),
        value_per_outcome_usd=value_per_outcome_usd,
        metrics=metrics,
        tests=tests,
    )


def confidence_calibration(columns: ValueColumns) -> ValueMetric:
    """Calibration error without what chance adds, beside the one that others report.

    Args:
        columns: n executions.
    """
    known = ~np.isnan(columns.confidence)
    found = calibration_of_arrays(columns.confidence[known], columns.passed[known], int((~known).sum()))
    return ValueMetric(
        name="confidence_calibration",
        title="calibration error",
        unit="share",
        value=found.error,
        low=found.error_low,
        high=found.error_high,
        of=found.executions,
        over="executions with a confidence",
        formula="mean distance of confidence from pass rate over ten bins, less what chance adds; 0 is best",
        because=found.because,
        parts=(
            ValuePart(name="undebiased (ECE)", value=found.plug_in),
            ValuePart(name="of that by chance", value=found.by_chance),
        ),
    )
