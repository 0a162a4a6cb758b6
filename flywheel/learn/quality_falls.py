"""A stream beside its own reference: has it fallen, when, is it over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, chdtrc

from flywheel.learn.quality_streams import DAY_S
from flywheel.records.quality import DetectorState, QualityFall, QualitySettings
from flywheel.stats.falls import fall_history

Floats = NDArray[np.float64]

UNEVEN = 0.05
"""Chance below which days differ by more than their executions explain."""

LUCK = 0.16
"""Chance that a reference is better than the truth by more than its bound: one standard deviation."""

LEAST_DIFFERENT_DAYS = 3
"""Days with executions a reference needs: one burst says nothing of other days."""

RECOVERY_DAYS = 30.0
"""Days between false ends of a fall, on average at least, while the rate stays half-way or lower."""

LEAST_BOUND, MOST_BOUND = 1e-6, 0.999
"""The detector needs a level inside (0, 1); a higher least one would call fallen what never passed."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What is usual for one stream.

    Attributes:
        rate: posterior mean over the reference period.
        weight: executions the posterior counts for.
        wobble: standard deviation of the true rates between days, where one is shown.
        executions: scored, of the period.
        until: number of scored executions of the history that lie within it.
        per_day: scored executions a day.
        because: why there is none, else empty; all other numbers are 0 then.
    """

    rate: float = 0.0
    weight: float = 0.0
    wobble: float = 0.0
    executions: int = 0
    until: int = 0
    per_day: float = 0.0
    because: str = ""

    def bound(self, detectors: int) -> float:
        """What the detector watches against: a healthy stream stays above it.

        The quantile of the posterior one standard deviation down, for many
        detectors further down, less what days differ by.

        Args:
            detectors: that share the risk of a reference that was too lucky.

        Examples:
            >>> usual = Reference(rate=0.95, weight=5600, executions=5600)
            >>> round(usual.bound(1), 4), round(usual.bound(64), 4)
            (0.9471, 0.9415)
        """
        tail = LUCK / max(1, detectors)
        low = float(betaincinv(self.rate * self.weight, (1 - self.rate) * self.weight, tail))
        return min(MOST_BOUND, max(LEAST_BOUND, low - self.wobble))


def reference_of(
    moment: Floats, score: Floats, now_s: float, prior: tuple[float, float], settings: QualitySettings
) -> Reference:
    """What was usual at the start of the history, by the first half of it.

    Args:
        moment: of the scored executions, in order, shape (n,).
        score: in [0, 1], shape (n,).
        now_s: seconds since 1970.
        prior: mean, with the executions it counts for.
        settings: how long a reference is.

    References:
        DerSimonian, Laird (1986), Controlled Clinical Trials 7:177-188 (variance between days).
    """
    if not moment.size:
        return Reference(because="no scored executions")
    begin = math.floor(moment[0] / DAY_S)
    days = math.floor(now_s / DAY_S) - begin + 1
    length = min(settings.reference_days, max(settings.least_reference_days, days // 2))
    if days <= length:
        return Reference(because=f"{days} days of history; a reference needs {length} before today")
    until = int(np.searchsorted(moment, (begin + length) * DAY_S))
    if until < settings.least_reference_executions:
        return Reference(
            because=f"{until} scored executions in the first {length} days; a reference needs "
            f"{settings.least_reference_executions}"
        )
    x, day = score[:until], (moment[:until] // DAY_S).astype(np.int64) - begin
    different = np.unique(day).size
    if different < LEAST_DIFFERENT_DAYS:
        return Reference(
            because=f"executions on {different} of the first {length} days; a reference needs "
            f"{LEAST_DIFFERENT_DAYS}"
        )
    mean, weight = prior
    passed, total = mean * weight + float(x.sum()), weight + until
    rate = passed / total
    between = _between_days(x, day)
    crowding = float((np.bincount(day).astype(float) ** 2).sum()) / until**2
    # Executions of a day that share its luck say less: the posterior is as wide as theirs.
    binomial = rate * (1 - rate)
    weight = binomial / (binomial / total + between * crowding)
    return Reference(rate, weight, math.sqrt(between), until, until, until / length)


def fall_of(
    moment: Floats, score: Floats, reference: Reference, detectors: int, settings: QualitySettings
) -> QualityFall:
    """What the detector says of one stream.

    Args:
        moment: of the scored executions of the history, in order, shape (n,).
        score: of the same, in [0, 1].
        reference: of this stream.
        detectors: that share the false alarms.
        settings: days between false alarms.
    """
    if reference.because:
        return QualityFall(because=reference.because)
    run_length = max(2.0, settings.false_alarm_days * detectors * reference.per_day)
    recovery = max(2.0, RECOVERY_DAYS * reference.per_day)
    x, at = score[reference.until :], moment[reference.until :]
    bound = reference.bound(detectors)
    history = fall_history(x, bound, run_length, recovery)
    found = QualityFall(
        state=DetectorState.USUAL,
        reference=reference.rate,
        bound=bound,
        executions=reference.executions,
        run_length=run_length,
        evidence=history.evidence,
    )
    if not history.falls:
        return found
    last = history.falls[-1]
    return found.model_copy(
        update={
            "state": DetectorState.RECOVERED if history.fallen is None else DetectorState.FALLEN,
            "began_at": moment_of(at[last.onset]),
            "shown_at": moment_of(at[last.shown]),
            "over_at": None if last.over is None else moment_of(at[last.over]),
            "fallen_to": last.level,
        }
    )


def moment_of(seconds: float) -> datetime:
    """Seconds since 1970 as a moment."""
    return datetime.fromtimestamp(float(seconds), UTC)


def _between_days(score: Floats, day: NDArray[np.int64]) -> float:
    """Variance of the true rates between days, where it is shown that there is one; else 0."""
    count = np.bincount(day).astype(np.float64)
    mean, within = float(score.mean()), float(score.var())
    sums = np.bincount(day, weights=score)[count > 0]
    count = count[count > 0]
    if within <= 0 or count.size < 3:
        return 0.0
    q = float((count * (sums / count - mean) ** 2).sum()) / within
    if chdtrc(count.size - 1, q) >= UNEVEN:
        return 0.0
    excess = (q - count.size + 1) * within / (count.sum() - (count**2).sum() / count.sum())
    return max(0.0, float(excess))
