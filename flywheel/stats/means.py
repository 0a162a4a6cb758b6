"""Means of scores from statistics that merge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from flywheel.stats.proportions import Interval


@dataclass(frozen=True, slots=True)
class Moments:
    """Number, mean and sum of squared deviations; two of them merge with `+`.

    Attributes:
        n: observations.
        mean: their mean, 0.0 when there are none.
        m2: sum of squared deviations from the mean.

    References:
        Chan, Golub, LeVeque (1983), The American Statistician 37:242-247.

    Examples:
        >>> (Moments.of([1, 2]) + Moments.of([3, 4, 5])).mean
        3.0
        >>> Moments().variance is None
        True
    """

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0

    @classmethod
    def of(cls, values: ArrayLike) -> Moments:
        """Moments of values, shape (n,); NaN is dropped."""
        x = np.asarray(values, dtype=np.float64).ravel()
        x = x[~np.isnan(x)]
        if not x.size:
            return cls()
        mean = float(x.mean())
        return cls(int(x.size), mean, float(((x - mean) ** 2).sum()))

    def __add__(self, other: Moments) -> Moments:
        if not self.n:
            return other
        if not other.n:
            return self
        n = self.n + other.n
        gap = other.mean - self.mean
        mean = self.mean + gap * other.n / n
        return Moments(n, mean, self.m2 + other.m2 + gap * gap * self.n * other.n / n)

    @property
    def variance(self) -> float | None:
        """Sample variance; None below 2 observations."""
        return self.m2 / (self.n - 1) if self.n > 1 else None

    @property
    def standard_error(self) -> float | None:
        """Of the mean; None below 2 observations."""
        variance = self.variance
        return None if variance is None else math.sqrt(variance / self.n)


def mean_interval(moments: Moments, coverage: float = 0.95) -> Interval:
    """Mean with its t interval.

    Args:
        moments: of the scores.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        Score units; no range when fewer than 2 scores exist or none varies.

    References:
        Student (1908), Biometrika 6:1-25.

    Examples:
        >>> i = mean_interval(Moments.of([0.2, 0.4, 0.6]))
        >>> round(i.estimate, 2), round(i.low, 4), round(i.high, 4)
        (0.4, -0.0968, 0.8968)
    """
    if not moments.n:
        return Interval(None, None, None, coverage, "no scores")
    error = moments.standard_error
    if error is None or error <= 1e-15:
        return Interval(moments.mean, None, None, coverage, "no score differs from another")
    half = float(stdtrit(moments.n - 1, 0.5 + coverage / 2)) * error
    return Interval(moments.mean, moments.mean - half, moments.mean + half, coverage)
