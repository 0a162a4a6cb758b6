"""Evidence that grows over cycles while a candidate waits."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np

from flywheel.learn.counting import count_of
from flywheel.learn.evidence import column
from flywheel.learn.rulings import GateRules, Judgement
from flywheel.records.columns import ScoreTable
from flywheel.records.verdict import Evidence, Ruling
from flywheel.stats.evalues import mixture_e_value


@dataclass(frozen=True, slots=True)
class Accumulated:
    """Evidence of several experiments on the same two versions, each on cases of its own.

    Attributes:
        e_value: product over the experiments; None when none has an e-value.
        pairs: different cases in all.
        counted: experiments that added cases.
        p_value: two-sided, corrected for all candidates ever held against the control; None without evidence.
        ready: whether the evidence suffices by itself, valid however often it was looked at.
        because: one sentence.
    """

    e_value: float | None
    pairs: int
    counted: int
    p_value: float | None
    ready: bool
    because: str


def fresh_evidence(evidence: Evidence, table: ScoreTable, candidate: str, seen: AbstractSet[str]) -> Evidence:
    """The evidence with what its new cases say by themselves.

    Args:
        evidence: of this experiment.
        table: its cases.
        candidate: the arm; the control is the evidence's.
        seen: cases of earlier experiments on the same two versions.

    Returns:
        The same evidence with fresh_pairs and fresh_e_value.
    """
    differences = column(table, candidate) - column(table, evidence.control)
    new = ~np.isnan(differences) & np.array([case not in seen for case in table.cases], dtype=bool)
    value = mixture_e_value(differences[new]) if new.any() else None
    return evidence.model_copy(update={"fresh_pairs": int(new.sum()), "fresh_e_value": value})


def accumulate(pieces: Sequence[Evidence], rules: GateRules, compared: int = 1) -> Accumulated:
    """Multiply the e-values of experiments on different cases.

    Args:
        pieces: evidence of one candidate against one control, oldest first.
        rules: the bar is two over the significance level, times the candidates compared.
        compared: different candidates ever held against the control.

    Returns:
        What the pieces say together; a case counts in the first experiment that had it.

    Raises:
        ValueError: the pieces are about different versions.

    References:
        Vovk, Wang (2021), Annals of Statistics 49:1736-1754 (products of sequential e-values).

    Examples:
        >>> first = Evidence(control="a", candidate="b", source="live", method="mcnemar_exact",
        ...     pairs=100, fresh_pairs=100, fresh_e_value=9.0)
        >>> later = first.model_copy(update={"fresh_e_value": 5.0})
        >>> accumulate([first, later], GateRules()).because
        'Over 2 experiments with 200 different cases the evidence is 45.0 to 1; 40 to 1 is enough.'
    """
    if len({(p.control, p.candidate) for p in pieces}) > 1:
        msg = "the pieces compare different versions; accumulate one pair of versions at a time"
        raise ValueError(msg)
    fresh = [p for p in pieces if p.fresh_e_value is not None and p.fresh_pairs]
    bar = 2.0 * max(1, compared) / rules.significance_level
    if not fresh:
        return Accumulated(None, 0, 0, None, ready=False, because="No experiment gave evidence.")
    product = 1.0
    for piece in fresh:
        product = min(product * (piece.fresh_e_value or 0.0), 1e300)
    pairs = sum(p.fresh_pairs for p in fresh)
    said = (
        f"Over {count_of(len(fresh), 'experiment')} with {count_of(pairs, 'different case')} the evidence is "
        f"{product:.1f} to 1; {bar:g} to 1 is enough."
    )
    p_value = 1.0 if product <= 0 else min(1.0, 2.0 * max(1, compared) / product)
    ready = product >= bar and pairs >= rules.min_pairs
    return Accumulated(product, pairs, len(fresh), p_value, ready, said)


def with_earlier(
    judgement: Judgement, earlier: Sequence[Evidence], rules: GateRules, compared: int
) -> Judgement:
    """A ruling that takes the experiments of earlier cycles into account.

    Only a candidate that waited, that is better in this experiment too, and
    that breaks no guardrail, can ship by evidence gathered over cycles.

    Args:
        judgement: of this cycle; its evidence has the fresh part.
        earlier: evidence of the same two versions from earlier cycles, oldest first.
        rules: how sure to be.
        compared: different candidates ever held against the control.

    Returns:
        The judgement, with the sum of the evidence in its because when there is more than one experiment.
    """
    found = judgement.evidence
    total = accumulate((*earlier, found), rules, compared)
    if total.counted < 2:
        return judgement
    because = f"{judgement.because} {total.because}"
    waits = judgement.ruling in (Ruling.STAGE, Ruling.HOLD)
    stopped = any(g.passed is False for g in found.guardrails)
    if not (total.ready and waits and (found.estimate or 0.0) > 0) or stopped:
        return replace(judgement, because=because)
    evidence = found.model_copy(update={"adjusted_p": total.p_value})
    return replace(judgement, ruling=Ruling.SHIP, because=f"{because} It is better.", evidence=evidence)
