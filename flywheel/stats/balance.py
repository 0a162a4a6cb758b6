"""Whether traffic was split as planned."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc


def sample_ratio_mismatch(counts: ArrayLike, shares: ArrayLike | None = None) -> float | None:
    """P-value of the observed split against the planned one; below 0.001 something is broken.

    Args:
        counts: executions per arm, shape (k,), >= 0.
        shares: planned share per arm, shape (k,), > 0; equal shares when None.

    Returns:
        In [0, 1]; None without executions.

    References:
        Pearson (1900), Philosophical Magazine 50:157-175; Fabijan et al. (2019), KDD, 2156-2164.

    Examples:
        >>> round(sample_ratio_mismatch([520, 480]), 4)
        0.2059
    """
    observed = np.asarray(counts, dtype=np.float64).ravel()
    planned = np.ones_like(observed) if shares is None else np.asarray(shares, dtype=np.float64).ravel()
    if (
        observed.size < 2
        or planned.shape != observed.shape
        or bool((planned <= 0).any() | (observed < 0).any())
    ):
        msg = f"counts {observed.tolist()!r}, shares {planned.tolist()!r}; need two or more arms, shares > 0"
        raise ValueError(msg)
    total = float(observed.sum())
    if total == 0:
        return None
    expected = total * planned / planned.sum()
    return float(chdtrc(observed.size - 1, float(((observed - expected) ** 2 / expected).sum())))
