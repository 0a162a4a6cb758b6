"""Phase 3: versions worth testing, made from what failed."""

from __future__ import annotations

from collections.abc import Sequence

from flywheel.learn.insights import leading_patterns, named
from flywheel.learn.lineage import LineageGraph
from flywheel.learn.refinement import Limits, Material, placebo, refine
from flywheel.phases.waiting import waiting_proposals
from flywheel.ports import Store
from flywheel.records.analysis import Analysis
from flywheel.records.case import ReflectCases, Role, role_of
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.records.lineage import EdgeKind
from flywheel.records.prompt import PromptVersion
from flywheel.records.proposal import DiscardedProposal, Proposal, Proposals

MAX_FAILURES_READ = 20_000


def generate(analysis: Analysis, store: Store) -> Proposals:
    """Candidates of a cycle: recorded alternatives first, then refinements.

    A recorded alternative is another version of the prompt that already ran.
    Refinements are made only where a suite gives reflect cases, and see
    nothing else.

    Args:
        analysis: what the cycle found.
        store: versions, cases, lineage and the proposals rejected before.

    Returns:
        Proposals, each with one parent and a text that differs from it.
    """
    context = analysis.context
    request = context.request
    if context.control is None or not analysis.need.should_optimize:
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
    refined: tuple[Proposal, ...] = ()
    discarded: tuple[DiscardedProposal, ...] = ()
    if analysis.need.should_optimize and control.text is not None and request.suite is not None:
        material = _material(analysis, store, control, avoid)
        room = max(0, context.strategy.max_candidates - len(recorded))
        refined, discarded = refine(material, Limits(max_candidates=room))
        if request.placebo:
            refined = (*refined, placebo(control))
    proposals = (*recorded, *named(refined, analysis.insights))
    because = "" if proposals else "nothing is left to propose that was not tried before"
    return Proposals(context=context, proposals=proposals, discarded=discarded, because=because)


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


def _material(analysis: Analysis, store: Store, control: PromptVersion, avoid: frozenset[str]) -> Material:
    request = analysis.context.request
    suite_name = request.suite or ""
    report = analysis.report
    return Material(
        control=control,
        suite=store.cases.suite(request.workspace, suite_name),
        cases=ReflectCases(cases=tuple(store.cases.cases(request.workspace, suite_name, Role.REFLECT))),
        failures=tuple(_reflect_failures(analysis, store)),
        patterns=leading_patterns(
            analysis.patterns,
            analysis.insights,
            analysis.context.strategy.insight_confidence_threshold,
        ),
        failure_rate=None if report.success_rate is None else 1.0 - report.success_rate,
        avoid=avoid,
    )


def _reflect_failures(analysis: Analysis, store: Store) -> Sequence[Execution]:
    context = analysis.context
    failures = store.executions.failures(
        Scope(
            workspace=context.request.workspace,
            prompt=context.request.prompt,
            version=context.control,
            since=context.window_start,
            exclude_sources=("experiment",),
        ),
        MAX_FAILURES_READ,
    )
    return [f for f in failures if role_of(f.inputs) is Role.REFLECT]
