"""Many arms in order, ties named as ties."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.counting import count_of, were
from flywheel.learn.rulings import GateRules
from flywheel.records.columns import ScoreTable
from flywheel.stats.gate import max_t_gate
from flywheel.stats.multiplicity import optional_holm
from flywheel.stats.paired import TIE, is_binary, mcnemar_exact, paired_t_test
from flywheel.stats.proportions import Counts, Interval, wilson


@dataclass(frozen=True, slots=True)
class RankRow:
    """Place of one arm among all, on the cases every ranked arm was scored on.

    Attributes:
        rank: 1 + arms shown to be better; None when nothing can be said.
        mean, low, high: of the arm's scores on the common cases, in [0, 1].
        pairs: common cases.
        tied_with: arms from which no difference is shown.
        because: one sentence.
    """

    arm: str
    rank: int | None
    mean: float | None
    low: float | None
    high: float | None
    pairs: int
    tied_with: tuple[str, ...]
    because: str


def rank(table: ScoreTable, rules: GateRules) -> tuple[RankRow, ...]:
    """Order the arms of a table by mean score, with every pair of arms tested.

    Args:
        table: n cases, k arms.
        rules: error rate over all pairs of arms, least number of cases, coverage.

    Returns:
        One row per arm, best mean first; arms that cannot be ranked last.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6:65-70, over all pairs of arms.
    """
    usable, excluded = _usable(table)
    names = [table.arms[i] for i in usable]
    scores = np.asarray(table.scores, dtype=np.float64)[:, usable]
    common = ~np.isnan(scores).any(axis=1) if usable else np.zeros(len(table.cases), dtype=bool)
    scores = scores[common]
    means = [_mean(scores[:, i], rules.coverage) for i in range(len(names))]
    because = _too_little(len(names), int(common.sum()), rules)
    if because:
        rows = [
            RankRow(name, None, m.estimate, m.low, m.high, int(common.sum()), (), because)
            for name, m in zip(names, means, strict=True)
        ]
    else:
        rows = _ranked(names, scores, means, rules)
    rows.sort(key=lambda r: (r.rank is None, -(r.mean if r.mean is not None else -1.0), r.arm))
    return (*rows, *excluded)


def _ranked(
    names: list[str], scores: NDArray[np.float64], means: list[Interval], rules: GateRules
) -> list[RankRow]:
    beats = _beats(scores, rules)
    rows = []
    for i, (name, mean) in enumerate(zip(names, means, strict=True)):
        better = [names[j] for j in range(len(names)) if beats[j, i]]
        tied = tuple(names[j] for j in range(len(names)) if j != i and not beats[i, j] and not beats[j, i])
        rows.append(
            RankRow(
                arm=name,
                rank=1 + len(better),
                mean=mean.estimate,
                low=mean.low,
                high=mean.high,
                pairs=len(scores),
                tied_with=tied,
                because=_told(len(better), int(beats[i].sum()), tied, len(scores)),
            )
        )
    return rows


def _beats(scores: NDArray[np.float64], rules: GateRules) -> NDArray[np.bool_]:
    """beats[i, j]: arm i is shown to be better than arm j."""
    k = scores.shape[1]
    pairs = list(combinations(range(k), 2))
    differences = np.column_stack([scores[:, i] - scores[:, j] for i, j in pairs])
    adjusted = optional_holm(_p_values(differences, rules, binary=is_binary(scores)))
    beats = np.zeros((k, k), dtype=bool)
    for (i, j), d, p in zip(pairs, differences.T, adjusted, strict=True):
        if p is not None and p <= rules.significance_level:
            winner, loser = (i, j) if d.sum() > 0 else (j, i)
            beats[winner, loser] = True
    return beats


def _p_values(differences: NDArray[np.float64], rules: GateRules, *, binary: bool) -> list[float | None]:
    """One p-value per pair of arms; None for ties alone, or where scores differ by a constant."""
    if binary:
        wins, losses = (differences > 0).sum(axis=0), (differences < 0).sum(axis=0)
        return [mcnemar_exact(int(w), int(x)) for w, x in zip(wins, losses, strict=True)]
    gate = max_t_gate(differences, rules.flips, rules.seed)
    varies = np.ptp(differences, axis=0) > TIE
    return [p if v else None for p, v in zip(gate.p_value, varies, strict=True)]


def _usable(table: ScoreTable) -> tuple[list[int], list[RankRow]]:
    usable, excluded = [], []
    for i, arm in enumerate(table.arms):
        scores = table.scores[:, i]
        known = scores[~np.isnan(scores)]
        if known.size and not bool(((known < 0) | (known > 1)).any()):
            usable.append(i)
            continue
        said = "has scores outside [0, 1]" if known.size else "has no scored executions"
        excluded.append(RankRow(arm, None, None, None, None, 0, (), f"Not ranked: {said}."))
    return usable, excluded


def _mean(scores: NDArray[np.float64], coverage: float) -> Interval:
    if not scores.size:
        return Interval(None, None, None, coverage, "no common cases")
    if is_binary(scores):
        return wilson(Counts(int(scores.sum()), scores.size), coverage)
    interval, _ = paired_t_test(scores, coverage)
    if interval.low is None or interval.high is None:
        return interval
    return Interval(interval.estimate, max(0.0, interval.low), min(1.0, interval.high), coverage)


def _too_little(arms: int, common: int, rules: GateRules) -> str:
    if arms < 2:
        return "Not ranked: there is nothing to compare with."
    if common < rules.min_pairs:
        scored = f"{count_of(common, 'case')} {were(common)} scored under all {arms}"
        return f"Not ranked: only {scored}; {rules.min_pairs} are needed."
    return ""


def _told(better: int, worse: int, tied: tuple[str, ...], common: int) -> str:
    said = f"Better than {worse} and worse than {better} others on {count_of(common, 'common case')}"
    return f"{said}; tied with {', '.join(tied)}." if tied else f"{said}."
