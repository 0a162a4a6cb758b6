"""Bootstrap intervals with fixed seeds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from flywheel.stats.proportions import Interval

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Reduces the last axis: shape (..., n) to (...)."""


def bootstrap_interval(
    values: ArrayLike,
    statistic: Statistic | None = None,
    coverage: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Range of any statistic, corrected for bias with acceleration.

    Args:
        values: independent observations, shape (n,); NaN is dropped.
        statistic: reduces the last axis; the mean when None.
        coverage: two-sided, a fraction in (0, 1).
        resamples: draws with replacement.
        seed: of the draws; the same seed gives the same range.

    Returns:
        No range below 3 observations or when no resample differs.

    References:
        Efron (1987), JASA 82:171-185 (BCa).

    Examples:
        >>> i = bootstrap_interval([0.1, 0.4, 0.5, 0.5, 0.7, 0.9, 0.2, 0.6])
        >>> round(i.estimate, 4), i.low < i.estimate < i.high
        (0.4875, True)
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    x = x[~np.isnan(x)]
    reduce = _mean if statistic is None else statistic
    if x.size < 3:
        estimate = float(reduce(x)) if x.size else None
        return Interval(estimate, None, None, coverage, f"{x.size} observations; 3 are needed")
    estimate = float(reduce(x))
    rng = np.random.default_rng(seed)
    draws = reduce(x[rng.integers(0, x.size, size=(resamples, x.size))])
    if float(draws.max() - draws.min()) <= 1e-15:
        return Interval(estimate, None, None, coverage, "no resample differs from another")
    below = (float((draws < estimate).mean()) + float((draws <= estimate).mean())) / 2
    bias = float(ndtri(np.clip(below, 1 / (resamples + 1), resamples / (resamples + 1))))
    acceleration = _acceleration(x, reduce)
    z = ndtri(np.array([(1 - coverage) / 2, (1 + coverage) / 2]))
    shares = ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))
    low, high = np.quantile(draws, shares)
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate), coverage)


def clustered_bootstrap_interval(
    values: ArrayLike, clusters: ArrayLike, coverage: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Range of a mean when whole clusters are drawn, by percentiles.

    Args:
        values: shape (n,); NaN is dropped.
        clusters: group of each row, shape (n,).
        coverage: two-sided, a fraction in (0, 1).
        resamples: draws of clusters with replacement.
        seed: of the draws.

    Returns:
        No range below 3 clusters.

    References:
        Davison, Hinkley (1997), Bootstrap Methods, section 3.8.

    Examples:
        >>> i = clustered_bootstrap_interval([1, 1, 0, 0, 1, 0], ["a", "a", "b", "b", "c", "c"], seed=1)
        >>> i.estimate, i.low, i.high
        (0.5, 0.0, 1.0)
    """
    x, groups = np.asarray(values, dtype=np.float64).ravel(), np.asarray(clusters).ravel()
    known = ~np.isnan(x)
    x, groups = x[known], groups[known]
    _, codes = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(codes, weights=x), np.bincount(codes)
    estimate = float(x.mean()) if x.size else None
    if sums.size < 3 or estimate is None:
        return Interval(estimate, None, None, coverage, f"{sums.size} clusters; 3 are needed")
    drawn = np.random.default_rng(seed).integers(0, sums.size, size=(resamples, sums.size))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - coverage) / 2, (1 + coverage) / 2])
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate), coverage)


def _mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(x.mean(axis=-1), dtype=np.float64)


def _acceleration(x: NDArray[np.float64], reduce: Statistic) -> float:
    """Skewness of the statistic by leaving one observation out at a time."""
    kept = ~np.eye(x.size, dtype=bool)
    left_out = reduce(np.broadcast_to(x, (x.size, x.size))[kept].reshape(x.size, x.size - 1))
    centred = left_out.mean() - left_out
    spread = float((centred**2).sum())
    return 0.0 if spread <= 0 else float((centred**3).sum()) / (6 * spread**1.5)
