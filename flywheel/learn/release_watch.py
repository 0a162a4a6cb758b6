"""Whether a released version is worse than the one before it, as traffic comes in."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.counting import count_of
from flywheel.learn.quality_levels import chances_below, flat_prior
from flywheel.learn.quality_streams import measured
from flywheel.learn.reporting import SKIPPED
from flywheel.records.columns import QualityColumns
from flywheel.records.quality import QualitySettings
from flywheel.records.release_watch import ReleaseReading, ReleaseState
from flywheel.stats.arrivals import pair_arrivals
from flywheel.stats.detectors import RegressionMonitor

E_BAR = 20.0
"""Of a release that is no worse, at most one in twenty is ever called a regression."""

MOST_PAIRS = 10_000
"""What 10,000 pairs did not show is no regression worth a rollback."""

LEAST_FOR_FLOOR = 30
"""Scored executions from which the floor is looked at."""

Rows = NDArray[np.intp]


def read_release(
    known: ReleaseReading,
    columns: QualityColumns,
    names: tuple[Collection[str], Collection[str]],
    settings: QualitySettings,
) -> ReleaseReading:
    """Both versions side by side.

    The i-th execution after the release is paired with the i-th before it, counted
    backwards, of the same model and slice; a bet is placed on each pair. It may
    be looked at as often as one likes. The floor acts at once: less than the
    critical level with the settings' certainty, where the version before was not.

    Args:
        known: versions, revision, time of the release.
        columns: executions of the prompt, in any order.
        names: hashes with labels of the live version, of the one before. Executions of unknown
            versions count by their time.
        settings: measure, critical level, certainty.

    References:
        Ville (1939), as in `RegressionMonitor`; Wald (1947), as in `pair_arrivals`.
    """
    score = measured(columns, settings)
    counts = ~np.isnan(score) & (columns.outcome != SKIPPED)
    released = known.released_at.timestamp()
    after = np.flatnonzero(counts & (columns.moment >= released) & _is_of(columns, names[0]))
    before = np.flatnonzero(counts & (columns.moment < released) & _is_of(columns, names[1]))
    after = after[np.argsort(columns.moment[after], kind="stable")]
    before = before[np.argsort(columns.moment[before], kind="stable")][::-1]
    if not after.size or not before.size:
        which = "since the release" if before.size else "of the version before"
        why = f"no scored executions {which}"
        return known.model_copy(update={"scored": after.size, "scored_before": before.size, "because": why})
    rows = np.concatenate([before, after])
    strata = columns.model.codes[rows] * (len(columns.slice.names) + 2) + columns.slice.codes[rows]
    pairs = pair_arrivals(score[rows], np.arange(rows.size) >= before.size, strata)[:MOST_PAIRS]
    monitor = RegressionMonitor(E_BAR).extend(pairs)
    floor, floor_before = (_below_floor(score[some], settings) for some in (after, before))
    found = known.model_copy(
        update={
            "scored": after.size,
            "scored_before": before.size,
            "rate": float(score[after].mean()),
            "rate_before": float(score[before].mean()),
            "pairs": pairs.size,
            "difference": float(pairs.mean()) if pairs.size else None,
            "e_value": monitor.e_value,
            "below_floor": floor,
        }
    )
    sure = settings.certainty
    is_low = after.size >= LEAST_FOR_FLOOR and floor >= sure and floor_before < sure
    return _ruled(found, settings, alarm=monitor.alarm, is_low=is_low)


def _ruled(found: ReleaseReading, settings: QualitySettings, *, alarm: bool, is_low: bool) -> ReleaseReading:
    side = (
        f"{100 * (found.rate or 0):.1f} % of {found.scored:,} since the release, "
        f"{100 * (found.rate_before or 0):.1f} % of {found.scored_before:,} before"
    )
    evidence = f"e = {found.e_value:.3g} on {count_of(found.pairs, 'pair')}, the bar is {E_BAR:g}"
    if alarm:
        return found.model_copy(update={"state": ReleaseState.REGRESSED, "because": f"{side}; {evidence}"})
    if is_low:
        chance = 100 * (found.below_floor or 0)
        floor = f"below {100 * settings.levels.critical:g} % with a chance of {chance:.1f} %"
        return found.model_copy(update={"state": ReleaseState.BELOW_FLOOR, "because": f"{side}; {floor}"})
    if not found.pairs:
        why = f"{side}; no two of the same model and slice"
        return found.model_copy(update={"because": why})
    return found.model_copy(update={"state": ReleaseState.AS_BEFORE, "because": f"{side}; {evidence}"})


def _below_floor(score: NDArray[np.float64], settings: QualitySettings) -> float:
    passed, failed = flat_prior(1).with_data(np.array([float(score.size)]), np.array([float(score.sum())]))
    return float(chances_below(passed, failed, settings.levels)[0, 0])


def _is_of(columns: QualityColumns, names: Collection[str]) -> NDArray[np.bool_]:
    """Rows of a version, or of none that is known."""
    mine = np.array([True, *(name in names for name in columns.version.names)])
    return np.asarray(mine[columns.version.codes + 1], dtype=np.bool_)
