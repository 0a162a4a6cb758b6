"""Sequential bounds for normal statistics, with guardrails watched while cases run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtr

GRID_POINTS = 801
"""Points of the density between looks; 801 agree with the multivariate normal to 1e-5."""


def spending_bounds(shares: ArrayLike, level: float = 0.05, power: float = 2.0) -> NDArray[np.float64]:
    """Upper z bounds that spend a one-sided error as level x share^power.

    Args:
        shares: information at each look over the planned one, shape (looks,), rising, in (0, 1].
        level: one-sided error over all looks.
        power: of the spending function.

    Returns:
        float64, shape (looks,).

    References:
        Lan, DeMets (1983), Biometrika 70:659-663; Armitage, McPherson, Rowe (1969), JRSS A
        132:235-244 (the recursion); Hwang, Shih, DeCani (1990) and Kim, DeMets (1987) (the family).

    Examples:
        >>> spending_bounds([0.5, 1.0], level=0.025).round(3).tolist()
        [2.498, 2.018]
    """
    t = np.asarray(shares, dtype=np.float64).ravel()
    if not t.size or bool((np.diff(t, prepend=0.0) <= 0).any()) or t[-1] > 1 + 1e-12:
        msg = f"shares are {t.tolist()!r}; need rising numbers in (0, 1]"
        raise ValueError(msg)
    return np.array(_bounds(tuple(t.tolist()), level, power))


@lru_cache(maxsize=64)
def _bounds(shares: tuple[float, ...], level: float, power: float) -> tuple[float, ...]:
    """The bounds; many candidates share one plan, so they are kept."""
    t = np.array(shares)
    due = np.diff(level * t**power, prepend=0.0)
    bounds = np.empty(t.size)
    bounds[0] = float(ndtri(1 - due[0]))
    grid, weights = _grid(t[0], bounds[0])
    density = weights * np.exp(-(grid**2) / (2 * t[0])) / math.sqrt(2 * math.pi * t[0])
    for k in range(1, t.size):
        step = math.sqrt(t[k] - t[k - 1])
        bounds[k] = _bound(grid, density, (step, math.sqrt(t[k])), due[k])
        nxt, weights = _grid(t[k], bounds[k])
        kernel = np.exp(-(((nxt[:, None] - grid[None, :]) / step) ** 2) / 2) / (step * math.sqrt(2 * math.pi))
        grid, density = nxt, weights * (kernel @ density)
    return tuple(bounds.tolist())


@dataclass(frozen=True, slots=True)
class RatioLook:
    """A guardrail at one look; None where no number exists.

    Attributes:
        pairs: cases with the amount on both arms.
        ratio: geometric mean, candidate over control.
        z: evidence that the ratio lies below the limit.
        bound: what z must reach at this look.
        proven: whether it did, at this look or before.
    """

    pairs: int
    ratio: float | None
    z: float | None
    bound: float
    proven: bool


def sequential_non_inferiority(
    log_ratios: ArrayLike, looks: Sequence[int], limit: float, level: float = 0.05
) -> tuple[RatioLook, ...]:
    """Prove, while cases run, that an amount grows by less than a factor.

    Args:
        log_ratios: log(candidate / control) per case in the order they ran, shape (n,); NaN is unknown.
        looks: cases at each look, rising; the last is the planned end.
        limit: ratio that must not be reached.
        level: one-sided error over all looks.

    Returns:
        The looks that the data reach.

    References:
        Lan, DeMets (1983), Biometrika 70:659-663, on the t statistic turned into z by its p-value.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> steps = sequential_non_inferiority(rng.normal(0.0, 0.3, 100), (50, 100), limit=1.2)
        >>> [s.proven for s in steps]
        [True, True]
    """
    x = np.asarray(log_ratios, dtype=np.float64).ravel()
    shares = np.asarray(looks, dtype=np.float64) / looks[-1]
    bounds = spending_bounds(shares, level)
    proven, seen = False, []
    for look, bound in zip(looks, bounds, strict=True):
        if look > x.size:
            break
        known = x[:look][~np.isnan(x[:look])]
        z = _z(known, math.log(limit))
        proven = proven or (z is not None and z >= float(bound))
        ratio = math.exp(float(known.mean())) if known.size else None
        seen.append(RatioLook(int(known.size), ratio, z, float(bound), proven))
    return tuple(seen)


def _z(known: NDArray[np.float64], log_limit: float) -> float | None:
    if known.size < 2:
        return None
    error = float(known.std(ddof=1)) / math.sqrt(known.size)
    if error <= 1e-15:
        return math.copysign(math.inf, log_limit - float(known.mean()))
    p = float(stdtr(known.size - 1, (float(known.mean()) - log_limit) / error))
    return -float(ndtri(max(p, 1e-300)))


def _grid(share: float, bound: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points with Simpson weights on the part of the sum that goes on."""
    top = bound * math.sqrt(share)
    grid = np.linspace(-8.0 * math.sqrt(share), top, GRID_POINTS)
    weights = np.ones(GRID_POINTS)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return grid, weights * (grid[1] - grid[0]) / 3.0


def _bound(
    grid: NDArray[np.float64], density: NDArray[np.float64], scales: tuple[float, float], due: float
) -> float:
    """Z bound at which the part that crosses now is what is due."""
    step, root = scales
    low, high = -8.0, 8.0
    for _ in range(60):
        middle = (low + high) / 2
        crossing = float((density * ndtr((grid - middle * root) / step)).sum())
        low, high = (middle, high) if crossing > due else (low, middle)
    return (low + high) / 2
