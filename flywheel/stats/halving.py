"""Screening many candidates on shared cases before spending on the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Screening:
    """Outcome of sequential halving.

    Attributes:
        best: column of the last survivor.
        mean: its mean difference over the cases it ran on; None without a score.
        survivors: columns left after each round.
        evaluations: candidate runs, plus one control run per case.
        cases: cases used, which no later p-value may use again.
    """

    best: int
    mean: float | None
    survivors: tuple[tuple[int, ...], ...]
    evaluations: int
    cases: int


def sequential_halving(differences: NDArray[np.float64], rounds: Sequence[int] = (20, 40, 80)) -> Screening:
    """Keep the better half after each round; every survivor runs on the same fresh cases.

    Args:
        differences: candidate minus control, float64, shape (n, k); NaN where not scored.
        rounds: fresh cases per round.

    Returns:
        The survivors. Ties keep the earlier column.

    Raises:
        ValueError: fewer cases than the rounds ask for.

    References:
        Karnin, Koren, Somekh (2013), ICML 28:1238-1246.

    Examples:
        >>> d = np.tile([0.0, 1.0, 0.5, 0.0], (6, 1))
        >>> s = sequential_halving(d, rounds=(2, 4))
        >>> s.best, s.survivors, s.evaluations
        (1, ((1, 2), (1,)), 22)
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or len(d) < sum(rounds):
        msg = f"differences has shape {d.shape}; the rounds need {sum(rounds)} cases. Nothing was screened."
        raise ValueError(msg)
    alive = list(range(d.shape[1]))
    survivors, evaluations, used = [], 0, 0
    for fresh in rounds:
        used += fresh
        evaluations += fresh * (len(alive) + 1)
        means = [_mean(d[:used, arm]) for arm in alive]
        order = np.argsort([-m for m in means], kind="stable")
        alive = [alive[i] for i in sorted(order[: max(1, (len(alive) + 1) // 2)].tolist())]
        survivors.append(tuple(alive))
    best = max(alive, key=lambda arm: _mean(d[:used, arm]))
    mean = _mean(d[:used, best])
    return Screening(best, None if np.isinf(mean) else mean, tuple(survivors), evaluations, used)


def _mean(column: NDArray[np.float64]) -> float:
    known = column[~np.isnan(column)]
    return float(known.mean()) if known.size else -np.inf
