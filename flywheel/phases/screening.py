"""Screening on reflect cases, where a budget pays for fewer arms than there are proposals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flywheel.learn.planning import CallCost, Forecast, affordable_cases, forecast_cost
from flywheel.learn.refinement import PLACEBO
from flywheel.learn.screening import SHARE, cases_each, ranked, recorded_scores, shown_cases, why_out
from flywheel.learn.spending import calls_each
from flywheel.phases.arms import BATCH, LiveArms, Setup, interleaved
from flywheel.phases.before import call_cost, live_scope
from flywheel.phases.ceilings import (
    FIRST,
    all_tokens,
    bounded,
    budget_words,
    cost_of,
    kept_back,
    left_of,
    over_budget,
)
from flywheel.phases.experiment import RACE_LEAST
from flywheel.records.case import Case
from flywheel.records.cycle import CycleContext, FeedbackLoopInput
from flywheel.records.execution import Execution
from flywheel.records.proposal import Proposal


@dataclass(frozen=True, slots=True)
class ScreenPlan:
    """A screening before its first call.

    Attributes:
        because: what it will do, in words; empty where there is none.
        candidates: those that are screened; a placebo is there for the gate alone.
        cases: reflect cases that each of them answers; none means no screening.
        control: recorded score of the live version on them.
        cost: of one call.
        share: most that may be spent on it, in the units of the budget.
    """

    because: str = ""
    candidates: tuple[Proposal, ...] = ()
    cases: tuple[Case, ...] = ()
    control: Mapping[str, float] = field(default_factory=dict)
    cost: CallCost = field(default_factory=CallCost)
    share: Forecast = field(default_factory=lambda: Forecast(None, None, None, None))


@dataclass(frozen=True, slots=True)
class Screening:
    """What a screening gave.

    Attributes:
        proposals: those that go on to the gate.
        out: why each of the others waits, by version.
        executions: what was run.
    """

    proposals: tuple[Proposal, ...]
    out: Mapping[str, str] = field(default_factory=dict)
    executions: tuple[Execution, ...] = ()


def plan_screening(setup: Setup) -> ScreenPlan:
    """Whether candidates are screened before the gate, and on which cases.

    They are where a budget pays for fewer of them on all gate cases than there
    are, without a race, and where enough reflect cases can be paid that no
    candidate shows and the live version was scored on. Gate cases are counted
    here, never looked at.

    Args:
        setup: all proposals, the gate cases, the ceilings.

    Returns:
        The plan; without cases it changes nothing.
    """
    candidates = tuple(p for p in setup.proposals if p.strategy != PLACEBO)
    racing = setup.context.strategy.racing and len(setup.cases) >= RACE_LEAST
    request = setup.context.request
    if racing or len(candidates) < 2 or not _has_budget(request):
        return ScreenPlan()
    each = replace(setup.cost, input_tokens=all_tokens(setup.cost), output_tokens=None)
    each = cost_of((), each, setup.control_text)
    kept = kept_back(request, len(setup.cases), each)
    left = left_of(request, (), kept, calls_each(setup.suite.scorer))
    arms = affordable_cases(0, left, each) // max(1, len(setup.cases)) if _priced(request, each) else 0
    if not _priced(request, each) or not bounded(left, each) or arms > len(setup.proposals):
        return ScreenPlan()
    share = _times(left, 1 / SHARE)
    if affordable_cases(1, _minus(left, share), each) < setup.rules.min_pairs:
        return ScreenPlan()
    dear = _cost_of_candidates(setup, candidates)
    gate = forecast_cost(len(setup.cases), 1, each)
    paid = [affordable_cases(len(candidates) - 1, have, dear) for have in (_minus(left, gate), share)]
    control = recorded_scores(setup.store.executions.columns(live_scope(setup.context)))
    usable = _usable(setup, candidates, control)
    cases = usable[: cases_each(paid[0], paid[1], len(usable))]
    if not cases:
        return ScreenPlan()
    told = (
        f"{_payer(request)} for {max(0, arms - 1)} of {len(setup.proposals)} candidates on all "
        f"{len(setup.cases)} gate cases: {len(candidates)} are screened on {len(cases)} reflect cases "
        f"first ({len(cases) * len(candidates):,} runs), and the best goes on"
    )
    return ScreenPlan(told, candidates, cases, control, dear, share)


def screened_below(context: CycleContext, candidates: int, gate: int) -> int | None:
    """Budget in calls of the first model below which candidates are screened; None where they never are.

    Args:
        context: whether candidates are raced.
        candidates: how many.
        gate: gate cases.
    """
    if candidates < 2 or (context.strategy.racing and gate >= RACE_LEAST):
        return None
    return forecast_cost(gate, candidates).calls


def run_screening(setup: Setup, plan: ScreenPlan) -> Screening:
    """Run all candidates on the screening cases, and let the best go on to the gate.

    The live version is not run: its recorded scores stand for it. What a killed
    process ran is read back. Where nothing was learned, all go on as they are.

    Args:
        setup: all proposals, the gate cases, the ceilings.
        plan: which cases, at which price.

    Returns:
        What goes on, and what waits with the counts.
    """
    if not plan.cases:
        return Screening(setup.proposals)
    setup.progress(plan.because)
    arms = _run(replace(setup, proposals=plan.candidates), plan)
    ran = {p.version: arms.executions[p.version] for p in plan.candidates}
    order = ranked(plan.control, ran)
    best = order[0]
    if best.gained is None:
        return Screening(setup.proposals, executions=tuple(arms.flat))
    known = {p.version: p for p in setup.proposals}
    winner = known[best.version]
    asked = len(ran[best.version])
    then = "this proposal met no gate case. Raise the budget or run the cycle again"
    out = {
        one.version: f"{why_out(one, best, winner.strategy, asked)}; {then}"
        for one in order
        if one.version != best.version
    }
    return Screening(tuple(p for p in setup.proposals if p.version not in out), out, tuple(arms.flat))


def _run(setup: Setup, plan: ScreenPlan) -> LiveArms:
    """The candidates on the screening cases, as far as the share of the budget reaches."""
    arms = LiveArms(setup, purpose="screen")
    request = setup.context.request
    part = request.model_copy(
        update={
            "also_models": (),
            "budget_calls": None
            if plan.share.calls is None
            else plan.share.calls * calls_each(setup.suite.scorer),
            "budget_tokens": plan.share.input_tokens,
            "budget_usd": plan.share.usd,
        }
    )
    limited = replace(setup, context=setup.context.model_copy(update={"request": part}), cost=plan.cost)
    versions = [p.version for p in plan.candidates]
    unsure = request.budget_tokens is not None or request.budget_usd is not None
    size = FIRST if unsure else BATCH
    for start in range(0, len(plan.cases), size):
        batch = plan.cases[start : start + size]
        if over_budget(limited, arms.executions, len(batch), len(versions)):
            break
        arms.run(versions, batch)
    return arms


def _usable(setup: Setup, candidates: Sequence[Proposal], control: Mapping[str, float]) -> tuple[Case, ...]:
    """Reflect cases in an order of this cycle's own; those of a killed process come first."""
    context = setup.context
    reflect = setup.store.cases.reflect(context.request.workspace, setup.suite.suite).cases
    scored = [c for c in reflect if c.case_id in control]
    shown = shown_cases(scored, [setup.control_text, *(p.text or "" for p in candidates)])
    begun = {case for _, case in LiveArms(setup, purpose="screen").kept}
    ordered = interleaved([c for c in scored if c.case_id not in shown], context.cycle_id)
    return tuple(sorted(ordered, key=lambda c: c.case_id not in begun))


def _cost_of_candidates(setup: Setup, candidates: Sequence[Proposal]) -> CallCost:
    """Of one call of a candidate; the live version is not run, so its length does not count."""
    texts = [p.text or "" for p in candidates]
    growth = sum(map(len, texts)) / len(texts) / max(1, len(setup.control_text))
    found = call_cost(setup.context, setup.store, setup.context.request.model, growth)
    return cost_of((), replace(found, input_tokens=all_tokens(found)), max(texts, key=len))


def _payer(request: FeedbackLoopInput) -> str:
    words = f"{budget_words(request)} pay"
    return f"the first model's part of {words}s" if request.also_models else words


def _has_budget(request: FeedbackLoopInput) -> bool:
    return any(b is not None for b in (request.budget_calls, request.budget_tokens, request.budget_usd))


def _priced(request: FeedbackLoopInput, each: CallCost) -> bool:
    """Whether it is known what a call takes of every ceiling there is."""
    tokens = request.budget_tokens is None or each.input_tokens is not None
    return tokens and (request.budget_usd is None or each.usd is not None)


def _times(left: Forecast, part: float) -> Forecast:
    return Forecast(
        None if left.calls is None else int(left.calls * part),
        None if left.input_tokens is None else int(left.input_tokens * part),
        None,
        None if left.usd is None else left.usd * part,
    )


def _minus(left: Forecast, taken: Forecast) -> Forecast:
    return Forecast(
        None if left.calls is None else left.calls - (taken.calls or 0),
        None if left.input_tokens is None else left.input_tokens - (taken.input_tokens or 0),
        None,
        None if left.usd is None else left.usd - (taken.usd or 0.0),
    )
