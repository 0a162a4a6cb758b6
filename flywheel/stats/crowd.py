"""Truth from judges that err, where nobody knows the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

FEW_LABELS = 20
"""Labels of a judge below which its skill is not worth reading."""


@dataclass(frozen=True, slots=True)
class CrowdTruth:
    """What judges say together.

    Attributes:
        true: chance that the item is good, shape (items,); NaN where nobody judged it.
        sensitivity, specificity: chance that a judge says good of a good item, bad of a bad
            one, shape (judges,).
        labels: per judge, shape (judges,).
        prevalence: share of good items.
    """

    true: Floats
    sensitivity: Floats
    specificity: Floats
    labels: NDArray[np.int64]
    prevalence: float

    @property
    def accuracy(self) -> Floats:
        """Chance that a judge is right, shape (judges,)."""
        p = self.prevalence
        return np.asarray(p * self.sensitivity + (1.0 - p) * self.specificity)


def dawid_skene(item: ArrayLike, judge: ArrayLike, label: ArrayLike, rounds: int = 100) -> CrowdTruth:
    """Truth with the skill of each judge, found together by expectation-maximization.

    Skills are smoothed towards a judge that is right four times of six, so that
    a judge with two labels is not believed without limit, and that the roles of
    good and bad cannot change sides.

    Args:
        item: codes from 0, shape (n,).
        judge: codes from 0, shape (n,).
        label: what the judge said, in [0, 1], shape (n,).
        rounds: at most; it ends when no item moves by 1e-6.

    Raises:
        ValueError: the columns differ in length, or are empty.

    References:
        Dawid, Skene (1979), Applied Statistics 28:20-28; smoothing as in Raykar et al.
        (2010), Journal of Machine Learning Research 11:1297-1322.

    Examples:
        >>> found = dawid_skene([0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2], [1, 1, 0, 0, 0, 0])
        >>> found.true.round(2).tolist(), found.accuracy.round(2).tolist()
        ([0.67, 0.08], [0.68, 0.68, 0.67])
    """
    i, j = np.asarray(item, np.int64).ravel(), np.asarray(judge, np.int64).ravel()
    y = np.asarray(label, np.float64).ravel()
    if not i.size == j.size == y.size or not i.size:
        msg = f"{i.size} items, {j.size} judges, {y.size} labels; need as many of each, one at least"
        raise ValueError(msg)
    items, judges = int(i.max()) + 1, int(j.max()) + 1
    seen = np.bincount(i, minlength=items)
    true = np.bincount(i, weights=y, minlength=items) / np.maximum(seen, 1)
    judged = seen > 0
    for _ in range(rounds):
        prevalence = float((true[judged].sum() + 1.0) / (judged.sum() + 2.0))
        good = true[i]
        sensitivity = (np.bincount(j, good * y, judges) + 4.0) / (np.bincount(j, good, judges) + 6.0)
        specificity = (np.bincount(j, (1 - good) * (1 - y), judges) + 4.0) / (
            np.bincount(j, 1 - good, judges) + 6.0
        )
        says = y * np.log(sensitivity / (1 - specificity))[j]
        denies = (1 - y) * np.log((1 - sensitivity) / specificity)[j]
        odds = np.log(prevalence / (1 - prevalence)) + np.bincount(i, says + denies, items)
        moved = 1.0 / (1.0 + np.exp(-np.clip(odds, -500, 500)))
        change = float(np.abs(moved - true)[judged].max())
        true = moved
        if change < 1e-6:
            break
    return CrowdTruth(
        np.where(judged, true, np.nan), sensitivity, specificity, np.bincount(j, minlength=judges), prevalence
    )
