"""Before an experiment spends: what it may cost, what it can show, what it is worth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.experiments import GateRules
from flywheel.learn.other_models import MOST_WINNERS
from flywheel.learn.planning import CallCost, Forecast, Outlook, forecast_cost, outlook
from flywheel.learn.spending import taken_by
from flywheel.learn.wear import Wear, worn
from flywheel.phases.ceilings import kept_back
from flywheel.phases.experiment import RACE_LEAST
from flywheel.ports import Store
from flywheel.records.case import Case, GateCases
from flywheel.records.columns import NOT_EVIDENCE, ExecutionColumns, Scope, ScoreTable
from flywheel.records.cycle import CycleContext
from flywheel.records.execution import Execution
from flywheel.records.proposal import Proposal


@dataclass(frozen=True, slots=True)
class Affordable:
    """What a budget allows of a live experiment.

    Attributes:
        proposals: those that are run.
        cases: gate cases each arm answers.
        unaffordable: proposals that wait, with the reason.
    """

    proposals: tuple[Proposal, ...]
    cases: tuple[Case, ...]
    unaffordable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is known of an experiment before its first call.

    Attributes:
        worthwhile: False means: do not optimize this prompt now.
        because: power, forecast and wear of the gate cases, in words.
        outlook: the figures behind it.
        wear: how often the gate cases were looked at.
        cost: of one call, from recorded executions of the live version and the length of the candidates.
    """

    worthwhile: bool
    because: str
    outlook: Outlook
    wear: Wear
    cost: CallCost


@dataclass(frozen=True, slots=True)
class Question:
    """What an experiment would be asked to show.

    Attributes:
        candidates: how many.
        gain: smallest difference worth a release, rate units.
        growth: mean length of all arms over the length of the live version.
        runs: scores of two fresh runs of the live version on the gate cases (A/A), in their order.
    """

    candidates: int
    gain: float
    growth: float = 1.0
    runs: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


def expectation(context: CycleContext, asked: Question, gate: GateCases, store: Store) -> Expectation:
    """Whether the gate cases can show a gain worth having, and what that costs.

    Only recorded executions of the live version on gate cases say how much can
    be gained; without enough of them nothing is refused.

    Args:
        context: control, window and rules.
        asked: what the experiment should show.
        gate: cases that decide.
        store: recorded executions, earlier looks at the gate cases.

    Returns:
        The expectation; its because is shown before anything is spent.
    """
    rules = rules_of(context)
    scope = live_scope(context)
    cost = _mean_cost(store.executions.columns(scope), asked.growth)
    scores = scores_of(store.executions.score_table(scope, (context.control or "",), "version"), gate)
    again = None
    if asked.runs is not None:
        scores, again = asked.runs
    looks = store.cycles.gate_looks(context.request.workspace, context.request.prompt)
    wear = worn(looks, len(gate.cases), rules)
    look = outlook(scores, rules, asked.candidates, asked.gain, again=again, cost=cost)
    known = int((~np.isnan(scores)).sum())
    told = [_spend(look), *_other_models(context, asked, gate, store)]
    if wear.worn:
        told.append(wear.because)
    if known < rules.min_pairs:
        told.insert(
            0, f"the live version ran on {known} of {len(gate.cases)} gate cases: its headroom is unknown"
        )
        return Expectation(True, "; ".join(told), look, wear, cost)  # noqa: FBT003 - first field
    return Expectation(look.worthwhile, "; ".join((look.because.rstrip("."), *told)), look, wear, cost)


def forecast_others(
    context: CycleContext, cases: int, store: Store, growth: float = 1.0
) -> tuple[tuple[str, Forecast], ...]:
    """What a winner takes on every other model at most: both arms on all gate cases.

    Args:
        context: the request names the models.
        cases: gate cases.
        store: recorded executions of the live version say what a call costs there.
        growth: length of what will be sent over the length of the live version.

    Returns:
        Model with forecast; tokens or USD are None where nothing is recorded.
    """
    return tuple(
        (model, forecast_cost(cases, 1, call_cost(context, store, model, growth)))
        for model in context.request.also_models
    )


def _other_models(context: CycleContext, asked: Question, gate: GateCases, store: Store) -> list[str]:
    """The calls a winner takes on the other models, named before the first call."""
    each = forecast_others(context, len(gate.cases), store, asked.growth)
    if not each:
        return []
    calls = sum(forecast.calls or 0 for _, forecast in each)
    known = [forecast.usd for _, forecast in each if forecast.usd is not None]
    cost = f", {sum(known):.2f} USD" if len(known) == len(each) else ""
    names = ", ".join(model for model, _ in each)
    return [f"at most {calls:,} calls more{cost} for each of at most {MOST_WINNERS} winners on {names}"]


def growth_of(control: str, texts: Sequence[str]) -> float:
    """Mean length of all arms over the control's: a longer prompt costs more.

    Examples:
        >>> growth_of("ab", ["abab"])
        1.5
    """
    lengths = [len(control), *(len(text) for text in texts)]
    return float(np.mean(lengths)) / max(1, len(control))


def scores_of(table: ScoreTable, gate: GateCases) -> NDArray[np.float64]:
    """Scores of the first arm on the gate cases, in their order; NaN where it never ran."""
    found = dict(zip(table.cases, table.scores[:, 0], strict=True))
    return np.array([found.get(c.case_id, np.nan) for c in gate.cases], dtype=np.float64)


def _spend(look: Outlook) -> str:
    said = f"at most {look.forecast.calls:,} calls"
    if look.forecast.input_tokens is not None:
        said += f", {look.forecast.input_tokens:,} input tokens"
    if look.forecast.usd is not None:
        said += f", {look.forecast.usd:.2f} USD"
    return said


def live_scope(context: CycleContext) -> Scope:
    """Recorded executions of the live version on the model that decides, without those of experiments."""
    request = context.request
    return Scope(
        workspace=request.workspace,
        prompt=request.prompt,
        version=context.control,
        suite=request.suite,
        model=request.model,
        since=context.window_start,
        exclude_sources=NOT_EVIDENCE,
    )


def call_cost(context: CycleContext, store: Store, model: str | None, growth: float = 1.0) -> CallCost:
    """What one call of the live version took on a model, from recorded executions; None is unknown.

    Args:
        context: prompt, suite, window.
        store: executions.
        model: that answered; None takes all.
        growth: length of what will be sent over the length of the live version.
    """
    columns = store.executions.columns(replace(live_scope(context), model=model))
    return _mean_cost(columns, growth)


def _mean_cost(columns: ExecutionColumns, growth: float) -> CallCost:
    def mean(values: NDArray[np.float64], factor: float = 1.0) -> float | None:
        known = values[~np.isnan(values)]
        return float(known.mean()) * factor if known.size else None

    return CallCost(
        mean(columns.input_tokens, growth), mean(columns.output_tokens), mean(columns.cost_usd, growth)
    )


def rules_of(context: CycleContext) -> GateRules:
    """Gate rules of a cycle: its strategy, in which the request's own settings already are."""
    return GateRules.from_strategy(context.strategy, context.request.seed)


def affordable(
    context: CycleContext,
    proposals: Sequence[Proposal],
    gate: GateCases,
    before: Sequence[Execution] = (),
) -> Affordable:
    """As many candidates as the budget in calls pays for, the most promising first.

    A race must be paid up to its first look; what comes after is paid batch by
    batch while it lasts. Without a race every arm answers every case, and
    cases are cut only when not even one candidate can be run on all of them.

    Args:
        context: the budget is `request.budget_calls`; None pays for all.
        proposals: most promising first.
        gate: cases that decide.
        before: what the cycle ran already, which counts against the budget.

    Returns:
        What is run, and what waits with the reason.
    """
    budget, cases = first_calls(context, len(gate.cases)), gate.cases
    least = rules_of(context).min_pairs
    if budget is None:
        return Affordable(tuple(proposals), cases, {})
    budget -= sum(taken_by(e).calls for e in before)
    racing = context.strategy.racing and len(cases) >= RACE_LEAST
    base = least if racing else len(cases)
    arms = min(len(proposals), budget // max(1, base) - 1)
    if arms < 1 and not racing:
        arms, cases = 1, _cheapest_cases(cases, budget // 2)
    left = f"{_left_words(context, budget)} after screening" if before else _left_words(context, budget)
    why = (
        f"{base} gate cases x {1 + len(proposals)} arms need {base * (1 + len(proposals))} calls and the "
        f"budget is {left}; this proposal was not run. Raise the budget or run the "
        "cycle again"
    )
    if arms < 1 or len(cases) < least:
        return Affordable((), (), {p.version: why for p in proposals})
    return Affordable(tuple(proposals[:arms]), cases, {p.version: why for p in proposals[arms:]})


def first_calls(context: CycleContext, cases: int) -> int | None:
    """Calls of the budget that the first model may use; None is no ceiling.

    Args:
        context: the request holds the budget with the other models.
        cases: gate cases.
    """
    budget = context.request.budget_calls
    return None if budget is None else budget - (kept_back(context.request, cases).calls or 0)


def _left_words(context: CycleContext, budget: int) -> str:
    if not context.request.also_models:
        return str(budget)
    others = len(context.request.also_models)
    return f"{budget} for the first of {others + 1} models"


def _cheapest_cases(cases: Sequence[Case], count: int) -> tuple[Case, ...]:
    """A part of the cases in an order that a case's id alone decides, so slices stay mixed."""
    ordered = sorted(cases, key=lambda c: hashlib.blake2b(c.case_id.encode(), digest_size=8).digest())
    return tuple(ordered[:count])
