"""What to expect of a gain that was picked because it looked large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

GRID = np.linspace(-1.0, 1.0, 2001)
"""True gains considered, in steps of a tenth of a point."""

SPIKE = 0.5
SCALE = 0.05
TAIL_DF = 3.0
"""Without any history: half of all candidates change nothing, the others follow a
Student t with 3 degrees of freedom, scale 5 points. The heavy tail leaves large clear gains alone."""


@dataclass(frozen=True, slots=True)
class GainPrior:
    """Where true gains of candidates lie: a spike at 0 plus densities on both sides.

    Attributes:
        spike: share of candidates that change nothing.
        density: float64, weights over GRID that sum to 1 - spike.
        tests: past experiments it was learned from; 0 is the default prior.
    """

    spike: float
    density: NDArray[np.float64]
    tests: int


def default_prior() -> GainPrior:
    """The prior used until 20 past experiments exist.

    Examples:
        >>> prior = default_prior()
        >>> round(prior.spike + float(prior.density.sum()), 6), prior.tests
        (1.0, 0)
    """
    log_t = (
        gammaln((TAIL_DF + 1) / 2)
        - gammaln(TAIL_DF / 2)
        - (TAIL_DF + 1) / 2 * np.log1p((GRID / SCALE) ** 2 / TAIL_DF)
    )
    weights = np.exp(log_t)
    return GainPrior(SPIKE, (1.0 - SPIKE) * weights / weights.sum(), 0)


WIDTHS = (0.01, 0.02, 0.04, 0.08, 0.16)
"""Scales of the one-sided parts a prior is mixed from; 1 to 16 points."""

PSEUDO_TESTS = 20.0
"""Weight of the default prior against past tests: after 20 of them, both count alike."""


def fit_prior(estimates: ArrayLike, standard_errors: ArrayLike) -> GainPrior:
    """Learn where true gains lie from past experiments.

    The prior is a spike at 0 plus one-sided half-normal parts of several
    widths, so that gains and losses may differ in number and in size. Few
    experiments move it little from the default prior.

    Args:
        estimates: measured gains of past candidates, shippers and others, shape (m,), rate units.
        standard_errors: of the estimates, shape (m,), > 0; pairs with NaN are dropped.

    Returns:
        The prior; the default one without past experiments.

    References:
        Stephens (2017), Biostatistics 18:275-294 (mixture by penalised EM); Efron (2011),
        JASA 106:1602-1614.

    Examples:
        >>> prior = fit_prior([0.0, 0.01, -0.01] * 60, [0.02] * 180)
        >>> prior.spike > 0.6, round(prior.spike + float(prior.density.sum()), 6), prior.tests
        (True, 1.0, 180)
    """
    x = np.asarray(estimates, dtype=np.float64).ravel()
    s = np.asarray(standard_errors, dtype=np.float64).ravel()
    known = np.isfinite(x) & np.isfinite(s) & (s > 0)
    x, s = x[known], s[known]
    parts = _parts()
    start = _start(parts)
    if not x.size:
        return default_prior()
    log_like = -0.5 * ((x[:, None] - GRID[None, :]) / s[:, None]) ** 2
    like = np.exp(log_like - log_like.max(axis=1, keepdims=True)) @ parts.T
    weights = start
    for _ in range(200):
        shares = like * weights
        shares /= shares.sum(axis=1, keepdims=True)
        weights = shares.sum(axis=0) + PSEUDO_TESTS * start
        weights /= weights.sum()
    zero = int(np.argmin(np.abs(GRID)))
    density = weights @ parts
    spike = float(weights[0])
    density[zero] -= spike
    return GainPrior(spike, density, int(x.size))


def _parts() -> NDArray[np.float64]:
    """The spike, then losses with gains of each width; each row sums to 1 over GRID."""
    zero = np.zeros(GRID.size)
    zero[int(np.argmin(np.abs(GRID)))] = 1.0
    rows = [zero]
    for width in WIDTHS:
        shape = np.exp(-0.5 * (GRID / width) ** 2)
        for side in (GRID < -1e-9, GRID > 1e-9):
            part = np.where(side, shape, 0.0)
            rows.append(part / part.sum())
    return np.array(rows)


def _start(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half on the spike, the rest spread evenly over the widths with both signs alike."""
    rest = (1.0 - SPIKE) / (len(parts) - 1)
    return np.array([SPIKE] + [rest] * (len(parts) - 1))


def shrink_gain(estimate: float, standard_error: float, prior: GainPrior | None = None) -> float | None:
    """Expected true gain given what was measured.

    Args:
        estimate: measured mean difference, rate units.
        standard_error: of the estimate, > 0.
        prior: where gains lie; the default prior when None.

    Returns:
        Rate units, between 0 and the estimate for a symmetric prior; None
        when the standard error is not a positive number.

    References:
        Efron (2011), JASA 106:1602-1614 (selection bias and empirical Bayes).

    Examples:
        >>> round(shrink_gain(0.06, 0.03), 3), round(shrink_gain(0.50, 0.03), 2)
        (0.03, 0.49)
        >>> shrink_gain(0.06, 0.0) is None
        True
    """
    if not (np.isfinite(estimate) and np.isfinite(standard_error) and standard_error > 0):
        return None
    chosen = default_prior() if prior is None else prior
    log_like = -0.5 * ((estimate - GRID) / standard_error) ** 2
    at_zero = -0.5 * (estimate / standard_error) ** 2
    top = max(float(log_like.max()), at_zero)
    slab = chosen.density * np.exp(log_like - top)
    spike = chosen.spike * np.exp(at_zero - top)
    total = float(slab.sum()) + float(spike)
    return float((slab * GRID).sum()) / total if total > 0 else None


def paired_standard_error(differences: ArrayLike) -> float | None:
    """Standard error of a mean paired difference that stays positive with few discordant cases.

    Args:
        differences: shape (n,); NaN is dropped.

    Returns:
        Score units; None below 2 differences. One pseudo-case of square 1 is
        added over n + 2, so that all-equal differences do not claim certainty.

    References:
        Agresti, Min (2005), Statistics in Medicine 24:729-740 (added half cases).

    Examples:
        >>> round(paired_standard_error([1.0, 0.0, 0.0, 0.0]), 3)
        0.26
    """
    d = np.asarray(differences, dtype=np.float64).ravel()
    d = d[~np.isnan(d)]
    if d.size < 2:
        return None
    smoothed = (float((d**2).sum()) + 1.0) / (d.size + 2) - float(d.mean()) ** 2
    return float(np.sqrt(max(smoothed, 1e-12) / d.size))
