"""Phase 3: versions worth testing, made from what failed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from flywheel.learn.drafting import Allowance, Drafts, Proposer
from flywheel.learn.insights import named
from flywheel.learn.lineage import LineageGraph
from flywheel.learn.refinement import Sorted, candidates, placebo, sift, within_room
from flywheel.learn.refinement_material import Material, main_kind
from flywheel.learn.strategy_learning import Arm, expected_gain, thompson_order
from flywheel.phases.before import first_calls
from flywheel.phases.material import limits_of, material_of
from flywheel.phases.waiting import waiting_proposals
from flywheel.ports import Store
from flywheel.records.analysis import Analysis
from flywheel.records.lineage import EdgeKind
from flywheel.records.prompt import PromptVersion
from flywheel.records.proposal import Proposal, Proposals

CASES_EACH = 2
"""Least cases an arm should be able to answer within a budget, in units of the least sample."""

MOST_CALLS = 8
"""Calls of a model that writes candidates, per cycle."""

MOST_RUNS = 100_000
"""Calls of an optimizer a person asked for, where the cycle has no budget; it has a limit itself."""


def generate(analysis: Analysis, store: Store, proposers: Sequence[Proposer] = ()) -> Proposals:
    """Candidates of a cycle: recorded alternatives first, then refinements.

    A recorded alternative is another version of the prompt that already ran.
    Refinements are made only where a suite gives reflect cases, and see
    nothing else.

    Args:
        analysis: what the cycle found.
        store: versions, cases, lineage and the proposals rejected before.
        proposers: models or optimizers that write candidates beside the built-in strategies.

    Returns:
        Proposals, each with one parent and a text that differs from it.
    """
    context = analysis.context
    request = context.request
    asked_for = request.suite is not None and any(getattr(p, "asked_for", False) for p in proposers)
    wanted = analysis.need.should_optimize or asked_for
    if context.control is None or not wanted:
        because = "; ".join(analysis.need.reasons)
        if context.control is None or _nothing_recorded(analysis, store):
            return Proposals(context=context, because=because)
    control = store.prompts.get(request.workspace, request.prompt, context.control or "")
    if control is None:
        return Proposals(context=context, because=f"version {context.control!r} is not in the store")
    avoid = _avoid(analysis, store, control)
    waiting = waiting_proposals(context, store, control, avoid)
    avoid = avoid | waiting.versions
    recorded = (*waiting.again, *_recorded(analysis, store, control, avoid))
    found, drafts = Sorted(()), Drafts()
    if wanted and control.text is not None and request.suite is not None:
        material = material_of(analysis, store, control, avoid)
        gate = len(store.cases.gate(request.workspace, request.suite).cases)
        room = _room(analysis, len(recorded), gate)
        found, drafts = _refined(analysis, store, material, proposers, room)
        if request.placebo:
            found += Sorted((placebo(control),))
    proposals = (*recorded, *named(found.proposals, analysis.insights))
    return Proposals(
        context=context,
        proposals=proposals,
        discarded=found.discarded,
        because="" if proposals else _nothing_left(found),
        calls=drafts.calls,
        input_tokens=drafts.input_tokens,
        output_tokens=drafts.output_tokens,
        cost_usd=drafts.cost_usd,
    )


def _refined(
    analysis: Analysis, store: Store, material: Material, proposers: Sequence[Proposer], room: int
) -> tuple[Sorted, Drafts]:
    """The candidates history speaks for, as many as there is room; models are asked for no others."""
    request = analysis.context.request
    limits = limits_of(analysis, store)
    own = candidates(material, limits)
    outcomes = store.strategy_outcomes.recent(request.workspace)
    writers = {name: proposer for proposer in proposers for name in proposer.strategies}
    main = main_kind(material.patterns)
    own_arms = [Arm(p.strategy, p.kind, _share(p, material)) for p in own.proposals]
    arms = _taking_turns(own_arms, [Arm(name, main) for name in writers])
    urgent = {name for name, writer in writers.items() if getattr(writer, "asked_for", False)}
    order = thompson_order(outcomes, arms, request.model, request.seed + len(outcomes))
    chosen = sorted((arms[i] for i in order), key=lambda arm: arm.strategy not in urgent)
    drafts = Drafts()
    for proposer in proposers:
        wanted = [arm.strategy for arm in chosen[:room] if writers.get(arm.strategy) is proposer]
        if wanted:
            drafts += proposer.propose(material, wanted, limits, _allowance(analysis, drafts, proposer))
    written = sift(material, drafts.made, limits)
    made = {p.version: p for p in (*written.proposals, *own.proposals)}
    places = list(dict.fromkeys(arm.strategy for arm in chosen))
    ranked = [p for name in places for p in made.values() if p.strategy == name]
    ranked += [p for p in made.values() if p.strategy not in places]
    told = tuple(
        p.model_copy(update={"expected_delta": expected_gain(outcomes, p, request.model)}) for p in ranked
    )
    thrown = (*drafts.discarded, *written.discarded, *own.discarded)
    return within_room(Sorted(told, thrown), room), drafts


def _taking_turns(first: Sequence[Arm], second: Sequence[Arm]) -> list[Arm]:
    """One of each in turn: while nothing is known, free candidates and a model's have equal room."""
    turns = (arm for pair in zip_longest(first, second) for arm in pair)
    return [arm for arm in turns if arm is not None]


def _room(analysis: Analysis, recorded: int, gate: int) -> int:
    """Candidates of this cycle: so few that a budget lets each answer enough cases to be told apart."""
    context = analysis.context
    room = context.strategy.max_candidates - recorded
    budget = first_calls(context, gate)
    if budget is not None:
        cases = CASES_EACH * context.strategy.min_sample_size
        room = min(room, max(1, budget // cases - 1))
    return max(0, room)


def _share(proposal: Proposal, material: Material) -> float:
    return min(1.0, sum(p.share for p in material.patterns if p.pattern_key in proposal.patterns))


def _allowance(analysis: Analysis, spent: Drafts, proposer: Proposer) -> Allowance:
    """A tenth of the budget may go into writing candidates, half where a person asked for them by name."""
    request = analysis.context.request
    urgent = bool(getattr(proposer, "asked_for", False))
    part, calls = (2, MOST_RUNS) if urgent else (10, MOST_CALLS)
    if request.budget_calls is not None:
        calls = min(calls, request.budget_calls // part)
    usd = None if request.budget_usd is None else request.budget_usd / part - (spent.cost_usd or 0.0)
    return Allowance(max(0, calls - spent.calls), usd, request.seed)


def _nothing_left(found: Sorted) -> str:
    thrown = "; ".join(f"{d.strategy}: {d.reason}" for d in found.discarded if d.check != "room")
    return f"nothing is left to propose ({thrown})" if thrown else "nothing is left to propose"


def _nothing_recorded(analysis: Analysis, store: Store) -> bool:
    """Whether no other version of the prompt has run; a healthy prompt may still have a better rival."""
    request = analysis.context.request
    others = [
        v for v in store.prompts.recorded(request.workspace, request.prompt) if v != analysis.context.control
    ]
    return not others


def _avoid(analysis: Analysis, store: Store, control: PromptVersion) -> frozenset[str]:
    request = analysis.context.request
    rejected = {p.version for p in store.cycles.rejected(request.workspace, request.prompt)}
    graph = LineageGraph(tuple(store.lineage.edges(request.workspace, request.prompt)))
    undone = {e.parent for e in graph.edges if e.kind is EdgeKind.ROLLBACK_OF}
    seen = (*control.labels, *rejected, *undone, *graph.ancestors(control.version))
    return frozenset({control.version, *seen})


def _recorded(
    analysis: Analysis, store: Store, control: PromptVersion, avoid: frozenset[str]
) -> tuple[Proposal, ...]:
    request = analysis.context.request
    known = {v.version: v for v in store.prompts.versions(request.workspace, request.prompt)}
    own = {p for p in known if known[p].origin == "generated"}
    names = [
        name
        for name in store.prompts.recorded(request.workspace, request.prompt)
        if name not in avoid and name not in own
    ]
    return tuple(
        _alternative(name, known.get(name), control)
        for name in names[: analysis.context.strategy.max_candidates]
    )


def _alternative(name: str, version: PromptVersion | None, control: PromptVersion) -> Proposal:
    label = (version.labels[0] if version and version.labels else None) or (name if version is None else None)
    return Proposal(
        version=name,
        parent=control.version,
        text=version.text if version else None,
        strategy="recorded_alternative",
        origin="recorded",
        label=label,
        rationale="another version of the prompt that already ran on the same cases",
        changes=("a version written by the team",),
    )
