"""Where a stream is heading, whether it went silent, what fixed thresholds would say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from flywheel.records.quality import (
    LiteralThresholds,
    QualityLevels,
    QualitySettings,
    QualityTrend,
)
from flywheel.stats.trend import linear_trend

Floats = NDArray[np.float64]

LEAST_ON_A_DAY = 3
"""Scored executions from which a day is a point of a trend."""

LITERAL_DAYS = 7
LITERAL_P = 0.05
LITERAL_SPREAD = 0.05
"""Of the fixed thresholds: a week, a slope below 0 with p < .05, a standard deviation above 5 points."""

WEEKS = 1_000
"""Simulated weeks behind the chance of a false flag; the same ones every time."""

HOUR_S = 3_600.0
LEAST_HOURS = 20
"""Hours with executions from which a stream has a rhythm."""


def trend_of(scored: Floats, total: Floats, streams: int, settings: QualitySettings) -> QualityTrend:
    """A line through the daily rates, with the level it will reach.

    A trend is shown when it falls with p below the settings' error rate over
    the number of streams, and reaches a level it is above today within the horizon.

    Args:
        scored: executions of each day back from now, shape (days,).
        total: sum of their scores, the same shape.
        streams: that share the error rate.
        settings: days, horizon, error rate.
    """
    count, sums = scored[: settings.trend_days], total[: settings.trend_days]
    days = np.flatnonzero(count >= LEAST_ON_A_DAY)
    least = max(3, settings.trend_days // 2)
    if days.size < least:
        why = f"{days.size} days with {LEAST_ON_A_DAY} scored executions or more; a trend needs {least}"
        return QualityTrend(days=int(days.size), because=why)
    line = linear_trend(-(days + 0.5), sums[days] / count[days])
    if line.slope is None or line.intercept is None:
        return QualityTrend(days=int(days.size), because=line.because)
    found = QualityTrend(
        slope_per_day=line.slope,
        low=line.low,
        high=line.high,
        p_value=line.p_value,
        days=int(days.size),
        because=line.because,
    )
    if line.slope >= 0 or line.p_value is None or line.p_value >= settings.trend_error / max(1, streams):
        return found
    ahead = _next_level(line.intercept, settings.levels)
    in_days = None if ahead is None else (line.intercept - ahead[1]) / -line.slope
    if ahead is None or in_days is None or in_days > settings.trend_horizon_days:
        return found
    return found.model_copy(update={"crosses": ahead[0], "in_days": in_days})


def silent_since(moment: Floats, now_s: float, factor: float) -> float | None:
    """The newest execution, where the pause since then is not the stream's usual one.

    Pauses are told between hours with executions, so that a batch of a second
    makes no rhythm of seconds. A pause is unusual when it is longer than so many
    times the median, and than one and a half times the second longest before,
    so that nights and weekends are usual.

    Args:
        moment: of the executions, in order, shape (n,).
        now_s: seconds since 1970.
        factor: of the median; 0 is never.

    Returns:
        Seconds since 1970, None where nothing is wrong or nothing is known.

    Examples:
        >>> hourly = np.arange(30) * 3600.0
        >>> silent_since(hourly, 31 * 3600.0, 3), silent_since(hourly, 40 * 3600.0, 3)
        (None, 104400.0)
    """
    hours = moment // HOUR_S
    hours = hours[np.flatnonzero(np.diff(hours, prepend=-np.inf))]
    if not factor or hours.size < LEAST_HOURS:
        return None
    pauses = np.sort(np.diff(hours))
    longest_usual = max(factor * float(np.median(pauses)), 1.5 * float(pauses[-2])) * HOUR_S
    return float(moment[-1]) if now_s - moment[-1] > longest_usual else None


def literal_of(
    scored: Floats, total: Floats, usual: float | None, settings: QualitySettings
) -> LiteralThresholds:
    """Fixed thresholds on the last day, with how often they are wrong at this number of executions.

    Args:
        scored: executions of each day back from now, shape (days,).
        total: sum of their scores, the same shape.
        usual: rate of the reference, None where it is unknown.
        settings: levels.

    Examples:
        >>> found = literal_of(np.full(7, 200.0), np.full(7, 176.0), 0.95, QualitySettings())
        >>> found.flags, round(found.false_chance, 4)
        (('below 90 %',), 0.024)
    """
    count, sums = scored[:LITERAL_DAYS], total[:LITERAL_DAYS]
    today = int(count[0])
    rate = float(sums[0] / count[0]) if today else None
    days = np.flatnonzero(count)
    daily = sums[days] / count[days]
    line = linear_trend(-days.astype(float), daily)
    flags = []
    levels = settings.levels
    if rate is not None and rate < levels.warning:
        edge = levels.critical if rate < levels.critical else levels.warning
        flags.append(f"below {100 * edge:g} %")
    if line.slope is not None and line.slope < 0 and (line.p_value or 1.0) < LITERAL_P:
        flags.append("falling")
    if daily.size > 1 and float(daily.std(ddof=1)) > LITERAL_SPREAD:
        flags.append("varies")
    chance = None if usual is None or not days.size else _false_chance(count, days, usual, levels)
    return LiteralThresholds(executions=today, rate=rate, flags=tuple(flags), false_chance=chance)


def _false_chance(count: Floats, days: NDArray[np.intp], usual: float, levels: QualityLevels) -> float:
    """Share of simulated weeks as usual, with these numbers of executions, that get a flag."""
    rng = np.random.default_rng(0)
    daily = rng.binomial(count[days].astype(np.int64), usual, (WEEKS, days.size)) / count[days]
    flagged = np.zeros(WEEKS, dtype=bool)
    if days[0] == 0 and usual >= levels.warning:
        flagged |= daily[:, 0] < levels.warning
    if days.size > 1:
        flagged |= daily.std(axis=1, ddof=1) > LITERAL_SPREAD
    if days.size > 2:
        x = days.mean() - days
        across = float((x**2).sum())
        slope = daily @ x / across
        rest = ((daily - daily.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) - slope**2 * across
        error = np.sqrt(np.maximum(rest, 0.0) / (days.size - 2) / across)
        flagged |= slope < float(stdtrit(days.size - 2, LITERAL_P / 2)) * error
    return float(flagged.mean())


def _next_level(rate: float, levels: QualityLevels) -> tuple[str, float] | None:
    """The highest of target, warning and critical that the rate is still above."""
    for name in ("target", "warning", "critical"):
        if rate > getattr(levels, name):
            return name, float(getattr(levels, name))
    return None
