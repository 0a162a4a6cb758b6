"""Whether a measure rises or falls with time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from flywheel.stats.proportions import Interval


@dataclass(frozen=True, slots=True)
class Trend:
    """A slope with its range; None where no number exists.

    Attributes:
        slope, low, high: change of the measure per unit of time.
        intercept: measure at time 0.
        p_value: two-sided, of no trend.
        count: points used.
    """

    slope: float | None
    low: float | None
    high: float | None
    intercept: float | None
    p_value: float | None
    count: int
    coverage: float
    because: str = ""


def linear_trend(times: ArrayLike, values: ArrayLike, coverage: float = 0.95) -> Trend:
    """Least-squares slope.

    Args:
        times: shape (n,), in any unit.
        values: shape (n,); NaN is dropped.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        Nothing below 3 points or when all lie at one time.

    References:
        Draper, Smith (1998), Applied Regression Analysis, section 1.4.

    Examples:
        >>> t = linear_trend([0, 1, 2, 3], [0.90, 0.88, 0.87, 0.83])
        >>> round(t.slope, 4), round(t.p_value, 3)
        (-0.022, 0.035)
    """
    x, y = _points(times, values)
    spread = float(((x - x.mean()) ** 2).sum()) if x.size else 0.0
    if x.size < 3 or spread <= 0:
        return _none(x.size, coverage)
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    intercept = float(y.mean()) - slope * float(x.mean())
    rest = y - intercept - slope * x
    df = x.size - 2
    error = math.sqrt(float((rest**2).sum()) / df / spread)
    if error <= 1e-15:
        return Trend(slope, None, None, intercept, None, int(x.size), coverage, "the points lie on a line")
    half = float(stdtrit(df, 0.5 + coverage / 2)) * error
    p = max(2 * float(stdtr(df, -abs(slope / error))), float(np.nextafter(0.0, 1.0)))
    return Trend(slope, slope - half, slope + half, intercept, min(1.0, p), int(x.size), coverage)


def theil_sen(times: ArrayLike, values: ArrayLike, coverage: float = 0.95) -> Trend:
    """Median of all pairwise slopes; three wild points in ten do not move it.

    Args:
        times: shape (n,), in any unit; n up to about 2,000.
        values: shape (n,); NaN is dropped.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        The p-value is Kendall's, with ties in the values corrected for.

    References:
        Theil (1950), Proc. KNAW 53; Sen (1968), JASA 63:1379-1389; Mann (1945), Econometrica 13:245-259.

    Examples:
        >>> t = theil_sen([0, 1, 2, 3, 4, 5], [0.90, 0.88, 0.87, 0.2, 0.83, 0.81])
        >>> round(t.slope, 4)
        -0.018
    """
    x, y = _points(times, values)
    if x.size < 3 or float(np.ptp(x)) <= 0:
        return _none(x.size, coverage)
    left, right = np.triu_indices(x.size, 1)
    gaps = x[right] - x[left]
    apart = gaps != 0
    slopes = np.sort((y[right] - y[left])[apart] / gaps[apart])
    slope = float(np.median(slopes))
    intercept = float(np.median(y)) - slope * float(np.median(x))
    variance = _kendall_variance(x, y)
    score = float(np.sign(slopes).sum())
    if variance <= 0:
        return Trend(slope, None, None, intercept, None, int(x.size), coverage, "the measure never changes")
    z = (abs(score) - 1) / math.sqrt(variance) if score else 0.0
    half = float(ndtri(0.5 + coverage / 2)) * math.sqrt(variance)
    upper = min(round((slopes.size + half) / 2), slopes.size - 1)
    lower = max(round((slopes.size - half) / 2) - 1, 0)
    p = min(1.0, max(2 * float(ndtr(-z)), float(np.nextafter(0.0, 1.0))))
    low, high = min(float(slopes[lower]), slope), max(float(slopes[upper]), slope)
    return Trend(slope, low, high, intercept, p, int(x.size), coverage)


def _kendall_variance(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    n = float(x.size)
    total = n * (n - 1) * (2 * n + 5)
    for values in (x, y):
        _, ties = np.unique(values, return_counts=True)
        total -= float((ties * (ties - 1) * (2 * ties + 5)).sum())
    return total / 18.0


def _points(times: ArrayLike, values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x = np.asarray(times, dtype=np.float64).ravel()
    y = np.asarray(values, dtype=np.float64).ravel()
    if x.shape != y.shape:
        msg = f"{x.size} times, {y.size} values; need one of each per point"
        raise ValueError(msg)
    known = np.isfinite(x) & np.isfinite(y)
    return x[known], y[known]


def _none(count: int, coverage: float) -> Trend:
    reason = f"{count} points at different times are too few; 3 are needed"
    return Trend(None, None, None, None, None, int(count), coverage, reason)


def clustered_slope(
    times: ArrayLike, values: ArrayLike, clusters: ArrayLike, coverage: float = 0.95
) -> Interval:
    """Slope within clusters: each is held against its own mean, so that the level of a new one moves nothing.

    The range takes clusters as independent, not their values.

    Args:
        times: shape (n,), in any unit.
        values: shape (n,).
        clusters: whole numbers, shape (n,).
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        Change of the values per unit of time; nothing below 10 clusters with two times or more.

    References:
        Liang, Zeger (1986), Biometrika 73:13-22 (clusters); Wooldridge (2010), Econometric Analysis of
        Cross Section and Panel Data, section 10.5 (each against its own mean).

    Examples:
        >>> t = np.tile([0.0, 1.0], 12)
        >>> y = np.repeat([0.0, 1.0], 12) + np.tile([0.0, 0.1], 12)
        >>> round(clustered_slope(t, y, np.repeat(np.arange(12), 2)).estimate, 3)
        0.1
    """
    x, y = np.asarray(times, dtype=np.float64).ravel(), np.asarray(values, dtype=np.float64).ravel()
    _, code = np.unique(np.asarray(clusters).ravel(), return_inverse=True)
    if not x.shape == y.shape == code.shape:
        msg = f"{x.size} times, {y.size} values, {code.size} clusters; need one of each"
        raise ValueError(msg)
    size = np.maximum(np.bincount(code), 1)
    x = x - (np.bincount(code, weights=x) / size)[code]
    y = y - (np.bincount(code, weights=y) / size)[code]
    spread = np.bincount(code, weights=x * x, minlength=size.size)
    used, total = int((spread > 0).sum()), float(spread.sum())
    if used < 10 or total <= 0:
        return Interval(None, None, None, coverage, f"{used} ran at two times or more; 10 are needed")
    slope = float((x * y).sum()) / total
    scores = np.bincount(code, weights=x * (y - slope * x), minlength=size.size)
    error = math.sqrt(float((scores**2).sum()) * used / (used - 1)) / total
    half = float(stdtrit(used - 1, 0.5 + coverage / 2)) * error
    return Interval(slope, slope - half, slope + half, coverage)
