"""Welch's test of two unrelated groups of scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit


@dataclass(frozen=True, slots=True)
class WelchResult:
    """Difference of two means, candidate minus control; None where no number exists.

    Attributes:
        statistic, df: t and its degrees of freedom.
        p_value: two-sided.
        confidence: 1 - p, at most 0.99; not the probability that the gain is real.
        because: why there is no number, else empty.
    """

    estimate: float | None
    low: float | None
    high: float | None
    statistic: float | None
    df: float | None
    p_value: float | None
    confidence: float | None
    coverage: float
    because: str = ""


def welch_t_test(candidate: ArrayLike, control: ArrayLike, coverage: float = 0.95) -> WelchResult:
    """Test of two means with unequal variances, one look at the planned size.

    Reported for compatibility with older systems. It ignores pairing, and
    looking at it repeatedly breaks its error rate.

    Args:
        candidate: scores, shape (n,); NaN is dropped.
        control: scores, shape (m,); NaN is dropped.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        Score units; None with a reason when an arm has fewer than 2 scores or nothing varies.

    References:
        Welch (1947), Biometrika 34:28-35; Satterthwaite (1946), Biometrics Bulletin 2:110-114.

    Examples:
        >>> r = welch_t_test([1, 1, 0, 1, 1, 1], [0, 1, 0, 0, 1, 0])
        >>> round(r.estimate, 3), round(r.p_value, 3)
        (0.5, 0.094)
    """
    a, b = _scores(candidate), _scores(control)
    if a.size < 2 or b.size < 2:
        return _none(coverage, f"{a.size} and {b.size} scores; each arm needs 2")
    va, vb = float(a.var(ddof=1)) / a.size, float(b.var(ddof=1)) / b.size
    estimate = float(a.mean() - b.mean())
    if va + vb <= 1e-30:
        return _none(coverage, "no score varies within its arm", estimate)
    error = math.sqrt(va + vb)
    df = (va + vb) ** 2 / (va**2 / (a.size - 1) + vb**2 / (b.size - 1))
    t = estimate / error
    p = min(1.0, max(2.0 * float(stdtr(df, -abs(t))), np.nextafter(0.0, 1.0)))
    half = float(stdtrit(df, 0.5 + coverage / 2)) * error
    confidence = min(0.99, 1.0 - p)
    return WelchResult(estimate, estimate - half, estimate + half, t, df, p, confidence, coverage)


def _scores(values: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    x = np.asarray(values, dtype=np.float64).ravel()
    return x[~np.isnan(x)]


def _none(coverage: float, because: str, estimate: float | None = None) -> WelchResult:
    return WelchResult(estimate, None, None, None, None, None, None, coverage, because)
