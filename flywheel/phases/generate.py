"""Phase 3: versions worth testing, made from what failed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.lineage import LineageGraph
from flywheel.learn.planning import CallCost
from flywheel.learn.prompt_leaks import LeakGuard, guard_against, leaves
from flywheel.learn.refinement import (
    Limits,
    Material,
    RejectedText,
    Sorted,
    candidates,
    placebo,
    within_room,
)
from flywheel.learn.root_cause import contrast_pairs
from flywheel.ports import Store
from flywheel.records.analysis import Analysis
from flywheel.records.case import ReflectCases, Role, Suite, role_of
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.records.lineage import EdgeKind
from flywheel.records.prompt import PromptVersion
from flywheel.records.proposal import Proposal, Proposals

MAX_READ = 20_000
"""Failures, then passes, that are read as text."""

MAX_PATTERNS = 6
"""Failure patterns for which the same input, once passed and once failed, is looked for."""


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
    recorded = _recorded(analysis, store, control, avoid)
    found = Sorted(())
    if analysis.need.should_optimize and control.text is not None and request.suite is not None:
        limits = _limits(analysis, store)
        room = max(0, context.strategy.max_candidates - len(recorded))
        found = within_room(candidates(material_of(analysis, store, control, avoid), limits), room)
        if request.placebo:
            found += Sorted((placebo(control),))
    proposals = (*recorded, *found.proposals)
    because = "" if proposals else _nothing_left(found)
    return Proposals(context=context, proposals=proposals, discarded=found.discarded, because=because)


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


def material_of(analysis: Analysis, store: Store, control: PromptVersion, avoid: frozenset[str]) -> Material:
    """What proposers may see: reflect cases with their executions, and a guard that tells no gate case.

    Args:
        analysis: failure patterns with the cycle they belong to.
        store: executions, cases, rejected proposals.
        control: the live version, with text.
        avoid: versions that must not come again.
    """
    request = analysis.context.request
    suite_name = request.suite or ""
    report = analysis.report
    reflect = ReflectCases(cases=tuple(store.cases.cases(request.workspace, suite_name, Role.REFLECT)))
    suite = store.cases.suite(request.workspace, suite_name)
    failures = tuple(_of_reflect_cases(store.executions.failures(_live(analysis), MAX_READ)))
    passes = tuple(_of_reflect_cases(store.executions.passes(_live(analysis), MAX_READ)))
    patterns = tuple(
        p for p in analysis.patterns if p.confidence >= analysis.context.strategy.insight_confidence_threshold
    )
    return Material(
        control=control,
        suite=suite,
        cases=reflect,
        failures=failures,
        patterns=patterns,
        failure_rate=None if report.success_rate is None else 1.0 - report.success_rate,
        avoid=avoid,
        passes=passes,
        pairs=tuple(pair for p in patterns[:MAX_PATTERNS] for pair in contrast_pairs(p, failures, passes)),
        rejected=tuple(RejectedText(p) for p in store.cycles.rejected(request.workspace, request.prompt)),
        model=request.model,
        guard=_guard(store, request.workspace, suite, reflect, control),
    )


def _guard(
    store: Store, workspace: str, suite: Suite | None, reflect: ReflectCases, control: PromptVersion
) -> LeakGuard:
    """Hashes of what only gate or report cases say; their text ends here."""
    if suite is None:
        return LeakGuard()
    roles = (Role.GATE, Role.REPORT)
    kept_back = [c for role in roles for c in store.cases.cases(workspace, suite.suite, role)]
    known = [text for case in reflect.cases for text in leaves([case.inputs, case.expected])]
    known += [f"{o.name} {o.description}" for o in suite.options]
    return guard_against(kept_back, [*known, control.text or ""])


def _limits(analysis: Analysis, store: Store) -> Limits:
    context = analysis.context
    columns = store.executions.columns(_live(analysis))

    def mean(values: NDArray[np.float64]) -> float | None:
        known = values[~np.isnan(values)]
        return float(known.mean()) if known.size else None

    return Limits(
        least_calls=2 * context.strategy.min_sample_size,
        cost=CallCost(mean(columns.input_tokens), mean(columns.output_tokens), mean(columns.cost_usd)),
        budget_tokens=context.request.budget_tokens,
        budget_usd=context.request.budget_usd,
    )


def _live(analysis: Analysis) -> Scope:
    context = analysis.context
    return Scope(
        workspace=context.request.workspace,
        prompt=context.request.prompt,
        version=context.control,
        since=context.window_start,
        exclude_sources=("experiment",),
    )


def _of_reflect_cases(executions: Sequence[Execution]) -> list[Execution]:
    return [e for e in executions if role_of(e.inputs) is Role.REFLECT]
