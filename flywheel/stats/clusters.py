"""Standard errors where rows of one input, user or conversation belong together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from flywheel.stats.proportions import Interval


@dataclass(frozen=True, slots=True)
class ClusteredMean:
    """Mean of rows that come in clusters; None where no number exists.

    Attributes:
        interval: mean with its range, score units.
        standard_error: with clusters as units.
        design_effect: its square over the square of the naive one; 3 means a third of the rows.
        intraclass_correlation: how alike rows of a cluster are.
        clusters: number of them.
    """

    interval: Interval
    standard_error: float | None
    design_effect: float | None
    intraclass_correlation: float | None
    clusters: int


def clustered_mean(values: ArrayLike, clusters: ArrayLike, coverage: float = 0.95) -> ClusteredMean:
    """Mean with a standard error whose unit is the cluster.

    Args:
        values: scores or paired differences, shape (n,); NaN is dropped.
        clusters: group of each row, shape (n,).
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        Range from t with clusters - 1 degrees of freedom; none below 2 clusters.

    References:
        Liang, Zeger (1986), Biometrika 73:13-22, with the factor G / (G - 1); Miller (2024),
        Adding Error Bars to Evals, arXiv:2411.00640, section 2.2; Kish (1965), Survey Sampling.

    Examples:
        >>> m = clustered_mean([1, 1, 0, 0, 1, 1], ["a", "a", "b", "b", "c", "c"])
        >>> round(m.standard_error, 4), round(m.design_effect, 2), m.clusters
        (0.3333, 2.5, 3)
    """
    x, groups = np.asarray(values, dtype=np.float64).ravel(), np.asarray(clusters).ravel()
    if x.shape != groups.shape:
        msg = f"{x.size} values, {groups.size} clusters; need one cluster per value"
        raise ValueError(msg)
    known = ~np.isnan(x)
    x, groups = x[known], groups[known]
    _, codes = np.unique(groups, return_inverse=True)
    count = int(codes.max(initial=-1)) + 1
    if count < 2:
        mean = float(x.mean()) if x.size else None
        missing = Interval(mean, None, None, coverage, f"{count} clusters; 2 are needed")
        return ClusteredMean(missing, None, None, None, count)
    mean = float(x.mean())
    sums = np.bincount(codes, weights=x - mean)
    variance = float((sums**2).sum()) * count / (count - 1) / x.size**2
    error = math.sqrt(variance)
    naive = float(x.var(ddof=1)) / x.size
    if error <= 1e-15:
        same = Interval(mean, None, None, coverage, "no cluster differs from another")
        return ClusteredMean(same, None, None, None, count)
    half = float(stdtrit(count - 1, 0.5 + coverage / 2)) * error
    return ClusteredMean(
        Interval(mean, mean - half, mean + half, coverage),
        error,
        variance / naive if naive > 0 else None,
        _icc(x, codes, count),
        count,
    )


def _icc(x: np.ndarray, codes: np.ndarray, count: int) -> float | None:
    """One-way analysis of variance; Donner (1986), International Statistical Review 54:67-82."""
    sizes = np.bincount(codes).astype(np.float64)
    if x.size <= count:
        return None
    means = np.bincount(codes, weights=x) / sizes
    between = float((sizes * (means - x.mean()) ** 2).sum()) / (count - 1)
    within = float(((x - means[codes]) ** 2).sum()) / (x.size - count)
    typical = (x.size - float((sizes**2).sum()) / x.size) / (count - 1)
    total = between + (typical - 1) * within
    return (between - within) / total if total > 0 else None
