"""Verdicts on the models beside the one that decides: not worse, worse, or not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.counting import count_of, were
from flywheel.learn.evidence import Arms, column, guardrails
from flywheel.learn.rulings import GateRules, Judgement, points
from flywheel.records.columns import ScoreTable
from flywheel.records.model_gain import AcrossModels, ModelGain, ModelStanding
from flywheel.records.verdict import Evidence, Ruling
from flywheel.stats.confidence_sequence import predictive_probability
from flywheel.stats.evalues import mixture_e_value
from flywheel.stats.heterogeneity import heterogeneity
from flywheel.stats.paired import PairedComparison, compare_paired

BET_ALONE = 2.0
"""Where no interval exists, a bet of two over the significance level decides (Ville's inequality)."""


@dataclass(frozen=True, slots=True)
class OnModels:
    """What a candidate gains on every model asked, the deciding one first.

    Attributes:
        gains: one per model.
        across: their mean with how much they differ.
    """

    gains: tuple[ModelGain, ...]
    across: AcrossModels | None = None


def decided_gain(model: str, evidence: Evidence) -> ModelGain:
    """The gain on the model of the race, as the gate measured it.

    Args:
        model: its name.
        evidence: that carries the ruling.

    Examples:
        >>> found = Evidence(control="a", candidate="b", source="live", method="none", pairs=0)
        >>> decided_gain("m", found).standing.value
        'decided'
    """
    return ModelGain(
        model=model,
        standing=ModelStanding.DECIDED,
        because="The gate decided on this model.",
        pairs=evidence.pairs,
        wins=evidence.wins,
        losses=evidence.losses,
        ties=evidence.ties,
        before=evidence.control_mean,
        after=evidence.candidate_mean,
        estimate=evidence.estimate,
        low=evidence.low,
        high=evidence.high,
        coverage=evidence.coverage,
    )


def gain_on_model(table: ScoreTable, arms: Arms, model: str, rules: GateRules, winners: int = 1) -> ModelGain:
    """Whether a winner loses less than the margin on another model.

    Not worse is shown where the whole interval lies above minus the margin and
    a bet against such a loss has won. All models must pass, so no level is
    divided among them; it is divided among the winners, because the best of
    those that pass is released.

    Args:
        table: cases of this model alone, both arms.
        arms: control with candidate.
        model: its name.
        rules: level, margin, second lock, least number of cases, guardrails.
        winners: candidates put to the same models together.

    Returns:
        The gain with its standing; too few cases are `not_shown`, none `not_run`.

    Examples:
        >>> scores = np.array([[1.0, 1.0]] * 150 + [[0.0, 1.0]] * 20)
        >>> blank = np.full_like(scores, np.nan)
        >>> table = ScoreTable(tuple(f"c{i:03}" for i in range(170)), (None,) * 170, ("old", "new"),
        ...     scores, np.ones(scores.shape, dtype=np.int32), blank, blank)
        >>> gain_on_model(table, Arms("old", "new", "live"), "m", GateRules()).standing.value
        'not_worse'
    """
    control, candidate = column(table, arms.control), column(table, arms.candidate)
    if bool((np.abs(np.concatenate([control, candidate]) - 0.5) > 0.5).any()):
        return not_run(model, "scores outside [0, 1] cannot be compared")
    level = rules.significance_level / max(1, winners)
    found = compare_paired(control, candidate, 1.0 - level, rules.flips, rules.seed)
    e_value = mixture_e_value(candidate - control, rules.model_margin)
    standing, because = _standing(found, e_value, rules, winners)
    rows = ~np.isnan(candidate - control)
    broken = [g for g in guardrails(table, arms, rules, rows) if g.passed is False] if rows.any() else []
    if broken and standing is ModelStanding.NOT_WORSE:
        standing = ModelStanding.GUARDRAIL
        because += " A guardrail stops it: " + "; ".join(f"{g.measure}: {g.because}" for g in broken) + "."
    return ModelGain(
        model=model,
        standing=standing,
        because=because,
        pairs=found.pairs,
        wins=found.wins,
        losses=found.losses,
        ties=found.ties,
        before=found.control_mean,
        after=found.candidate_mean,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        coverage=found.coverage,
        e_value=e_value,
    )


def not_run(model: str, reason: str) -> ModelGain:
    """A model on which nothing could be compared: unknown, which is never taken for fine.

    Examples:
        >>> not_run("m", "the budget is used up").because
        'Not run on m: the budget is used up.'
    """
    return ModelGain(model=model, standing=ModelStanding.NOT_RUN, because=f"Not run on {model}: {reason}.")


def futile(differences: NDArray[np.float64], planned: int, rules: GateRules, winners: int = 1) -> bool:
    """Whether it has become unlikely that not worse can still be shown on a model.

    Stopping for this reason cannot raise the share of wrong ships.

    Args:
        differences: candidate minus control so far, shape (n,).
        planned: cases at the planned end.
        rules: level, margin, least number of cases.
        winners: candidates put to the same models together.
    """
    known = differences[~np.isnan(differences)]
    if known.size < max(rules.min_pairs, planned / 10) or known.size >= planned:
        return False
    level = rules.significance_level / (2 * max(1, winners))
    chance = predictive_probability(known + rules.model_margin, planned, level)
    return chance is not None and chance < UNLIKELY


UNLIKELY = 0.05
"""Chance of still showing not worse below which a candidate stops on a model."""


def with_other_models(judgement: Judgement, found: OnModels) -> Judgement:
    """The ruling after the other models: a ship stays one only where every model is shown not to be worse.

    Nothing but a ship is changed, and to nothing but stage, so another model
    never turns a verdict into a ship.

    Args:
        judgement: on the model that decides.
        found: gains on all models.

    Returns:
        The judgement, its because naming the models that stopped it.
    """
    others = [g for g in found.gains if g.standing is not ModelStanding.DECIDED]
    if not others:
        return judgement
    stopped = [g for g in others if g.standing is not ModelStanding.NOT_WORSE]
    told = " ".join(part for part in (_told(stopped, others), _mean(found.across)) if part)
    because = f"{judgement.because} {told}"
    if judgement.ruling is not Ruling.SHIP or not stopped:
        return replace(judgement, because=because)
    return replace(judgement, ruling=Ruling.STAGE, because=f"{because} {_advice(stopped)}")


def across_models(differences: NDArray[np.float64], coverage: float) -> AcrossModels:
    """Mean gain over models with its interval, and whether the models differ.

    Args:
        differences: candidate minus control, shape (cases, models); NaN where a case was not scored.
        coverage: of the interval.

    Examples:
        >>> across_models(np.zeros((2, 1)), 0.95).because
        '1 model on 2 common cases; Q needs two models and more cases than models'
    """
    found = heterogeneity(differences, coverage)
    return AcrossModels(
        models=differences.shape[1],
        cases=found.cases,
        estimate=found.mean.estimate,
        low=found.mean.low,
        high=found.mean.high,
        coverage=coverage,
        q=found.q,
        df=found.df if found.q is not None else None,
        p_value=found.p_value,
        i_squared=found.i_squared,
        spread=found.spread,
        because=found.because or found.mean.because,
    )


def worth_other_models(judgements: Sequence[Judgement]) -> tuple[str, ...]:
    """Candidates to put to the other models: the best two that ship, else the best one that waits.

    One is released, so the second is there for the case that the first harms a
    model; more would cost calls, and power. A person decides on what waits,
    and sees then what it does elsewhere.

    Args:
        judgements: of the model that decides.

    Returns:
        Their names, largest gain first.
    """

    def gain(one: Judgement) -> float:
        return one.evidence.estimate or 0.0

    shipping = sorted((j for j in judgements if j.ruling is Ruling.SHIP), key=gain, reverse=True)
    waiting = sorted((j for j in judgements if j.ruling is Ruling.STAGE), key=gain, reverse=True)
    return tuple(j.candidate for j in (shipping[:MOST_WINNERS] or waiting[:1]))


MOST_WINNERS = 2
"""Winners put to the other models; the level is divided among them."""


def winners_left(judgements: Sequence[Judgement], others: Sequence[str]) -> str:
    """That more candidates won than were put to the other models, or an empty text.

    Args:
        judgements: of the model that decides.
        others: names of the other models.
    """
    won = sum(one.ruling is Ruling.SHIP for one in judgements)
    if won <= MOST_WINNERS:
        return ""
    left = won - MOST_WINNERS
    rest = "the other one waits" if left == 1 else f"the other {left} wait"
    names = ", ".join(others)
    return f"{won} candidates won; the {MOST_WINNERS} with the largest gains were put to {names}, {rest}"


def passed_over(judgement: Judgement) -> Judgement:
    """A ship that was not put to the other models: it waits.

    Args:
        judgement: on the model that decides; what is no ship stays as it is.
    """
    if judgement.ruling is not Ruling.SHIP:
        return judgement
    said = "Candidates with larger gains were put to the other models; this one only waits for a person."
    return replace(judgement, ruling=Ruling.STAGE, because=f"{judgement.because} {said}")


def _standing(
    found: PairedComparison, e_value: float | None, rules: GateRules, winners: int
) -> tuple[ModelStanding, str]:
    margin, least = rules.model_margin, rules.min_pairs
    if found.pairs < least:
        return (
            ModelStanding.NOT_SHOWN,
            f"{count_of(found.pairs, 'case')} {were(found.pairs)} answered; {least} are needed.",
        )
    gain = f"{points(found.estimate or 0.0)} points"
    if found.low is None or found.high is None:
        bar = BET_ALONE * max(1, winners) / rules.significance_level
        same = f"Every case differs by {gain}"
        if (found.estimate or 0.0) > -margin and e_value is not None and e_value >= bar:
            return ModelStanding.NOT_WORSE, f"{same}."
        return (
            ModelStanding.NOT_SHOWN,
            f"{same}; {count_of(found.pairs, 'case')} cannot exclude a loss.",
        )
    said = f"{gain} ({100 * found.coverage:.3g}% range {points(found.low)} to {points(found.high)})"
    if found.high < 0:
        return ModelStanding.WORSE, f"Worse: {said}."
    if found.low > -margin and e_value is not None and e_value >= rules.e_min * max(1, winners):
        return ModelStanding.NOT_WORSE, f"Not worse: {said}."
    return ModelStanding.NOT_SHOWN, f"A loss of {100 * margin:g} points is not excluded: {said}."


def _told(stopped: Sequence[ModelGain], others: Sequence[ModelGain]) -> str:
    """What the other models say, the bad news first."""
    if not stopped:
        names = ", ".join(g.model for g in others)
        return f"Not worse on {names}."
    return " ".join(_one(g) for g in sorted(stopped, key=lambda g: g.standing is not ModelStanding.WORSE))


def _one(gain: ModelGain) -> str:
    if gain.standing is ModelStanding.NOT_RUN:
        return gain.because
    return f"On {gain.model}: {gain.because[:1].lower()}{gain.because[1:]}"


def _mean(across: AcrossModels | None) -> str:
    if across is None or across.estimate is None:
        return ""
    said = f"Mean over {across.models} models {points(across.estimate)} points"
    if across.low is not None and across.high is not None:
        said += f" ({across.coverage:.0%} range {points(across.low)} to {points(across.high)})"
    return f"{said}."


def _advice(stopped: Sequence[ModelGain]) -> str:
    worse = [g.model for g in stopped if g.standing is ModelStanding.WORSE]
    if worse:
        names = ", ".join(worse)
        return f"A person must decide; a prompt of its own for {names} keeps the gain for the others."
    if all(g.standing is ModelStanding.GUARDRAIL for g in stopped):
        return "A person must decide."
    return "Not shown is not fine, so a person or more cases must decide."
