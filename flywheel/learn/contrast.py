"""Where a failure pattern is at home: the attributes that set its members apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import hypergeom

from flywheel.records.columns import Coded
from flywheel.records.execution import Execution
from flywheel.records.findings import Condition, Contrast
from flywheel.stats.multiplicity import benjamini_hochberg

ATTRIBUTES = ("model", "version", "slice", "agent", "suite", "prompt")
MIN_BETTER = 1.05
"""A second condition must set the members apart by so much more than the best single one."""

SIGNIFICANT = 0.05
_Condition = tuple[str, Coded, int]
VALUES = 8
PAIRED = 6
"""Values of an attribute, then single conditions, that are looked at further."""


@dataclass(frozen=True, slots=True)
class Population:
    """Failures followed by passes, as attributes with weights.

    Attributes:
        columns: each attribute with its codes, -1 unknown, over n rows.
        weights: float64, shape (n,), executions a row stands for.
        failures: the first so many rows are failures.
    """

    columns: tuple[tuple[str, Coded], ...]
    weights: NDArray[np.float64]
    failures: int


def population(
    failures: Sequence[Execution],
    passes: Sequence[Execution],
    totals: tuple[int | None, int | None] = (None, None),
) -> Population:
    """Attributes of executions, those with one value left out because they set nothing apart.

    Args:
        failures: failed executions that were read.
        passes: passed ones.
        totals: failures and passes there are; the rows read stand for them.
    """
    rows = (*failures, *passes)
    coded = [(name, _coded([getattr(row, name) for row in rows])) for name in ATTRIBUTES]
    weights = np.ones(len(rows))
    for part, read, total in (
        (slice(0, len(failures)), len(failures), totals[0]),
        (slice(len(failures), None), len(passes), totals[1]),
    ):
        if read:
            weights[part] = max(1.0, (total or read) / read)
    return Population(tuple((n, c) for n, c in coded if len(c.names) > 1), weights, len(failures))


@dataclass(frozen=True, slots=True)
class Members:
    """One pattern as rows of a population.

    Attributes:
        rows: positions of its failures.
        family: positions of the failures of the same form in every slice or model: the
            base rate elsewhere is theirs, or the slice in a pattern's name would be its own proof.
    """

    rows: NDArray[np.int64]
    family: NDArray[np.int64]


def contrasts(people: Population, groups: Sequence[Members]) -> list[Contrast]:
    """Where each group of failures is at home, with lift and corrected p.

    The place is the single condition, or pair, with the largest Ochiai
    coefficient: members there over the geometric mean of all members with all
    executions there. Its p is multiplied by the number of places looked at
    (Bonferroni), then corrected over the groups (Benjamini, Hochberg).

    Args:
        people: failures with passes; without passes there is no lift.
        groups: one per pattern.

    Returns:
        One contrast per group; no place when none is significant.

    References:
        Abreu et al. (2007), TAIC PART 89-98 (Ochiai for fault localisation).
    """
    found = [_place(people, members) for members in groups]
    made = [c.p_value if c.p_value is not None else math.nan for c in found]
    adjusted = benjamini_hochberg(np.array(made, dtype=np.float64))
    whole = float(people.weights.sum())
    return [
        contrast.model_copy(update={"adjusted_p": float(p)})
        if not math.isnan(p) and p <= SIGNIFICANT
        else _everywhere(people, members.rows, whole)
        for contrast, members, p in zip(found, groups, adjusted, strict=True)
    ]


def _place(people: Population, group: Members) -> Contrast:
    members = group.rows
    inside, family = (np.zeros(people.weights.size, dtype=bool) for _ in range(2))
    inside[members] = family[group.family] = True
    singles = [
        (((name, coded, int(code)),), coded.codes == code)
        for name, coded in people.columns
        for code in _values(coded.codes[members])
    ]
    if not singles or people.weights.size == people.failures:
        return _everywhere(people, members, float(people.weights.sum()))
    scored = sorted(
        ((_ochiai(people, inside, rows), where, rows) for where, rows in singles), key=lambda s: -s[0]
    )
    pairs = [
        ((*a[1], *b[1]), a[2] & b[2]) for a, b in combinations(scored[:PAIRED], 2) if a[1][0][0] != b[1][0][0]
    ]
    best: tuple[float, tuple[_Condition, ...], NDArray[np.bool_]] = scored[0]
    for where, rows in pairs:
        score = _ochiai(people, inside, rows)
        if score >= MIN_BETTER * scored[0][0] and score > best[0]:
            best = (score, where, rows)
    conditions = tuple(Condition(attribute=n, value=c.names[code]) for n, c, code in best[1])
    return _measured(people, family, best[2], conditions, len(singles) + len(pairs))


def _values(codes: NDArray[np.int32]) -> NDArray[np.int32]:
    """The commonest known values; a pattern spread over many is at home in none of them."""
    values, counts = np.unique(codes[codes >= 0], return_counts=True)
    return np.asarray(values[np.argsort(-counts, kind="stable")][:VALUES], dtype=np.int32)


def _ochiai(people: Population, inside: NDArray[np.bool_], rows: NDArray[np.bool_]) -> float:
    there = float(people.weights[inside & rows].sum())
    return there / math.sqrt(
        float(people.weights[inside].sum()) * max(1.0, float(people.weights[rows].sum()))
    )


def _measured(
    people: Population,
    inside: NDArray[np.bool_],
    rows: NDArray[np.bool_],
    where: tuple[Condition, ...],
    looked: int,
) -> Contrast:
    n, a, b = inside.size, int(rows.sum()), int(inside.sum())
    hits = int((inside & rows).sum())
    p = float(hypergeom.sf(hits - 1, n, b, a))
    there, elsewhere = (_rate(people, inside, mask) for mask in (rows, ~rows))
    low, lift, high = _risk_ratio(hits, a, b - hits, n - a)
    known = elsewhere is not None and there is not None and elsewhere > 0
    if known and elsewhere and there is not None:
        shift = (there / elsewhere) / lift
        low, lift, high = low * shift, lift * shift, high * shift
    return Contrast(
        where=where,
        count=round(float(people.weights[inside & rows].sum())),
        executions=round(float(people.weights[rows].sum())),
        rate=there or 0.0,
        base_rate=elsewhere,
        lift=lift if known else None,
        lift_low=low,
        lift_high=high if known else None,
        p_value=min(1.0, p * looked),
    )


def _risk_ratio(hits: int, n: int, other_hits: int, other_n: int) -> tuple[float, float, float]:
    """Low, estimate, high; Katz's log interval with half a count added, so that none is infinite."""
    a, b = hits + 0.5, other_hits + 0.5
    ratio = (a / (n + 0.5)) / (b / (other_n + 0.5))
    spread = float(ndtri(0.975)) * math.sqrt(max(0.0, 1 / a - 1 / (n + 0.5) + 1 / b - 1 / (other_n + 0.5)))
    return ratio * math.exp(-spread), ratio, ratio * math.exp(spread)


def _rate(people: Population, inside: NDArray[np.bool_], rows: NDArray[np.bool_]) -> float | None:
    total = float(people.weights[rows].sum())
    return min(1.0, float(people.weights[inside & rows].sum()) / total) if total else None


def _everywhere(people: Population, members: NDArray[np.int64], whole: float) -> Contrast:
    count = float(people.weights[members].sum())
    return Contrast(count=round(count), executions=round(whole), rate=min(1.0, count / whole))


def _coded(values: Sequence[str | None]) -> Coded:
    codes: dict[str | None, int] = {None: -1}
    row = np.fromiter((codes.setdefault(v, len(codes) - 1) for v in values), np.int32, len(values))
    return Coded(row, tuple(v for v in codes if v is not None))
