"""Verdicts on candidates that ran on the same cases as the control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flywheel.learn.comparison import compare_slices, overall, simpson, slice_evidence, slice_guardrail
from flywheel.learn.evidence import Arms, Measured, measure
from flywheel.learn.ranking import RankRow, rank
from flywheel.learn.rulings import GateRules, Judgement, decide
from flywheel.records.columns import ScoreTable
from flywheel.stats.gate import max_t_gate
from flywheel.stats.shrinkage import GainPrior

__all__ = [
    "GateRules",
    "Judgement",
    "RankRow",
    "compare_slices",
    "judge",
    "overall",
    "rank",
]


def judge(
    table: ScoreTable,
    control: str,
    candidates: Sequence[str],
    rules: GateRules,
    source: str,
    prior: GainPrior | None = None,
) -> tuple[Judgement, ...]:
    """One ruling for each candidate, decided together.

    A candidate ships when its p, corrected over all candidates, is at most the
    significance level, its gain is positive, the second lock is open (its bar
    grows with the number of candidates) and no guardrail is broken. It is
    rejected when it is shown to be worse. It is staged when it is promising,
    or better but stopped by a guardrail. All else is hold.

    Args:
        table: n cases; arms hold the control with all candidates.
        control: arm that is live.
        candidates: arms that would replace it.
        rules: how sure to be.
        source: recorded or live.
        prior: where true gains lie, learned from past experiments.

    Returns:
        One judgement per candidate, in their order.

    Examples:
        >>> scores = np.array([[0.0, 1.0, 0.0]] * 20 + [[1.0, 1.0, 1.0]] * 20)
        >>> blank = np.full_like(scores, np.nan)
        >>> table = ScoreTable(tuple(f"c{i:02}" for i in range(40)), (None,) * 40, ("old", "new", "same"),
        ...     scores, np.ones(scores.shape, dtype=np.int32), blank, blank)
        >>> for one in judge(table, "old", ["new", "same"], GateRules(), "recorded"):
        ...     print(one.candidate, one.ruling.value)
        new ship
        same hold
    """
    measured = [measure(table, Arms(control, name, source), rules, prior=prior) for name in candidates]
    adjusted = _adjusted(measured, rules)
    compared = sum(p is not None for p in adjusted)
    shared = replace(rules, e_min=rules.e_min * max(1, compared))
    judged = []
    for name, one, p in zip(candidates, measured, adjusted, strict=True):
        slices = slice_evidence(table, control, name, rules, source) if one.evidence.pairs else ()
        guardrails = (*one.evidence.guardrails, *slice_guardrail(slices, rules))
        evidence = one.evidence.model_copy(update={"adjusted_p": p, "guardrails": guardrails})
        ruling, because = decide(evidence, shared, compared, one.missing)
        paradox = simpson(table, control, name)
        judged.append(Judgement(name, ruling, f"{because} {paradox}".strip(), evidence, slices))
    return tuple(judged)


def _adjusted(measured: list[Measured], rules: GateRules) -> list[float | None]:
    """Adjusted p per candidate; one candidate alone keeps its own p."""
    tested = [
        i
        for i, one in enumerate(measured)
        if one.evidence.p_value is not None and one.evidence.pairs >= rules.min_pairs
    ]
    adjusted: list[float | None] = [None] * len(measured)
    if len(tested) == 1:
        adjusted[tested[0]] = measured[tested[0]].evidence.p_value
    elif tested:
        differences = np.column_stack([measured[i].differences for i in tested])
        gate = max_t_gate(differences, rules.flips, rules.seed)
        for i, p in zip(tested, gate.adjusted_p, strict=True):
            alone = measured[i].evidence.p_value
            # The exact p of a candidate alone is a floor the simulated one must not undercut.
            adjusted[i] = None if p is None or alone is None else max(p, alone)
    return adjusted
