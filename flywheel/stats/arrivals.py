"""Pairs from traffic, where no case runs on both arms."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pair_arrivals(
    scores: ArrayLike, is_candidate: ArrayLike, strata: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Pair the i-th arrival of the candidate with the i-th of the control inside each stratum.

    The differences feed every paired test. They vary more than replayed
    cases: expect to need about three times as many.

    Args:
        scores: in [0, 1], in the order of arrival, shape (n,); NaN is unscored and skipped.
        is_candidate: which arm answered, shape (n,).
        strata: what the traffic was split by (model, slice), shape (n,); one stratum when None.

    Returns:
        float64, candidate minus control, shape (pairs,), in the order in which the pairs were complete.

    References:
        Wald (1947), Sequential Analysis, section 6.3 (pairing successive trials of two processes).

    Examples:
        >>> pair_arrivals([1, 0, 1, 1], [True, False, False, True]).tolist()
        [1.0, 0.0]
    """
    x = np.asarray(scores, dtype=np.float64).ravel()
    candidate = np.asarray(is_candidate, dtype=bool).ravel()
    groups = np.zeros(x.size, dtype=np.int64) if strata is None else np.asarray(strata).ravel()
    if not x.shape == candidate.shape == groups.shape:
        msg = f"{x.size} scores, {candidate.size} arms, {groups.size} strata; need one of each per arrival"
        raise ValueError(msg)
    order = np.flatnonzero(~np.isnan(x))
    complete, differences = [], []
    for stratum in np.unique(groups[order]):
        rows = order[groups[order] == stratum]
        new, old = rows[candidate[rows]], rows[~candidate[rows]]
        count = min(new.size, old.size)
        complete.append(np.maximum(new[:count], old[:count]))
        differences.append(x[new[:count]] - x[old[:count]])
    if not differences:
        return np.empty(0)
    return np.asarray(np.concatenate(differences)[np.argsort(np.concatenate(complete), kind="stable")])
