"""Where a series of values changed its level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change of level.

    Attributes:
        index: position of the first value after the change.
        before, after: means of the two parts.
        p_value: of the best split of the part it was found in, by permutation.
    """

    index: int
    before: float
    after: float
    p_value: float


def change_points(
    values: ArrayLike, alpha: float = 0.01, least: int = 5, permutations: int = 999, seed: int = 0
) -> tuple[ChangePoint, ...]:
    """Find changes of the mean by splitting again and again.

    Args:
        values: in the order of time, shape (n,), independent when nothing changes; NaN is dropped.
        alpha: error rate of each split; the chance of any false change in a steady series.
        least: values a part must have.
        permutations: shuffles per split.
        seed: of the shuffles.

    Returns:
        Changes in the order of time; positions count the known values.

    References:
        Matteson, James (2014), JASA 109:334-345 (permutation tests of divisive splits), with
        the CUSUM statistic of Page (1954), Biometrika 41:100-115.

    Examples:
        >>> series = [0.9, 0.92, 0.91, 0.9, 0.93, 0.91, 0.8, 0.82, 0.79, 0.81, 0.8, 0.81]
        >>> [(c.index, round(c.before, 3), round(c.after, 3)) for c in change_points(series)]
        [(6, 0.912, 0.805)]
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    x = x[~np.isnan(x)]
    if least < 1 or permutations < 99:
        msg = f"least {least!r}, permutations {permutations!r}; need at least 1 and 99"
        raise ValueError(msg)
    rng = np.random.default_rng(seed)
    found: list[tuple[int, float]] = []
    waiting = [(0, x.size)]
    while waiting:
        start, end = waiting.pop()
        part = x[start:end]
        if part.size < 2 * least or float(np.ptp(part)) <= 0:
            continue
        split, p = _best_split(part, least, permutations, rng)
        if p <= alpha:
            found.append((start + split, p))
            waiting += [(start, start + split), (start + split, end)]
    found.sort()
    edges = [0, *(index for index, _ in found), x.size]
    return tuple(
        ChangePoint(index, float(x[edges[i] : index].mean()), float(x[index : edges[i + 2]].mean()), p)
        for i, (index, p) in enumerate(found)
    )


def _best_split(
    part: NDArray[np.float64], least: int, permutations: int, rng: np.random.Generator
) -> tuple[int, float]:
    """Split with the largest standardised gap of means, with its permutation p-value."""
    n = part.size
    left = np.arange(least, n - least + 1)
    scale = np.sqrt(n / (left * (n - left)))
    centred = part - part.mean()
    observed = np.abs(np.cumsum(centred)[left - 1]) * scale
    best = int(np.argmax(observed))
    shuffled = rng.permuted(np.broadcast_to(centred, (permutations, n)), axis=1)
    chance = (np.abs(np.cumsum(shuffled, axis=1)[:, left - 1]) * scale).max(axis=1)
    p = (1 + int((chance >= observed[best] - 1e-12).sum())) / (permutations + 1)
    return int(left[best]), p
