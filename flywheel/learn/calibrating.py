"""Whether confidence means what it says, in all executions or by group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flywheel.records.calibration import CalibrationReport, GroupCalibration, Recalibrated
from flywheel.records.columns import Coded, ConfidenceColumns
from flywheel.records.probe import Calibration, Reliability
from flywheel.stats.beta import Beta
from flywheel.stats.calibration import (
    brier_score,
    calibration_error,
    calibration_error_interval,
    reliability_bins,
)
from flywheel.stats.paired import paired_t_test
from flywheel.stats.proportions import Counts
from flywheel.stats.recalibration import Logistic, recalibrate

FAMILY_ERROR = 0.05
"""Chance that any group of a table is shown to be above an error it does not exceed, all together."""

Floats = NDArray[np.float64]


def calibration_report(
    columns: ConfidenceColumns, by: str | None, max_error: float | None = None, workspace: str = "default"
) -> CalibrationReport:
    """Calibration of all executions together, then of each group.

    Args:
        columns: n executions that passed or failed.
        by: `model`, `prompt` or `slice`; None makes no groups.
        max_error: largest calibration error allowed; None asks nothing.
        workspace: whose they are.

    Returns:
        Groups with a confidence, most executions first. The interval of the
        error is wider the more groups there are (Bonferroni), so that of
        twenty tables of groups that keep to the limit one calls any of them missed.

    Examples:
        >>> codes = Coded(np.zeros(400, np.int32), ("small",))
        >>> passed = (np.arange(400) % 2).astype(float)
        >>> columns = ConfidenceColumns(np.full(400, 0.9), passed, codes, codes, codes)
        >>> report = calibration_report(columns, "model", max_error=0.1)
        >>> [(one.name, one.check, round(one.calibration.error, 2)) for one in report.groups]
        [('small', 'missed', 0.4)]
    """
    coded: Coded | None = None if by is None else getattr(columns, by)
    known = ~np.isnan(columns.confidence)
    names = () if coded is None else coded.names
    spoken = [code for code, _ in enumerate(names) if coded and bool((known & (coded.codes == code)).any())]
    coverage = 1 - FAMILY_ERROR / max(1, len(spoken))
    rows = [
        group_calibration(columns, coded.codes == code, names[code], coverage, max_error)
        for code in spoken
        if coded is not None
    ]
    everything = np.ones(len(columns), dtype=bool)
    return CalibrationReport(
        workspace=workspace,
        by=by,
        max_error=max_error,
        coverage=coverage,
        overall=group_calibration(columns, everything, None, coverage, max_error),
        groups=tuple(sorted(rows, key=lambda one: (-one.calibration.executions, one.name or ""))),
        silent=tuple(name for code, name in enumerate(names) if code not in spoken),
    )


def group_calibration(
    columns: ConfidenceColumns,
    chosen: NDArray[np.bool_],
    name: str | None,
    coverage: float,
    max_error: float | None,
) -> GroupCalibration:
    """One group with what a correction of its confidence would gain.

    Args:
        columns: n executions.
        chosen: bool, shape (n,).
        name: of the group.
        coverage: of the interval of the error.
        max_error: largest error allowed; None asks nothing.
    """
    confidence, passed = columns.confidence[chosen], columns.passed[chosen]
    known = ~np.isnan(confidence)
    found = calibration_of_arrays(confidence[known], passed[known], int((~known).sum()), coverage)
    return GroupCalibration(
        name=name,
        calibration=found,
        recalibration=_recalibrated(confidence[known], passed[known]),
        check=_check(found, max_error),
    )


def calibration_of_arrays(
    stated: Floats, right: Floats, without: int = 0, coverage: float = 0.95
) -> Calibration:
    """Reliability, Brier score, debiased error, and which way confidence errs.

    The range of a bin is a credible interval from no opinion (Beta(1, 1)).

    Args:
        stated: confidence in [0, 1], shape (n,).
        right: 0 or 1, shape (n,).
        without: executions that have an outcome alone.
        coverage: of the interval of the error.

    Returns:
        Without any confidence all numbers are None, with the reason; never 0.
    """
    if not stated.size:
        said = "no answer has a confidence, logged or stated" if without else "no answer was scored"
        return Calibration(without=without, because=said)
    gap, _ = paired_t_test(stated - right)
    error, brier = calibration_error(stated, right), brier_score(stated, right)
    interval = calibration_error_interval(stated, right, coverage=coverage)
    return Calibration(
        executions=int(stated.size),
        without=without,
        mean_confidence=float(stated.mean()),
        pass_rate=float(right.mean()),
        gap=gap.estimate,
        gap_low=gap.low,
        gap_high=gap.high,
        bias=_bias(gap.low, gap.high),
        brier=brier.score,
        reliability=brier.reliability,
        resolution=brier.resolution,
        uncertainty=brier.uncertainty,
        error=error.debiased,
        error_low=interval.low,
        error_high=interval.high,
        plug_in=error.plug_in,
        by_chance=error.by_chance,
        bins=_bins(stated, right),
        because=interval.because,
    )


def _bins(stated: Floats, right: Floats) -> tuple[Reliability, ...]:
    found = []
    for one in reliability_bins(stated, right):
        rate = one.rate.estimate or 0.0
        belief = (Beta() + Counts(round(rate * one.count), one.count)).interval()
        # The equal-tailed interval of a bin that all passed ends below 1; the rate itself is inside.
        low, high = min(rate, belief.low or 0.0), max(rate, 1.0 if belief.high is None else belief.high)
        found.append(
            Reliability(confidence=one.confidence, pass_rate=rate, low=low, high=high, executions=one.count)
        )
    return tuple(found)


def _recalibrated(stated: Floats, right: Floats) -> Recalibrated:
    found = recalibrate(stated, right, "logistic")
    if found is None or not isinstance(found.correction, Logistic):
        return Recalibrated(because=f"{stated.size} executions; 20 are needed, half to fit, half to score")
    return Recalibrated(
        offset=found.correction.offset,
        slope=found.correction.slope,
        fitted_on=found.fitted_on,
        scored_on=found.scored_on,
        gain=found.gain.estimate,
        gain_low=found.gain.low,
        gain_high=found.gain.high,
        error_before=found.error_before.debiased,
        error_after=found.error_after.debiased,
        because=found.gain.because,
    )


def _check(found: Calibration, max_error: float | None) -> str:
    if max_error is None:
        return "not asked"
    if found.error_low is None or found.error_high is None:
        return "unknown"
    if found.error_low > max_error:
        return "missed"
    return "kept" if found.error_high <= max_error else "cannot tell"


def _bias(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "unknown"
    return "overconfident" if low > 0 else "underconfident" if high < 0 else "none shown"
