"""Which arm to run next: Thompson sampling, top-two sampling, track-and-stop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv

from flywheel.stats.beta import Beta
from flywheel.stats.proportions import Counts

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
_QUANTILES = (_NODES + 1) / 2
_QUANTILE_WEIGHTS = _WEIGHTS / 2
"""Quantiles at which an expectation is taken; a share is right to three digits."""


def thompson_choice(beliefs: Sequence[Beta], rng: np.random.Generator) -> int:
    """Arm whose drawn rate is highest; explores as much as the beliefs are unsure.

    Args:
        beliefs: k arms.
        rng: source of the draw.

    References:
        Thompson (1933), Biometrika 25:285-294; Russo et al. (2018), Found. Trends Mach. Learn. 11:1-96.

    Examples:
        >>> thompson_choice([Beta(90, 10), Beta(10, 90)], np.random.default_rng(0))
        0
    """
    return int(np.argmax(rng.beta([b.passed for b in beliefs], [b.failed for b in beliefs])))


def thompson_shares(passed: ArrayLike, failed: ArrayLike, bonus: ArrayLike = 0.0) -> NDArray[np.float64]:
    """How often Thompson sampling picks each arm, exactly instead of by drawing.

    Args:
        passed: pseudo-counts of passes of k Beta beliefs, shape (k,), > 0.
        failed: of failures, the same.
        bonus: added to each drawn rate, shape (k,); a price is a negative one.

    Returns:
        float64, shape (k,), sums to 1.

    References:
        Thompson (1933), Biometrika 25:285-294; the integral of Scott (2010), Applied Stochastic
        Models in Business and Industry 26:639-658, with each rate moved by its bonus.

    Examples:
        >>> thompson_shares([9, 5], [3, 7]).round(2).tolist()
        [0.96, 0.04]
        >>> thompson_shares([9, 5], [3, 7], [-0.5, 0.0]).round(2).tolist()
        [0.19, 0.81]
    """
    a, b = np.asarray(passed, dtype=np.float64).ravel(), np.asarray(failed, dtype=np.float64).ravel()
    moved = np.broadcast_to(np.asarray(bonus, dtype=np.float64), a.shape)
    rates = betaincinv(a[:, None], b[:, None], _QUANTILES)
    # below[i, j, q]: chance that arm j comes out below the q-quantile of arm i.
    reached = np.clip(rates[:, None, :] + (moved[:, None] - moved[None, :])[:, :, None], 0.0, 1.0)
    below = betainc(a[None, :, None], b[None, :, None], reached)
    below[np.arange(a.size), np.arange(a.size)] = 1.0
    shares = (below.prod(axis=1) * _QUANTILE_WEIGHTS).sum(axis=1)
    total = shares.sum()
    return np.asarray(shares / total if total > 0 else np.full(a.size, 1.0 / a.size), dtype=np.float64)


def top_two_choice(beliefs: Sequence[Beta], rng: np.random.Generator, leader_share: float = 0.5) -> int:
    """Arm to run when the aim is to name the best one soon: the leader, or its strongest rival.

    Args:
        beliefs: k arms.
        rng: source of the draws.
        leader_share: chance to run the leader.

    References:
        Russo (2020), Operations Research 68:1625-1647.

    Examples:
        >>> top_two_choice([Beta(5, 5), Beta(1, 90), Beta(2, 90)], np.random.default_rng(1)) in (0, 1, 2)
        True
    """
    leader = thompson_choice(beliefs, rng)
    if len(beliefs) < 2 or rng.random() < leader_share:
        return leader
    for _ in range(100):
        rival = thompson_choice(beliefs, rng)
        if rival != leader:
            return rival
    # The leader is all but certain; its rival is then the next best mean.
    return int(np.argsort([-b.mean if i != leader else 1.0 for i, b in enumerate(beliefs)])[0])


def optimal_shares(rates: ArrayLike) -> NDArray[np.float64]:
    """Shares of runs that name the best arm soonest when the rates are as given.

    Args:
        rates: pass rates, shape (k,), in (0, 1), with one best.

    Returns:
        float64, shape (k,), sums to 1; equal shares when there is no single best.

    References:
        Garivier, Kaufmann (2016), COLT 49:998-1027, theorem 5.

    Examples:
        >>> optimal_shares([0.8, 0.6, 0.3]).round(2).tolist()
        [0.49, 0.46, 0.04]
    """
    mu = np.clip(np.asarray(rates, dtype=np.float64).ravel(), 1e-6, 1 - 1e-6)
    ranked = np.argsort(-mu, kind="stable")
    if mu.size < 2 or mu[ranked[0]] - mu[ranked[1]] < 1e-9:
        return np.full(mu.size, 1.0 / mu.size)
    best, rest = mu[ranked[0]], mu[ranked[1:]]
    # Ratios to the leader's runs that make every rival equally hard, then the level at
    # which the leader itself is run just enough.
    low, high = 0.0, float(_kl(best, rest).min()) * (1 - 1e-12)
    for _ in range(80):
        middle = (low + high) / 2
        ratios = _ratios(best, rest, middle)
        pooled = (best + ratios * rest) / (1 + ratios)
        excess = float((_kl(best, pooled) / np.maximum(_kl(rest, pooled), 1e-300)).sum())
        low, high = (middle, high) if excess < 1 else (low, middle)
    shares = np.empty(mu.size)
    shares[ranked[0]] = 1.0
    shares[ranked[1:]] = _ratios(best, rest, low)
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def stopping_evidence(counts: Sequence[Counts]) -> float | None:
    """Evidence that the leading arm is the best: smallest likelihood ratio against a rival.

    Args:
        counts: k arms.

    Returns:
        Log likelihood ratio; stop when it exceeds log((1 + log n) / delta) with n
        runs in all. None when an arm has not run.

    References:
        Garivier, Kaufmann (2016), COLT 49:998-1027, section 3.2.

    Examples:
        >>> round(stopping_evidence([Counts(80, 100), Counts(60, 100)]), 3)
        4.831
    """
    rates = [c.rate for c in counts]
    if len(counts) < 2 or any(r is None for r in rates):
        return None
    mu = np.array(rates, dtype=np.float64)
    n = np.array([c.trials for c in counts], dtype=np.float64)
    leader = int(np.argmax(mu))
    rivals = np.arange(mu.size) != leader
    pooled = (n[leader] * mu[leader] + n[rivals] * mu[rivals]) / (n[leader] + n[rivals])
    return float((n[leader] * _kl(mu[leader], pooled) + n[rivals] * _kl(mu[rivals], pooled)).min())


def _ratios(best: float, rest: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Runs per leader run at which telling each rival apart reaches the level."""
    low, high = np.zeros_like(rest), np.full_like(rest, 1e12)
    for _ in range(120):
        middle = np.sqrt(np.maximum(low, 1e-12) * high)
        pooled = (best + middle * rest) / (1 + middle)
        reached = _kl(best, pooled) + middle * _kl(rest, pooled) >= level
        high = np.where(reached, middle, high)
        low = np.where(reached, low, middle)
    return high


def _kl(p: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of Bernoulli(p) from Bernoulli(q)."""
    a = np.asarray(p, dtype=np.float64)
    b = np.clip(np.asarray(q, dtype=np.float64), 1e-15, 1 - 1e-15)
    inner = np.clip(a, 1e-15, 1 - 1e-15)
    return np.asarray(a * np.log(inner / b) + (1 - a) * np.log((1 - inner) / (1 - b)), dtype=np.float64)
