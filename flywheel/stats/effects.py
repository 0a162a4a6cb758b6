"""How large a difference is, apart from how sure it is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flywheel.stats.means import Moments
from flywheel.stats.proportions import Counts, Interval, clopper_pearson


def cohen_h(candidate_rate: float, control_rate: float) -> float:
    """Difference of two rates on the arcsine scale, where 0.2 is small, 0.5 medium, 0.8 large.

    Args:
        candidate_rate: in [0, 1].
        control_rate: in [0, 1].

    References:
        Cohen (1988), Statistical Power Analysis, chapter 6.

    Examples:
        >>> round(cohen_h(0.8, 0.7), 4)
        0.232
    """
    for rate in (candidate_rate, control_rate):
        if not 0.0 <= rate <= 1.0:
            msg = f"rate is {rate!r}; need a fraction in [0, 1]"
            raise ValueError(msg)
    return 2 * math.asin(math.sqrt(candidate_rate)) - 2 * math.asin(math.sqrt(control_rate))


def hedges_g(candidate: ArrayLike, control: ArrayLike) -> float | None:
    """Standardised difference of two unrelated groups, corrected for small samples.

    Args:
        candidate: scores, shape (n,); NaN is dropped.
        control: scores, shape (m,); NaN is dropped.

    Returns:
        In pooled standard deviations; None when it does not exist.

    References:
        Hedges (1981), Journal of Educational Statistics 6:107-128.

    Examples:
        >>> round(hedges_g([3, 4, 5, 6], [1, 2, 3, 4]), 4)
        1.3471
    """
    a, b = Moments.of(candidate), Moments.of(control)
    df = a.n + b.n - 2
    if a.n < 2 or b.n < 2 or a.m2 + b.m2 <= 0:
        return None
    pooled = math.sqrt((a.m2 + b.m2) / df)
    return (a.mean - b.mean) / pooled * (1 - 3 / (4 * df - 1))


def cohen_dz(differences: ArrayLike) -> float | None:
    """Mean paired difference in standard deviations of the differences.

    Args:
        differences: shape (n,); NaN is dropped.

    Returns:
        None below 2 differences or when none varies.

    References:
        Cohen (1988), Statistical Power Analysis, section 2.3.5.

    Examples:
        >>> round(cohen_dz([0.1, 0.3, 0.2, 0.0, 0.4]), 4)
        1.2649
    """
    d = Moments.of(differences)
    if d.variance is None or d.variance <= 0:
        return None
    return d.mean / math.sqrt(d.variance)


def paired_odds_ratio(wins: int, losses: int, coverage: float = 0.95) -> Interval:
    """Odds of a win among discordant cases, with the exact conditional range.

    Args:
        wins: cases only the candidate passed.
        losses: cases only the control passed.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        A ratio, 1 is no difference; high is infinite without losses, and
        the estimate is then None; nothing exists when every case is a tie.

    References:
        Clopper, Pearson (1934), Biometrika 26:404-413, on wins / (wins + losses);
        Agresti (2013), Categorical Data Analysis, section 11.1.3.

    Examples:
        >>> i = paired_odds_ratio(12, 2)
        >>> i.estimate, round(i.low, 3), round(i.high, 2)
        (6.0, 1.336, 55.2)
    """
    if wins + losses == 0:
        return Interval(None, None, None, coverage, "every case is a tie")
    share = clopper_pearson(Counts(wins, wins + losses), coverage)
    low, high = share.low or 0.0, 1.0 if share.high is None else share.high
    estimate = wins / losses if losses else None
    return Interval(estimate, low / (1 - low), high / (1 - high) if high < 1 else math.inf, coverage)


def cliffs_delta(candidate: ArrayLike, control: ArrayLike) -> float | None:
    """Chance that a candidate score lies above a control score, minus the chance of the reverse.

    Args:
        candidate: scores, shape (n,); NaN is dropped.
        control: scores, shape (m,); NaN is dropped.

    Returns:
        In [-1, 1]; None when an arm is empty.

    References:
        Cliff (1993), Psychological Bulletin 114:494-509.

    Examples:
        >>> cliffs_delta([1, 2, 3], [0, 2])
        0.5
    """
    a, b = _known(candidate), np.sort(_known(control))
    if not a.size or not b.size:
        return None
    below = np.searchsorted(b, a, side="left").sum()
    above = (b.size - np.searchsorted(b, a, side="right")).sum()
    return float(below - above) / (a.size * b.size)


def _known(values: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64).ravel()
    return x[~np.isnan(x)]
