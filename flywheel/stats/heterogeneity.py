"""A gain on several models at once: its mean, its differences between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from flywheel.stats.paired import TIE, paired_t_test
from flywheel.stats.proportions import Interval


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Gains on m models, measured on the same cases; None where no number exists.

    Attributes:
        cases: cases with a difference on every model.
        mean: mean over the models with its interval; the case is the unit.
        q: Cochran's Q with the covariance of the models, which is Hotelling's T squared of their contrasts.
        df: m - 1; less where models gain the same on every case.
        p_value: of Q, from the F distribution.
        i_squared: share of Q beyond what chance gives, in [0, 1].
        spread: standard deviation of the true gains between models.
        because: what is missing, else empty.
    """

    cases: int
    mean: Interval
    q: float | None
    df: int
    p_value: float | None
    i_squared: float | None
    spread: float | None
    because: str = ""


def heterogeneity(differences: ArrayLike, coverage: float = 0.95) -> Heterogeneity:
    """Mean gain over models and whether the models differ in it.

    The same cases on several models are not independent evidence: a case that
    is hard for one is hard for the others. The unit is the case, whose
    differences are averaged; Q uses the covariance between the models.

    Args:
        differences: candidate minus control, shape (n, m), a column per model; a case with NaN on
            any model is left out.
        coverage: of the interval of the mean, two-sided.

    Returns:
        Mean with interval, Q with its p, I squared, spread; without at least two models and more cases
        than models, no Q.

    References:
        Cochran (1954), Biometrics 10:101-129 (Q); Hotelling (1931), Ann. Math. Statist. 2:360-378 (with
        covariance); Higgins, Thompson (2002), Stat. Med. 21:1539-1558 (I squared); Hedges, Olkin (1985),
        Statistical Methods for Meta-Analysis, chapter 9 (spread from the variance of the means).

    Examples:
        >>> found = heterogeneity([[1, 0], [1, 0], [0, 0], [1, -1], [0, 0], [1, 0], [1, 1], [0, 0]])
        >>> round(found.mean.estimate, 4), round(found.q, 3), round(found.p_value, 4)
        (0.3125, 5.645, 0.0492)
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2:
        msg = f"differences have shape {d.shape}; need (cases, models)"
        raise ValueError(msg)
    d = d[~np.isnan(d).any(axis=1)]
    n, m = d.shape
    mean, _ = paired_t_test(d.mean(axis=1) if n else np.empty(0), coverage)
    if m < 2 or n <= m:
        models, cases = (
            f"{k} {noun}{'' if k == 1 else 's'}" for k, noun in ((m, "model"), (n, "common case"))
        )
        why = f"{models} on {cases}; Q needs two models and more cases than models"
        return Heterogeneity(n, mean, None, max(0, m - 1), None, None, None, why)
    means, covariance = d.mean(axis=0), np.cov(d, rowvar=False) / n
    contrasts = np.eye(m)[1:] - np.eye(m)[0]
    apart, within = contrasts @ means, contrasts @ covariance @ contrasts.T
    chance = (np.trace(covariance) - (covariance.sum() - np.trace(covariance)) / (m - 1)) / m
    spread = math.sqrt(max(0.0, float(means.var(ddof=1)) - float(chance)))
    values, axes = np.linalg.eigh(within)
    varies = values > TIE
    along = axes.T @ apart
    df = int(varies.sum())
    if not df or bool((np.abs(along[~varies]) > TIE).any()):
        why = "models differ by the same amount on every case, so Q does not exist"
        return Heterogeneity(n, mean, None, df, None, None, spread, why)
    q = float((along[varies] ** 2 / values[varies]).sum())
    p = float(fdtrc(df, n - df, q * (n - df) / ((n - 1) * df)))
    return Heterogeneity(n, mean, q, df, p, max(0.0, 1 - df / q) if q > 0 else 0.0, spread)
