"""One candidate against the control, slice by slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.counting import count_of
from flywheel.learn.evidence import Arms, Measured, column, measure
from flywheel.learn.rulings import GateRules, Judgement, decide, points
from flywheel.records.columns import ScoreTable
from flywheel.records.verdict import Evidence, Guardrail
from flywheel.stats.multiplicity import optional_holm

UNNAMED = "(no slice)"
"""Name of the cases that carry no slice, where others do."""


def compare_slices(
    table: ScoreTable, control: str, candidate: str, rules: GateRules, source: str
) -> tuple[Judgement, ...]:
    """A judgement for each slice, corrected over all slices that could be tested.

    Args:
        table: n cases with their slices.
        control: arm that is live.
        candidate: arm that would replace it.
        rules: how sure to be.
        source: recorded or live.

    Returns:
        One judgement per slice, by name; `evidence.slice` says which. Empty
        when no case has a slice.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    measured = _per_slice(table, control, candidate, rules, source)
    adjusted = optional_holm([_testable(m, rules) for m in measured])
    compared = sum(p is not None for p in adjusted)
    judged = []
    for one, p in zip(measured, adjusted, strict=True):
        evidence = one.evidence.model_copy(update={"adjusted_p": p})
        ruling, because = decide(evidence, rules, compared, one.missing)
        judged.append(Judgement(candidate, ruling, because, evidence))
    return tuple(judged)


def overall(table: ScoreTable, control: str, candidate: str, rules: GateRules, source: str) -> Judgement:
    """One judgement over all cases, with the slices beside it.

    Args:
        table: n cases.
        control: arm that is live.
        candidate: arm that would replace it.
        rules: how sure to be.
        source: recorded or live.

    Returns:
        The judgement; a slice that is shown to be worse keeps it from
        shipping, and slices that point the other way than the total are named.
    """
    one = measure(table, Arms(control, candidate, source), rules)
    slices = slice_evidence(table, control, candidate, rules, source)
    evidence = one.evidence.model_copy(
        update={
            "adjusted_p": one.evidence.p_value,
            "guardrails": (*one.evidence.guardrails, *slice_guardrail(slices, rules)),
        }
    )
    ruling, because = decide(evidence, rules, 1, one.missing)
    paradox = simpson(table, control, candidate)
    return Judgement(candidate, ruling, f"{because} {paradox}".strip(), evidence, slices)


def slice_evidence(
    table: ScoreTable, control: str, candidate: str, rules: GateRules, source: str
) -> tuple[Evidence, ...]:
    """Evidence of each slice, Holm-corrected; empty when no case has a slice."""
    return tuple(j.evidence for j in compare_slices(table, control, candidate, rules, source))


def slice_guardrail(slices: tuple[Evidence, ...], rules: GateRules) -> tuple[Guardrail, ...]:
    """No slice may be shown to be worse; not shown is enough, since proof would need thousands of cases.

    Args:
        slices: corrected evidence per slice.
        rules: error rate.

    Returns:
        One guardrail, or none when there are no slices.
    """
    if not slices:
        return ()
    tested = [s for s in slices if s.adjusted_p is not None and s.estimate is not None]
    if not tested:
        return (Guardrail(measure="slices", passed=None, because="no slice has enough cases"),)
    worse = [
        f"{s.slice} {points(s.estimate or 0.0)} points"
        for s in tested
        if (s.estimate or 0.0) < 0 and (s.adjusted_p or 0.0) <= rules.significance_level
    ]
    lowest = min(s.estimate for s in tested if s.estimate is not None)
    if worse:
        return (
            Guardrail(
                measure="slices", passed=False, estimate=lowest, because="worse on " + ", ".join(worse)
            ),
        )
    said = f"none of {count_of(len(tested), 'slice')} is shown to be worse"
    return (Guardrail(measure="slices", passed=True, estimate=lowest, because=said),)


def simpson(table: ScoreTable, control: str, candidate: str) -> str:
    """A sentence when raw totals point the other way than every slice of the common cases, else empty.

    On common cases totals and slices cannot disagree that way. They do where
    totals are taken over all executions, as dashboards do, when the arms ran
    different mixes of slices.

    Args:
        table: n cases with slices and numbers of runs.
        control: arm that is live.
        candidate: arm that would replace it.

    Returns:
        The warning, or an empty text.

    References:
        Simpson (1951), JRSS B 13:238-241.
    """
    names = _names(table)
    if names is None or not {control, candidate} <= set(table.arms):
        return ""
    total = _raw_difference(table, control, candidate)
    differences = column(table, candidate) - column(table, control)
    common = ~np.isnan(differences)
    chosen = np.array(names)
    basis, known = (
        "on the common cases ",
        [
            float(differences[rows].mean())
            for name in sorted(set(names))
            if (rows := common & (chosen == name)).any()
        ],
    )
    if not common.any():
        parts = (_raw_difference(table, control, candidate, chosen == name) for name in sorted(set(names)))
        basis, known = "", [part for part in parts if part is not None]
    if total is None or total == 0 or len(known) < 2:
        return ""
    against = [part for part in known if part * total < 0]
    if not against or any(part * total > 0 for part in known):
        return ""
    direction, opposite = ("better", "worse") if total > 0 else ("worse", "better")
    return (
        f"Simpson's paradox: over all executions the candidate looks {direction} ({points(total)} points), "
        f"but {basis}it is {opposite} on {len(against)} of {len(known)} slices and {direction} "
        "on none, because the two versions ran different mixes of slices. Trust the slices."
    )


def _per_slice(
    table: ScoreTable, control: str, candidate: str, rules: GateRules, source: str
) -> list[Measured]:
    names = _names(table)
    if names is None:
        return []
    return [
        measure(
            table,
            Arms(control, candidate, source, slice=name),
            rules,
            rows=np.array([n == name for n in names], dtype=bool),
        )
        for name in sorted(set(names))
    ]


def _names(table: ScoreTable) -> list[str] | None:
    if not any(table.slices):
        return None
    return [name or UNNAMED for name in table.slices]


def _testable(one: Measured, rules: GateRules) -> float | None:
    return one.evidence.p_value if one.evidence.pairs >= rules.min_pairs else None


def _raw_difference(
    table: ScoreTable, control: str, candidate: str, rows: NDArray[np.bool_] | None = None
) -> float | None:
    """Difference of the means over all executions of either arm, common cases or not."""
    means = []
    for arm in (candidate, control):
        scores = column(table, arm)
        runs = table.runs[:, table.arms.index(arm)]
        known = ~np.isnan(scores) & (runs > 0)
        if rows is not None:
            known &= rows
        if not known.any():
            return None
        means.append(float(np.average(scores[known], weights=runs[known])))
    return means[0] - means[1]
