"""A second opinion on a ship, from cases that took no part in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from flywheel.learn.evidence import Arms, measure
from flywheel.learn.rulings import GateRules, Judgement, points
from flywheel.records.columns import ScoreTable
from flywheel.records.verdict import Evidence, Guardrail, Ruling
from flywheel.stats.shrinkage import GainPrior, shrink_gain

LEAST_GAIN = 0.02
"""Gain on the fresh cases, and gain to expect over all, below which a winner waits: many such are luck."""


def replicate(
    judgement: Judgement,
    fresh: ScoreTable,
    rules: GateRules,
    least_gain: float = LEAST_GAIN,
    prior: GainPrior | None = None,
    rails: Sequence[Guardrail] = (),
) -> Judgement:
    """Keep a ship only when fresh cases point the same way.

    Both sets of cases together give the gain to expect: the first estimate is
    too large because it was picked, the second corrects it.

    Args:
        judgement: what the gate said.
        fresh: scores of both arms on cases the gate did not use.
        rules: least number of cases.
        least_gain: mean difference on the fresh cases, and gain to expect over all, that are needed.
        prior: where true gains lie, learned from past experiments.
        rails: guardrails over all cases, in place of those of the same measures.

    Returns:
        The judgement with its shrunken gain from all cases; stage when the fresh cases do not
        confirm it, are too few, leave little gain to expect, or a guardrail unproven. What is
        not ship stays as it is.

    References:
        Efron (2011), JASA 106:1602-1614 (why the picked estimate is too large).
    """
    if judgement.ruling is not Ruling.SHIP:
        return judgement
    arms = Arms(judgement.evidence.control, judgement.candidate, judgement.evidence.source)
    measured = measure(fresh, arms, rules)
    seen = measured.evidence
    if seen.estimate is None or seen.pairs < rules.min_pairs:
        said = f"Not repeated: {seen.pairs} fresh cases, {rules.min_pairs} are needed; a person must decide."
        return replace(judgement, ruling=Ruling.STAGE, because=f"{judgement.because} {said}")
    if seen.estimate < least_gain or seen.estimate <= 0:
        said = (
            f"On {seen.pairs} fresh cases the gain was {points(seen.estimate)} points, "
            f"{points(least_gain)} are needed; a person must decide."
        )
        return replace(judgement, ruling=Ruling.STAGE, because=f"{judgement.because} {said}")
    gain = _pooled_gain(judgement, seen, prior)
    if gain is not None and gain < least_gain:
        said = (
            f"On {seen.pairs} fresh cases the gain was {points(seen.estimate)} points; over all cases "
            f"{points(gain)} can be expected, {points(least_gain)} are needed; a person must decide."
        )
        evidence = judgement.evidence.model_copy(update={"shrunken_gain": gain})
        return Judgement(
            judgement.candidate, Ruling.STAGE, f"{judgement.because} {said}", evidence, judgement.slices
        )
    measures = {rail.measure for rail in rails}
    others = (g for g in judgement.evidence.guardrails if g.measure not in measures)
    update = {"shrunken_gain": gain, "guardrails": (*rails, *others)}
    evidence = judgement.evidence.model_copy(update=update)
    said = f"Repeated on {seen.pairs} fresh cases: {points(seen.estimate)} points."
    broken = "; ".join(f"{g.measure}: {g.because}" for g in rails if g.passed is False)
    if broken:
        said = f"{said} A guardrail stops it ({broken}); a person must decide."
        return Judgement(
            judgement.candidate, Ruling.STAGE, f"{judgement.because} {said}", evidence, judgement.slices
        )
    return replace(judgement, because=f"{judgement.because} {said}", evidence=evidence)


def _pooled_gain(judgement: Judgement, fresh: Evidence, prior: GainPrior | None) -> float | None:
    """Shrunken gain over both sets of cases, with the spread seen on the fresh ones."""
    first = judgement.evidence
    if first.estimate is None or fresh.estimate is None or fresh.standard_error is None:
        return None
    total = first.pairs + fresh.pairs
    pooled = (first.estimate * first.pairs + fresh.estimate * fresh.pairs) / total
    return shrink_gain(pooled, fresh.standard_error * math.sqrt(fresh.pairs / total), prior)
