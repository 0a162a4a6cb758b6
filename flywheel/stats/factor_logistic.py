"""Logistic regression on factors, each level drawn towards no effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

ROUNDS = 200


@dataclass(frozen=True, slots=True)
class FactorFit:
    """Effects on the log-odds.

    Attributes:
        intercept: log-odds where no factor says anything.
        effects: one array per factor, one value per level.
    """

    intercept: float
    effects: tuple[NDArray[np.float64], ...]

    def chance(self, factors: Sequence[ArrayLike]) -> NDArray[np.float64]:
        """Chance of a 1 for rows of codes, shape (n,) each; -1 and unseen levels have no effect.

        Examples:
            >>> fit = FactorFit(0.0, (np.array([2.0]),))
            >>> fit.chance([[0, -1, 7]]).round(2).tolist()
            [0.88, 0.5, 0.5]
        """
        total: NDArray[np.float64] | float = self.intercept
        for codes, effects in zip(factors, self.effects, strict=True):
            total = total + _effect(np.asarray(codes, dtype=np.int64), effects)
        return np.asarray(expit(total), dtype=np.float64)


def fit_factors(
    factors: Sequence[ArrayLike], levels: Sequence[int], outcome: ArrayLike, spreads: Sequence[float]
) -> FactorFit:
    """Effects of factors on a 0-or-1 outcome, fitted together.

    Args:
        factors: codes from 0 on, shape (n,) each; -1 is unknown.
        levels: number of levels of each factor.
        outcome: in [0, 1], shape (n,).
        spreads: expected standard deviation of the effects of each factor, in log-odds; a small one
            draws them to 0.

    Returns:
        The most likely effects under normal priors; the intercept alone where there are no rows.

    References:
        Hoerl, Kennard (1970), Technometrics 12:55-67; le Cessie, van Houwelingen (1992),
        Applied Statistics 41:191-201.

    Examples:
        >>> fit = fit_factors([[0] * 50 + [1] * 50], [2], [1] * 45 + [0] * 5 + [0] * 45 + [1] * 5, [1.0])
        >>> fit.chance([[0, 1]]).round(2).tolist()
        [0.86, 0.14]
    """
    codes = [np.asarray(one, dtype=np.int64).ravel() for one in factors]
    y = np.asarray(outcome, dtype=np.float64).ravel()
    starts = np.cumsum([1, *levels])
    if not y.size:
        return FactorFit(0.0, tuple(np.zeros(n) for n in levels))
    rate = float((y.sum() + 1.0) / (y.size + 2.0))
    weights = np.concatenate([[0.0], *(np.full(n, 1.0 / s**2) for n, s in zip(levels, spreads, strict=True))])

    def loss(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total = np.full(y.size, x[0])
        for one, a, b in zip(codes, starts[:-1], starts[1:], strict=True):
            total += _effect(one, x[a:b])
        wrong = expit(total) - y
        slope = weights * x
        slope[0] += wrong.sum()
        for one, a, b in zip(codes, starts[:-1], starts[1:], strict=True):
            known = one >= 0
            slope[a:b] += np.bincount(one[known], weights=wrong[known], minlength=b - a)
        cost = float((np.logaddexp(0.0, total) - y * total).sum() + 0.5 * (weights * x * x).sum())
        return cost, slope

    start = np.zeros(int(starts[-1]))
    start[0] = logit(rate)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ROUNDS}).x
    parts = [np.asarray(found[a:b], dtype=np.float64) for a, b in pairwise(starts)]
    return FactorFit(float(found[0]), tuple(parts))


def _effect(codes: NDArray[np.int64], effects: NDArray[np.float64]) -> NDArray[np.float64]:
    known = (codes >= 0) & (codes < effects.size)
    if not effects.size:
        return np.zeros(codes.size)
    return np.where(known, effects[np.where(known, codes, 0)], 0.0)
