"""Worlds with a known truth: pass-or-fail arms that are paired by case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from flywheel.records.columns import ScoreTable

BASE_RATE = 0.70
"""Pass rate of the live version in every world."""


@dataclass(frozen=True)
class Prior:
    """Where true gains of candidates come from; sizes follow Gamma(2) with mean 4 points."""

    name: str
    no_change: float
    harmful: float

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """True gains, rate units, shape (size,)."""
        effect = rng.gamma(2.0, 0.02, size)
        draw = rng.random(size)
        signs = np.where(
            draw < self.no_change, 0.0, np.where(draw < self.no_change + self.harmful, -1.0, 1.0)
        )
        return np.clip(signs * effect, -BASE_RATE + 0.01, 1 - BASE_RATE - 0.01)


MEDIUM = Prior("medium", 0.40, 0.35)
HARD = Prior("hard", 0.60, 0.30)


@cache
def latent_correlation(discordance: float) -> float:
    """Latent correlation at which two equal arms differ on a share of cases."""
    z = float(ndtri(BASE_RATE))

    def excess(rho: float) -> float:
        both = float(multivariate_normal(cov=[[1, rho], [rho, 1]]).cdf([z, z]))
        return 2 * (BASE_RATE - both) - discordance

    return float(brentq(excess, 0.0, 0.9999))


def draw_scores(
    rng: np.random.Generator, cases: int, gains: np.ndarray, discordance: float = 0.15
) -> np.ndarray:
    """Scores 0 or 1 of the control (column 0) with candidates of given gains, shape (cases, 1 + k)."""
    rho = latent_correlation(discordance)
    rates = np.concatenate([[BASE_RATE], BASE_RATE + np.asarray(gains)])
    shared = rng.standard_normal((cases, 1))
    own = rng.standard_normal((cases, rates.size))
    return (np.sqrt(rho) * shared + np.sqrt(1 - rho) * own < ndtri(rates)).astype(np.float64)


def as_table(scores: np.ndarray) -> ScoreTable:
    """The scores as a table with arms `control`, `c0`, `c1`, ..."""
    n, k = scores.shape
    blank = np.full(scores.shape, np.nan)
    return ScoreTable(
        cases=tuple(f"case-{i:05}" for i in range(n)),
        slices=(None,) * n,
        arms=("control", *(f"c{i}" for i in range(k - 1))),
        scores=scores,
        runs=np.ones(scores.shape, dtype=np.int32),
        latency_ms=blank,
        cost_usd=blank,
    )


def wilson_range(count: int, total: int) -> tuple[float, float]:
    """95 % range of a simulated share."""
    z, p = 1.96, count / total
    centre = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(p * (1 - p) / total + z * z / (4 * total**2)) / (1 + z * z / total)
    return float(centre - half), float(centre + half)
