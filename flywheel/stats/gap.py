"""How much of the gap from a weak arm to a strong one a score recovers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def average_gap_recovered(score: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> float | None:
    """Average share of the gap that is recovered when the highest scores go to the strong arm.

    The share of requests that the strong arm gets runs from none to all; what
    is gained over the weak arm is averaged over it. Random scores give a half,
    and a score that knows the answers more than one.

    Args:
        score: how much the strong arm is expected to help, shape (n,); equal ones count as shuffled.
        weak: scores of the weak arm, shape (n,).
        strong: of the strong one, shape (n,).

    Returns:
        None where the strong arm is not better in the mean, so that there is no gap.

    References:
        Ong et al. (2024), RouteLLM, arXiv 2406.18665, section 3 (APGR).

    Examples:
        >>> average_gap_recovered([0.9, 0.1], [0, 1], [1, 1]), average_gap_recovered([1, 1], [0, 1], [1, 1])
        (0.75, 0.5)
    """
    s = np.asarray(score, dtype=np.float64).ravel()
    gain = np.asarray(strong, dtype=np.float64).ravel() - np.asarray(weak, dtype=np.float64).ravel()
    total = float(gain.sum()) if gain.size else 0.0
    if total <= 0.0:
        return None
    levels, group = np.unique(-s, return_inverse=True)
    size = np.bincount(group, minlength=levels.size) / s.size
    gained = np.cumsum(np.bincount(group, weights=gain, minlength=levels.size)) / total
    before = np.concatenate([[0.0], gained[:-1]])
    return float((size * (before + gained) / 2.0).sum())
