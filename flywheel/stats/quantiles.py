"""Quantiles with intervals that assume no distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from flywheel.stats.proportions import Interval


def quantile_interval(values: ArrayLike, share: float = 0.5, coverage: float = 0.95) -> Interval:
    """A quantile between two order statistics, which hold it whatever the distribution.

    Args:
        values: n finite numbers.
        share: which quantile, a fraction in (0, 1); 0.5 is the median.
        coverage: two-sided, a fraction in (0, 1); what is reached is at least that.

    Returns:
        The sample quantile with its interval, in the unit of the values. `low` or `high` is None where
        n is too small for an order statistic on that side; with no values nothing is known.

    References:
        Hahn and Meeker (1991), Statistical Intervals, section 5.2.

    Examples:
        >>> found = quantile_interval(range(1, 21))
        >>> found.estimate, found.low, found.high
        (10.5, 6.0, 15.0)
        >>> quantile_interval([3.0, 4.0]).low is None
        True
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64).ravel())
    n = ordered.size
    if n == 0:
        return Interval(None, None, None, coverage, "no values")
    tail = (1.0 - coverage) / 2.0
    below = int(stats.binom.ppf(tail, n, share))
    if stats.binom.cdf(below, n, share) > tail:
        below -= 1
    above = int(stats.binom.isf(tail, n, share))
    low = float(ordered[below]) if below >= 0 else None
    high = float(ordered[above]) if above < n else None
    return Interval(float(np.quantile(ordered, share)), low, high, coverage)
