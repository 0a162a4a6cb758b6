"""Intervals that hold at every look at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, ndtr, ndtri

from flywheel.stats.evalues import BETS, LOG_WEIGHTS
from flywheel.stats.proportions import Interval

STEPS = 40
"""Halvings of [-1, 1]; the bound is exact to 2e-12."""


def betting_confidence_sequence(differences: ArrayLike, coverage: float = 0.95) -> Interval:
    """Range of the mean difference, valid however often one looked before.

    A value stays in the range while no mixture of bets against it has won
    2 / (1 - coverage).

    Args:
        differences: candidate minus control, in [-1, 1], shape (n,); NaN is dropped.
        coverage: over all looks together, a fraction in (0, 1).

    Returns:
        Holds the estimate always; swapping the arms swaps the sign.

    References:
        Waudby-Smith, Ramdas (2024), JRSS B 86:1-27, with the uniform mixture of bets.

    Examples:
        >>> i = betting_confidence_sequence([1.0] * 30 + [-1.0] * 10 + [0.0] * 60)
        >>> round(i.estimate, 3), round(i.low, 3), round(i.high, 3)
        (0.2, 0.01, 0.39)
    """
    d = np.asarray(differences, dtype=np.float64).ravel()
    d = d[~np.isnan(d)]
    if d.size == 0:
        return Interval(None, None, None, coverage, "no case was scored under both arms")
    if bool((np.abs(d) > 1.0 + 1e-12).any()):
        msg = "a difference lies outside [-1, 1]; rescale the scores to [0, 1] first"
        raise ValueError(msg)
    values, counts = np.unique(np.clip(d, -1.0, 1.0), return_counts=True)
    bar = math.log(2.0 / (1.0 - coverage))
    mean = float(d.mean())
    low = _lower(values, counts, mean, bar)
    high = -_lower(-values, counts, -mean, bar)
    return Interval(mean, min(low, mean), max(high, mean), coverage)


def predictive_probability(differences: ArrayLike, n_max: int, level: float = 0.025) -> float | None:
    """Chance that the comparison would end significant if it ran to its planned end.

    Args:
        differences: candidate minus control so far, shape (n,); NaN is dropped.
        n_max: pairs planned.
        level: one-sided.

    Returns:
        In [0, 1]; None below 2 pairs. Stopping when it is low cannot raise the
        rate of wrong ships.

    References:
        Lan, Simon, Halperin (1982), Sequential Analysis 1:207-219 (current trend),
        with the variance smoothed by one case.

    Examples:
        >>> round(predictive_probability([1.0, 0.0, 0.0, -1.0] * 15, n_max=300), 3)
        0.164
    """
    d = np.asarray(differences, dtype=np.float64).ravel()
    d = d[~np.isnan(d)]
    n = int(d.size)
    if n < 2:
        return None
    mean = float(d.mean())
    spread = math.sqrt(max((float((d**2).sum()) + 1.0) / (n + 2) - mean**2, 1e-12))
    margin = mean - float(ndtri(1 - level)) * spread / math.sqrt(n_max)
    if n >= n_max:
        return 1.0 if margin > 0 else 0.0
    return float(ndtr(margin / (spread * math.sqrt(1 / n - 1 / n_max))))


def _lower(values: NDArray[np.float64], counts: NDArray[np.int64], mean: float, bar: float) -> float:
    """Largest value at or below the mean against which the bets have won the bar."""
    low, high = -1.0, mean
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        if _log_wealth(values, counts, middle) >= bar:
            low = middle
        else:
            high = middle
    return low


def _log_wealth(values: NDArray[np.float64], counts: NDArray[np.int64], mean: float) -> float:
    if mean <= -1.0:
        return math.inf
    y = (values - mean) / (1.0 + mean)
    return float(logsumexp((counts[:, None] * np.log1p(BETS * y[:, None])).sum(axis=0) + LOG_WEIGHTS))
