"""Patterns of recommendations that succeed, tested, then held against later ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, hypergeom

from flywheel.learn.attributes import AttributeTable
from flywheel.learn.judged import STATED, Prepared
from flywheel.learn.slices import SearchLimits, search_slices
from flywheel.records.columns import Coded
from flywheel.records.findings import Condition, SliceFinding
from flywheel.records.learned import LearnedPattern, PatternKind, PatternStrength, PatternTier
from flywheel.stats.multiplicity import benjamini_hochberg
from flywheel.stats.pooling import CONCENTRATION, CellCounts, chance_above, credible_range, fit_concentration

_STRENGTHS = (
    (0.99, PatternStrength.VERY_STRONG),
    (0.95, PatternStrength.STRONG),
    (0.8, PatternStrength.MODERATE),
)


@dataclass(frozen=True, slots=True)
class MiningRules:
    """What counts as a pattern.

    Attributes:
        bar: success rate of a high-confidence or consensus pattern.
        expert_bar: approval above which an agent's opinion is that of an expert.
        trusted_above: rate the agent must exceed with a chance of `supported` to be trusted.
        least: recommendations a pattern is seen on; `least_searched` those of an indicator.
        supported: chance of reaching the bar from which a pattern is believed.
        level: expected share of false findings among those that are proven.
        least_held_out: later recommendations that can confirm.
    """

    bar: float = 0.8
    expert_bar: float = 0.75
    trusted_above: float = 0.7
    least: int = 5
    least_searched: int = 20
    least_trusted: int = 10
    supported: float = 0.9
    level: float = 0.10
    least_held_out: int = 5


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells of one kind, m of them, counted on the earlier and the later part.

    Attributes:
        where: conditions of each.
        n, k: earlier recommendations with their successes, shape (m,).
        later_n, later_k: the same of the later ones.
        passed, failed: pseudo-counts of the belief in each, shape (m,).
    """

    where: tuple[tuple[Condition, ...], ...]
    n: NDArray[np.int64]
    k: NDArray[np.int64]
    later_n: NDArray[np.int64]
    later_k: NDArray[np.int64]
    passed: NDArray[np.float64]
    failed: NDArray[np.float64]


def mine(
    rows: Prepared, workspace: str = "default", rules: MiningRules | None = None
) -> tuple[LearnedPattern, ...]:
    """Every pattern of the earlier recommendations, with what the later ones say of it.

    A pattern is observed when its success rate reaches the bar on at least five
    recommendations. It is supported when the rate reaches the bar with a chance
    of 90 %, drawn towards cells of its sort. It is proven when its p-value,
    corrected over all that was looked at, stays below the level, and the later
    recommendations reach the bar too. Indicators are tested against the rest.

    Args:
        rows: judged recommendations.
        workspace: named in the patterns.
        rules: what counts as a pattern.

    Returns:
        The proven first, then by the chance that they hold.

    References:
        Benjamini, Hochberg (1995), JRSS B 57:289-300; empirical Bayes as in
        Gelman et al. (2013), Bayesian Data Analysis, section 5.3.
    """
    how = rules or MiningRules()
    found = [
        *_reaching(rows, PatternKind.HIGH_CONFIDENCE, how.bar, how, workspace),
        *_reaching(rows, PatternKind.CONSENSUS, how.bar, how, workspace),
        *_reaching(rows, PatternKind.EXPERT_OPINION, how.expert_bar, how, workspace),
        *_indicators(rows, PatternKind.SUCCESS_INDICATOR, how, workspace),
        *_indicators(rows, PatternKind.FAILURE_AVOIDANCE, how, workspace),
    ]
    tiers = list(PatternTier)
    found = [one for one in found if not _said_shorter(one, found)]
    return tuple(sorted(found, key=lambda p: (-tiers.index(p.tier), -p.confidence, -p.judged, p.pattern_key)))


def _said_shorter(pattern: LearnedPattern, found: Sequence[LearnedPattern]) -> bool:
    """Whether fewer conditions of the same kind say the same of the same recommendations."""
    where = set(pattern.where)
    return any(
        other.kind is pattern.kind
        and set(other.where) < where
        and (other.judged, other.succeeded, other.later) == (pattern.judged, pattern.succeeded, pattern.later)
        for other in found
    )


def _population(
    rows: Prepared, kind: PatternKind, rules: MiningRules
) -> tuple[tuple[Condition, ...], NDArray[np.bool_], tuple[tuple[str, ...], ...]]:
    """What a kind is about: its own conditions, its rows, the attributes its cells are made of."""
    if kind is PatternKind.HIGH_CONFIDENCE:
        base = (Condition(attribute="confidence", value=STATED[-1]),)
        return base, rows.holds(base), (("agent", "type"), ("agent",), ("type",), ())
    if kind is PatternKind.CONSENSUS:
        several = rows.first & (rows.attributes["agreeing"].codes >= 1)
        return (), several, (("type", "agreeing"), ("agreeing",), ("type",))
    return (), _of_experts(rows, rules), (("agent", "type"), ("agent",))


def _of_experts(rows: Prepared, rules: MiningRules) -> NDArray[np.bool_]:
    """Rows of agents whose earlier recommendations were approved often, surely enough to trust them."""
    agent = rows.attributes["agent"]
    here = rows.earlier & (agent.codes >= 0)
    n = np.bincount(agent.codes[here], minlength=len(agent.names))
    k = np.bincount(agent.codes[here & rows.success], minlength=len(agent.names))
    sure = chance_above(1.0 + k, 1.0 + n - k, rules.trusted_above) >= rules.supported
    expert = (n >= rules.least_trusted) & (k > rules.expert_bar * n) & sure
    return np.asarray((agent.codes >= 0) & np.append(expert, False)[agent.codes], dtype=np.bool_)


def _reaching(
    rows: Prepared, kind: PatternKind, bar: float, rules: MiningRules, workspace: str
) -> Iterator[LearnedPattern]:
    """Cells whose success rate reaches a bar."""
    base, inside, sets = _population(rows, kind, rules)
    parts = [_cells(rows, inside, base, names) for names in sets]
    where = tuple(one for part in parts for one in part.where)
    if not where:
        return
    n, k, later_n, later_k, passed, failed = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("n", "k", "later_n", "later_k", "passed", "failed")
    )
    looked_at = n >= rules.least
    p = np.where(looked_at, binom.sf(k - 1, n, bar), np.nan)
    q = benjamini_hochberg(p)
    confidence = chance_above(passed, failed, bar)
    held = (later_n >= rules.least_held_out) & (later_k >= bar * later_n)
    gone = (later_n >= rules.least_trusted) & (
        chance_above(1.0 + later_k, 1.0 + later_n - later_k, bar) <= 0.1
    )
    total, wins = int(rows.earlier.sum()), int((rows.earlier & rows.success).sum())
    for i in np.flatnonzero(looked_at & (k >= bar * n)):
        tier = PatternTier.OBSERVED
        if confidence[i] >= rules.supported and not gone[i]:
            tier = PatternTier.PROVEN if q[i] <= rules.level and held[i] else PatternTier.SUPPORTED
        yield _pattern(
            (workspace, kind, where[i], tier),
            (int(n[i]), int(k[i]), int(later_n[i]), int(later_k[i])),
            (float(passed[i]), float(failed[i])),
            (total - int(n[i]), wins - int(k[i]), total),
            (float(p[i]), float(q[i]), float(confidence[i])),
        )


def _cells(
    rows: Prepared, inside: NDArray[np.bool_], base: tuple[Condition, ...], names: tuple[str, ...]
) -> _Cells:
    columns = [rows.attributes[name] for name in names]
    code = np.zeros(len(rows), dtype=np.int64)
    usable = inside.copy()
    for column in columns:
        code = code * max(1, len(column.names)) + column.codes
        usable &= column.codes >= 0
    present, cell = np.unique(code[usable], return_inverse=True)
    early, good = rows.earlier[usable], rows.success[usable]
    n, k, later_n, later_k = (
        np.bincount(cell[part], minlength=present.size).astype(np.int64)
        for part in (early, early & good, ~early, ~early & good)
    )
    where = tuple((*base, *_named(int(one), names, columns)) for one in present)
    mean, strength = _prior(n, k)
    passed = np.asarray(strength * mean + k, dtype=np.float64)
    failed = np.asarray(strength * (1 - mean) + n - k, dtype=np.float64)
    return _Cells(where, n, k, later_n, later_k, passed, failed)


def _prior(n: NDArray[np.int64], k: NDArray[np.int64]) -> tuple[float, float]:
    """Expected rate of a cell with the outcomes this counts for; nothing is expected of a cell alone."""
    if n.size < 2:
        return 0.5, 2.0
    counts = CellCounts(k[None].astype(float), (n - k)[None].astype(float), n[None])
    return float((k.sum() + 1.0) / (n.sum() + 2.0)), fit_concentration(counts)


def _named(code: int, names: Sequence[str], columns: Sequence[Coded]) -> tuple[Condition, ...]:
    where = []
    for name, column in zip(reversed(names), reversed(columns), strict=True):
        code, value = divmod(code, max(1, len(column.names)))
        where.append(Condition(attribute=name, value=column.names[value]))
    return tuple(reversed(where))


def _indicators(
    rows: Prepared, kind: PatternKind, rules: MiningRules, workspace: str
) -> Iterator[LearnedPattern]:
    """Conditions under which success, or failure, is more frequent than in the rest."""
    wins = kind is PatternKind.SUCCESS_INDICATOR
    early = rows.earlier
    columns = {name: Coded(one.codes[early], one.names) for name, one in rows.attributes.items()}
    wanted = rows.success[early] if wins else ~rows.success[early]
    limits = SearchLimits(min_executions=rules.least_searched, level=rules.level)
    for found in search_slices(AttributeTable(columns, wanted), limits):
        yield _indicator(rows, kind, found, rules, workspace)


def _indicator(
    rows: Prepared, kind: PatternKind, found: SliceFinding, rules: MiningRules, workspace: str
) -> LearnedPattern:
    wins = kind is PatternKind.SUCCESS_INDICATOR
    here = rows.holds(found.where)
    n, k = found.executions, found.failures if wins else found.executions - found.failures
    later = ~rows.earlier
    later_n, later_k = int((here & later).sum()), int((here & later & rows.success).sum())
    total, all_wins = int(rows.earlier.sum()), int((rows.earlier & rows.success).sum())
    rest = found.rest_rate if wins else 1.0 - found.rest_rate
    mean = (all_wins + 1.0) / (total + 2.0)
    passed, failed = CONCENTRATION * mean + k, CONCENTRATION * (1 - mean) + n - k
    above = float(chance_above(passed, failed, rest))
    again = _confirmed(rows, here & later, later & ~here, wins=wins)
    confirmed = later_n >= rules.least_held_out and again <= 1.0 - rules.supported
    return _pattern(
        (workspace, kind, found.where, PatternTier.PROVEN if confirmed else PatternTier.SUPPORTED),
        (n, k, later_n, later_k),
        (passed, failed),
        (total - n, all_wins - k, total),
        (found.p_value, found.adjusted_p, above if wins else 1.0 - above),
    )


def _confirmed(rows: Prepared, here: NDArray[np.bool_], rest: NDArray[np.bool_], *, wins: bool) -> float:
    """One-sided exact p of no difference between the later recommendations and the rest of them."""
    good = rows.success if wins else ~rows.success
    n, k = int(here.sum()), int((here & good).sum())
    total, all_good = n + int(rest.sum()), k + int((rest & good).sum())
    return float(hypergeom.sf(k - 1, total, all_good, n))


def _pattern(
    about: tuple[str, PatternKind, tuple[Condition, ...], PatternTier],
    counts: tuple[int, int, int, int],
    belief: tuple[float, float],
    rest: tuple[int, int, int],
    chances: tuple[float, float, float],
) -> LearnedPattern:
    workspace, kind, where, tier = about
    n, k, later_n, later_k = counts
    rest_n, rest_k, total = rest
    low, high = credible_range(*belief)
    shrunk = belief[0] / (belief[0] + belief[1])
    base = rest_k / rest_n if rest_n else None
    return LearnedPattern(
        pattern_key=key_of(kind, where),
        workspace=workspace,
        kind=kind,
        where=where,
        judged=n,
        succeeded=k,
        success_rate=k / n,
        shrunk_rate=shrunk,
        low=float(low),
        high=float(high),
        frequency=n / total,
        base_rate=base,
        lift=shrunk / base if base else None,
        p_value=min(1.0, chances[0]),
        q_value=chances[1],
        confidence=chances[2],
        strength=strength_of(chances[2]),
        tier=tier,
        later=later_n,
        later_rate=later_k / later_n if later_n else None,
    )


def strength_of(confidence: float) -> PatternStrength:
    """A confidence in a word.

    Examples:
        >>> strength_of(0.97).value, strength_of(0.5).value
        ('strong', 'weak')
    """
    return next((word for least, word in _STRENGTHS if confidence >= least), PatternStrength.WEAK)


def key_of(kind: PatternKind, where: Sequence[Condition]) -> str:
    """The same for the same kind with the same conditions, in whatever order.

    Examples:
        >>> key_of(PatternKind.CONSENSUS, ()) == key_of(PatternKind.CONSENSUS, ())
        True
    """
    parts = sorted((one.attribute, one.value) for one in where)
    return hashlib.blake2b(json.dumps([kind.value, parts]).encode(), digest_size=8).hexdigest()
