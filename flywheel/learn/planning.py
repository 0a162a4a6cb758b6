"""Before a cycle spends: what can be gained, what the cases can show, what it will cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flywheel.learn.counting import count_of
from flywheel.learn.rulings import GateRules
from flywheel.stats.means import Moments, mean_interval
from flywheel.stats.paired import is_binary
from flywheel.stats.power import Design, Plan, plan_experiment
from flywheel.stats.proportions import Counts, Interval, wilson

USUAL_DISCORDANCE = 0.15
"""Share of cases on which two versions differ, until it was measured."""


@dataclass(frozen=True, slots=True)
class CallCost:
    """What one call costs on average; None is unknown.

    Attributes:
        input_tokens, output_tokens: per call.
        usd: per call.
    """

    input_tokens: float | None = None
    output_tokens: float | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an experiment costs at most; None is unknown.

    Attributes:
        calls: every candidate with the control on every case.
        input_tokens, output_tokens: in all.
        usd: in all.
    """

    calls: int | None
    input_tokens: int | None
    output_tokens: int | None
    usd: float | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether an experiment is worth its cost, before any of it is spent.

    Attributes:
        worthwhile: False means: do not optimize this prompt now.
        because: one sentence.
        live: mean score of the live version with its range; None when unscored.
        headroom: most that can be gained, rate units.
        noise_floor: difference that two runs of the same version reach by chance in 1 of 20
            experiments; None when no case ran twice.
        plan: size, power and smallest gain the cases can show.
        forecast: ceiling of the cost.
    """

    worthwhile: bool
    because: str
    live: Interval
    headroom: float | None
    noise_floor: float | None
    plan: Plan | None
    forecast: Forecast


def outlook(
    scores: ArrayLike,
    rules: GateRules,
    candidates: int,
    gain: float = 0.05,
    again: ArrayLike | None = None,
    cost: CallCost | None = None,
) -> Outlook:
    """Judge an experiment before it is run.

    Args:
        scores: of the live version on the gate cases, shape (n,); NaN is unscored.
        rules: how sure the verdict must be.
        candidates: versions that would be tested.
        gain: smallest difference worth releasing, rate units.
        again: scores of a second run of the same version on the same cases, shape (n,).
        cost: of one call.

    Returns:
        The outlook; "do not optimize" always has its reason.

    Examples:
        >>> look = outlook([1.0] * 97 + [0.0] * 3, GateRules(), candidates=4)
        >>> look.worthwhile, look.because
        (False, 'The live version scores 97.0 %: at most 3.0 points can be gained, and 5.0 were asked for.')
        >>> outlook([1.0] * 700 + [0.0] * 300, GateRules(), candidates=4).worthwhile
        True
    """
    x = np.asarray(scores, dtype=np.float64).ravel()
    known = x[~np.isnan(x)]
    forecast = forecast_cost(x.size, candidates, cost)
    live = _live(known, rules.coverage)
    if live.estimate is None:
        unscored = "The live version has no scores on these cases."
        return Outlook(
            worthwhile=False,
            because=unscored,
            live=live,
            headroom=None,
            noise_floor=None,
            plan=None,
            forecast=forecast,
        )
    headroom = 1.0 - live.estimate
    floor, discordance = _repeated(x, again)
    plan = _plan(known.size, gain, discordance, rules, candidates)
    refusal = _refusal(known.size, gain, headroom, plan, rules)
    because = refusal or _promise(known.size, gain, plan, floor)
    return Outlook(not refusal, because, live, headroom, floor, plan, forecast)


def forecast_cost(cases: int, candidates: int, cost: CallCost | None = None) -> Forecast:
    """Ceiling of calls, tokens and USD: every arm on every case.

    Examples:
        >>> forecast_cost(250, 3, CallCost(input_tokens=400, usd=0.002))
        Forecast(calls=1000, input_tokens=400000, output_tokens=None, usd=2.0)
    """
    each = CallCost() if cost is None else cost
    calls = cases * (candidates + 1) if candidates else 0
    return Forecast(
        calls,
        None if each.input_tokens is None else math.ceil(calls * each.input_tokens),
        None if each.output_tokens is None else math.ceil(calls * each.output_tokens),
        None if each.usd is None else calls * each.usd,
    )


def affordable_cases(candidates: int, left: Forecast, cost: CallCost | None = None) -> int:
    """Whole cases that fit what is left; a case runs on all arms or not at all.

    Args:
        candidates: versions still running, beside the control.
        left: what is left of the budget; None is no ceiling.
        cost: of one call.

    Returns:
        Number of cases; hand out no larger batch.

    Examples:
        >>> affordable_cases(3, Forecast(calls=103, input_tokens=None, output_tokens=None, usd=None))
        25
        >>> affordable_cases(1, Forecast(100, None, None, usd=0.05), CallCost(usd=0.001))
        25
    """
    each = CallCost() if cost is None else cost
    ceilings = (
        (left.calls, 1.0),
        (left.input_tokens, each.input_tokens),
        (left.output_tokens, each.output_tokens),
        (left.usd, each.usd),
    )
    calls = [
        math.floor(have / per + 1e-9)
        for have, per in ceilings
        if have is not None and per is not None and per > 0
    ]
    return max(0, min(calls) // (candidates + 1))


def _live(known: NDArray[np.float64], coverage: float) -> Interval:
    if known.size and is_binary(known):
        return wilson(Counts(int(known.sum()), known.size), coverage)
    return mean_interval(Moments.of(known), coverage)


def _repeated(x: NDArray[np.float64], again: ArrayLike | None) -> tuple[float | None, float]:
    """Noise floor with discordance, from two runs of one version; the usual discordance without them."""
    if again is None:
        return None, USUAL_DISCORDANCE
    d = np.asarray(again, dtype=np.float64).ravel() - x
    d = d[~np.isnan(d)]
    if d.size < 2:
        return None, USUAL_DISCORDANCE
    # One case is added to each side, so that a quiet pair of runs does not promise silence.
    spread = math.sqrt((float((d**2).sum()) + 1.0) / (d.size + 2))
    # Candidates differ from the control at least as much as it differs from itself.
    discordance = max(USUAL_DISCORDANCE, float((d != 0).mean()))
    return 1.96 * spread / math.sqrt(d.size), discordance


def _plan(cases: int, gain: float, discordance: float, rules: GateRules, candidates: int) -> Plan | None:
    if cases < 1:
        return None
    alpha = rules.significance_level / max(1, candidates)
    return plan_experiment(cases, Design(gain=gain, alpha=alpha, discordance=discordance))


def _refusal(cases: int, gain: float, headroom: float, plan: Plan | None, rules: GateRules) -> str:
    if cases < rules.min_pairs:
        scored = f"{count_of(cases, 'gate case')} {'is' if cases == 1 else 'are'} scored"
        return f"Only {scored}; {rules.min_pairs} are needed to decide anything."
    if headroom < gain:
        return (
            f"The live version scores {100 * (1 - headroom):.1f} %: at most {100 * headroom:.1f} points "
            f"can be gained, and {100 * gain:.1f} were asked for."
        )
    if plan is None or plan.detectable_gain is None or plan.detectable_gain > headroom:
        return (
            f"{cases} cases cannot show a gain of less than {_reach(plan)} points, and at most "
            f"{100 * headroom:.1f} are possible; add cases first."
        )
    return ""


def _promise(cases: int, gain: float, plan: Plan | None, floor: float | None) -> str:
    chance = 0.0 if plan is None else plan.power
    said = f"{cases} cases find a gain of {100 * gain:.1f} points with a chance of {chance:.0%}"
    if plan is not None and not plan.enough:
        said += f"; {plan.n_needed} cases would find it in 80 %, these find {_reach(plan)} points in 80 %"
    if floor is not None:
        said += f"; two runs of the same version differ by up to {100 * floor:.1f} points"
    return said + "."


def _reach(plan: Plan | None) -> str:
    if plan is None or plan.detectable_gain is None:
        return "100"
    return f"{100 * plan.detectable_gain:.1f}"
