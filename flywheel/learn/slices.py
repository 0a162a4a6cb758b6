"""Slice search: the combinations of attributes where results are worse than in the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import hypergeom

from flywheel.learn.attributes import COMPUTED, AttributeTable
from flywheel.records.columns import Coded
from flywheel.records.findings import Condition, SliceFinding
from flywheel.stats.multiplicity import benjamini_hochberg
from flywheel.stats.proportions import Counts, compare_proportions

MAX_VALUES = 200
"""Commonest values of an attribute that are looked at; the rest count as unknown."""

EXACT_BELOW = 10.0
"""Expected failures below which the exact tail replaces the normal one."""

MAX_CANDIDATES = 400
OWED = 0.8
"""A condition owes its damage to narrower ones when they make up so much of it."""


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """What a search looks at.

    Attributes:
        max_order: conditions that may hold together, 1 or 2.
        min_executions: executions a combination must have.
        level: bound of the expected share of false findings.
        max_findings: findings to give.
    """

    max_order: int = 2
    min_executions: int = 30
    level: float = 0.05
    max_findings: int = 20


@dataclass(frozen=True, slots=True)
class _Tested:
    """Combinations of one set of attributes that have support, m rows.

    Attributes:
        names: the attributes.
        codes: int64, shape (m, order).
        n, k: executions, failures.
        p: against the rest, or against the remainder of the better parent.
    """

    names: tuple[str, ...]
    codes: NDArray[np.int64]
    n: NDArray[np.int64]
    k: NDArray[np.int64]
    p: NDArray[np.float64]


def search_slices(table: AttributeTable, limits: SearchLimits | None = None) -> tuple[SliceFinding, ...]:
    """Combinations of attributes with significantly more failures, largest damage first.

    A single condition is tested against all executions without it; a pair
    against the remainder of each of its two conditions too, and the largest p
    counts, so that a pair is found only when it is worse than both. All p are
    corrected together. A finding whose failures another one explains is left
    out: of nested ones the narrower, when the wider owes its failures to it.

    Args:
        table: n scored executions.
        limits: of the search; the defaults when None.

    Returns:
        Findings whose corrected p is at most the level; damage is the number of
        failures above what the rest's rate would give.

    References:
        Benjamini, Hochberg (1995), JRSS B 57:289-300; Chung et al. (2019), Slice Finder, ICDE.
    """
    rules = limits or SearchLimits()
    failed = table.failed
    if not failed.any() or failed.all():
        return ()
    columns = _usable(table.columns, rules.min_executions)
    tested = [_singles(name, column, failed, rules) for name, column in columns.items()]
    if rules.max_order > 1:
        singles = {t.names[0]: t for t in tested}
        for a, b in combinations(columns, 2):
            tested.append(_pairs((a, b), (columns[a], columns[b]), failed, (singles[a], singles[b]), rules))
    tested = [t for t in tested if t.n.size]
    if not tested:
        return ()
    adjusted = benjamini_hochberg(np.concatenate([t.p for t in tested]))
    return _chosen(columns, failed, tested, adjusted, rules)


def _usable(columns: Mapping[str, Coded], least: int) -> dict[str, Coded]:
    """Columns with at least two values of enough support, values renumbered by frequency."""
    kept: dict[str, Coded] = {}
    for name, column in columns.items():
        if len(column.names) < 2:
            continue
        counts = np.bincount(column.codes + 1, minlength=len(column.names) + 1)[1:]
        order = np.argsort(-counts, kind="stable")[:MAX_VALUES]
        order = order[counts[order] >= least]
        if order.size == 0 or counts[order[0]] == column.codes.size:
            continue
        new = np.full(len(column.names) + 1, -1, dtype=np.int32)
        new[order] = np.arange(order.size, dtype=np.int32)
        kept[name] = Coded(new[column.codes], tuple(column.names[i] for i in order))
    return kept


def _singles(name: str, column: Coded, failed: NDArray[np.bool_], rules: SearchLimits) -> _Tested:
    size = len(column.names)
    n = np.bincount(column.codes + 1, minlength=size + 1)[1:]
    k = np.bincount(column.codes[failed] + 1, minlength=size + 1)[1:]
    total, bad = failed.size, int(failed.sum())
    p = _worse(k, n, bad - k, total - n)
    keep = n >= rules.min_executions
    return _Tested((name,), np.flatnonzero(keep)[:, None], n[keep], k[keep], p[keep])


def _pairs(
    names: tuple[str, str],
    columns: tuple[Coded, Coded],
    failed: NDArray[np.bool_],
    parents: tuple[_Tested, _Tested],
    rules: SearchLimits,
) -> _Tested:
    first, second = columns
    wide = len(second.names) + 1
    # Code 0 is unknown in both; its row and column are dropped after counting.
    joined = (first.codes + 1) * np.int32(wide) + (second.codes + 1)
    size = (len(first.names) + 1) * wide
    n = np.bincount(joined, minlength=size).reshape(-1, wide)[1:, 1:]
    k = np.bincount(joined[failed], minlength=size).reshape(-1, wide)[1:, 1:]
    rows, cols = np.nonzero(n >= rules.min_executions)
    n, k = n[rows, cols], k[rows, cols]
    total, bad = failed.size, int(failed.sum())
    p = _worse(k, n, bad - k, total - n)
    for place, parent in ((rows, parents[0]), (cols, parents[1])):
        n_parent, k_parent = parent.n[place], parent.k[place]
        p = np.maximum(p, _worse(k, n, k_parent - k, n_parent - n))
    return _Tested(names, np.stack([rows, cols], axis=1), n, k, p)


def _worse(
    k: NDArray[np.int64], n: NDArray[np.int64], k_rest: NDArray[np.int64], n_rest: NDArray[np.int64]
) -> NDArray[np.float64]:
    """One-sided p that the failure rate k/n is not above k_rest/n_rest; 1 without a rest."""
    total, bad = n + n_rest, k + k_rest
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = bad / total
        spread = np.sqrt(pooled * (1 - pooled) * n * n_rest / total)
        z = (k - n * pooled - 0.5) / spread
    p = np.where(spread > 0, ndtr(-z), 1.0)
    small = (n * np.minimum(pooled, 1 - pooled) < EXACT_BELOW) & (p < 0.05) & (n_rest > 0)
    for i in np.flatnonzero(small):
        p[i] = hypergeom.sf(k[i] - 1, total[i], bad[i], n[i])
    return np.asarray(np.where(n_rest > 0, p, 1.0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Candidate:
    where: tuple[tuple[str, int], ...]
    n: int
    k: int
    p: float
    adjusted: float
    excess: float


def _chosen(
    columns: dict[str, Coded],
    failed: NDArray[np.bool_],
    tested: Sequence[_Tested],
    adjusted: NDArray[np.float64],
    rules: SearchLimits,
) -> tuple[SliceFinding, ...]:
    candidates = _candidates(failed, tested, adjusted, rules)
    free = np.ones(failed.size, dtype=bool)
    findings: list[SliceFinding] = []
    # What people named explains more than what was computed from the input.
    named = [c for c in candidates if not _computed(c)]
    computed = [c for c in candidates if _computed(c)]
    order = [c for part in (named, computed) for c in part if not _owed_to_pairs(c, part)]
    for best in order:
        if len(findings) >= rules.max_findings:
            break
        rows = _rows(columns, best)
        if _still_worse(rows, failed, free, rules):
            findings.append(_finding(columns, best, failed))
            free &= ~rows
    return tuple(sorted(findings, key=lambda f: -f.excess))


def _candidates(
    failed: NDArray[np.bool_], tested: Sequence[_Tested], adjusted: NDArray[np.float64], rules: SearchLimits
) -> list[_Candidate]:
    total, bad = failed.size, int(failed.sum())
    found = []
    start = 0
    for t in tested:
        own = adjusted[start : start + t.n.size]
        start += t.n.size
        for i in np.flatnonzero(own <= rules.level):
            n, k = int(t.n[i]), int(t.k[i])
            rest = (bad - k) / max(1, total - n)
            where = tuple(zip(t.names, (int(c) for c in t.codes[i]), strict=True))
            found.append(_Candidate(where, n, k, float(t.p[i]), float(own[i]), k - n * rest))
    found = [c for c in found if c.excess > 0]
    found.sort(key=lambda c: (-c.excess, c.where))
    return found[:MAX_CANDIDATES]


def _computed(candidate: _Candidate) -> bool:
    return any(name in COMPUTED for name, _ in candidate.where)


def _owed_to_pairs(wide: _Candidate, candidates: Sequence[_Candidate]) -> bool:
    """Whether pairs inside a single condition account for its damage, with one other attribute."""
    if len(wide.where) > 1:
        return False
    inside: dict[str, float] = defaultdict(float)
    for candidate in candidates:
        if len(candidate.where) > 1 and wide.where[0] in candidate.where:
            (other,) = (name for name, code in candidate.where if (name, code) != wide.where[0])
            inside[other] += candidate.excess
    return max(inside.values(), default=0.0) >= OWED * wide.excess


def _rows(columns: dict[str, Coded], candidate: _Candidate) -> NDArray[np.bool_]:
    masks = [columns[name].codes == code for name, code in candidate.where]
    return np.asarray(masks[0] if len(masks) == 1 else masks[0] & masks[1], dtype=np.bool_)


def _still_worse(
    rows: NDArray[np.bool_], failed: NDArray[np.bool_], free: NDArray[np.bool_], rules: SearchLimits
) -> bool:
    """Whether it is worse than the rest on what no earlier finding explains."""
    here = rows & free
    n, k = int(here.sum()), int((here & failed).sum())
    n_all, k_all = int(free.sum()), int((free & failed).sum())
    if n < max(rules.min_executions, 0.2 * int(rows.sum())):
        return False
    p = _worse(*(np.array([v]) for v in (k, n, k_all - k, n_all - n)))
    return bool(p[0] <= rules.level)


def _finding(columns: dict[str, Coded], found: _Candidate, failed: NDArray[np.bool_]) -> SliceFinding:
    total, bad = failed.size, int(failed.sum())
    here, rest = Counts(found.k, found.n), Counts(bad - found.k, total - found.n)
    gap = compare_proportions(here, rest)
    return SliceFinding(
        where=tuple(Condition(attribute=n, value=columns[n].names[code]) for n, code in found.where),
        executions=found.n,
        failures=found.k,
        rate=here.rate or 0.0,
        rest_rate=rest.rate or 0.0,
        difference=gap.estimate or 0.0,
        low=gap.low or 0.0,
        high=gap.high or 0.0,
        excess=found.excess,
        p_value=found.p,
        adjusted_p=found.adjusted,
    )
