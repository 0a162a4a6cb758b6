"""Before an experiment spends: what it may cost, what it can show, what it is worth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from flywheel.learn.experiments import GateRules
from flywheel.learn.planning import CallCost, forecast_cost, outlook
from flywheel.learn.wear import worn
from flywheel.phases.experiment import RACE_LEAST
from flywheel.ports import Store
from flywheel.records.case import Case, GateCases
from flywheel.records.columns import Scope
from flywheel.records.cycle import CycleContext
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
        cost: of one call, from recorded executions of the live version and the length of the candidates.
    """

    worthwhile: bool
    because: str
    cost: CallCost


def expectation(
    context: CycleContext, proposals: Sequence[Proposal], gate: GateCases, store: Store
) -> Expectation:
    """Whether the gate cases can show a gain worth having, and what that costs.

    Only recorded executions of the live version on gate cases say how much can
    be gained; without enough of them nothing is refused.

    Args:
        context: control, window and rules.
        proposals: candidates that would run.
        gate: cases that decide.
        store: recorded executions, earlier looks at the gate cases.

    Returns:
        The expectation; its because is shown before anything is spent.
    """
    rules = rules_of(context)
    scores, cost = _recorded(context, gate, store)
    cost = _scaled(cost, context, proposals, store)
    wear = worn(
        store.cycles.gate_looks(context.request.workspace, context.request.prompt), len(gate.cases), rules
    )
    forecast = forecast_cost(len(gate.cases), len(proposals), cost)
    told = [f"at most {forecast.calls} calls"]
    if forecast.usd is not None:
        told[0] += f", about {forecast.usd:.2f} USD"
    if wear.worn:
        told.append(wear.because)
    known = scores[~np.isnan(scores)]
    if known.size < rules.min_pairs:
        return Expectation(worthwhile=True, because="; ".join(told), cost=cost)
    look = outlook(scores, rules, len(proposals), context.strategy.smallest_gain, cost=cost)
    return Expectation(look.worthwhile, "; ".join((look.because, *told)), cost)


def _recorded(context: CycleContext, gate: GateCases, store: Store) -> tuple[np.ndarray, CallCost]:
    """Scores of the live version on the gate cases (NaN where it never ran), with its mean cost."""
    request, control = context.request, context.control or ""
    scope = Scope(
        workspace=request.workspace,
        prompt=request.prompt,
        suite=request.suite,
        model=request.model,
        since=context.window_start,
        exclude_sources=("experiment",),
    )
    table = store.executions.score_table(scope, (control,), "version")
    found = dict(zip(table.cases, table.scores[:, 0], strict=True))
    scores = np.array([found.get(c.case_id, np.nan) for c in gate.cases], dtype=np.float64)
    costs = table.cost_usd[~np.isnan(table.cost_usd)]
    return scores, CallCost(usd=float(costs.mean()) if costs.size else None)


def _scaled(cost: CallCost, context: CycleContext, proposals: Sequence[Proposal], store: Store) -> CallCost:
    """Cost of one call averaged over the arms: a longer prompt costs more."""
    request = context.request
    control = store.prompts.get(request.workspace, request.prompt, context.control or "")
    if cost.usd is None or control is None or not control.text:
        return cost
    lengths = [len(control.text), *(len(p.text or "") for p in proposals)]
    return replace(cost, usd=cost.usd * float(np.mean(lengths)) / len(control.text))


def rules_of(context: CycleContext) -> GateRules:
    """Gate rules of a cycle: the request's own limits before the strategy's."""
    request, strategy = context.request, context.strategy
    explicit = request.model_fields_set
    rules = GateRules.from_strategy(strategy, request.seed)
    return replace(
        rules,
        significance_level=_own(
            explicit, "significance_level", request.significance_level, strategy.significance_level
        ),
        min_pairs=int(_own(explicit, "min_sample_size", request.min_sample_size, strategy.min_sample_size)),
        latency_ratio_limit=request.max_latency_ratio or strategy.max_latency_ratio,
        cost_ratio_limit=request.max_cost_ratio or strategy.max_cost_ratio,
    )


def _own(explicit: set[str], name: str, asked: float, default: float) -> float:
    return asked if name in explicit else default


def affordable(context: CycleContext, proposals: Sequence[Proposal], gate: GateCases) -> Affordable:
    """As many candidates as the budget in calls pays for, the most promising first.

    A race must be paid up to its first look; what comes after is paid batch by
    batch while it lasts. Without a race every arm answers every case, and
    cases are cut only when not even one candidate can be run on all of them.

    Args:
        context: the budget is `request.budget_calls`; None pays for all.
        proposals: most promising first.
        gate: cases that decide.

    Returns:
        What is run, and what waits with the reason.
    """
    budget, cases = context.request.budget_calls, gate.cases
    least = rules_of(context).min_pairs
    if budget is None:
        return Affordable(tuple(proposals), cases, {})
    racing = context.strategy.racing and len(cases) >= RACE_LEAST
    base = least if racing else len(cases)
    arms = min(len(proposals), budget // max(1, base) - 1)
    if arms < 1 and not racing:
        arms, cases = 1, _cheapest_cases(cases, budget // 2)
    why = (
        f"{base} gate cases x {1 + len(proposals)} arms need {base * (1 + len(proposals))} calls and the "
        f"budget is {budget}; this proposal was not run. Raise the budget or run the cycle again"
    )
    if arms < 1 or len(cases) < least:
        return Affordable((), (), {p.version: why for p in proposals})
    return Affordable(tuple(proposals[:arms]), cases, {p.version: why for p in proposals[arms:]})


def _cheapest_cases(cases: Sequence[Case], count: int) -> tuple[Case, ...]:
    """A part of the cases in an order that a case's id alone decides, so slices stay mixed."""
    ordered = sorted(cases, key=lambda c: hashlib.blake2b(c.case_id.encode(), digest_size=8).digest())
    return tuple(ordered[:count])
