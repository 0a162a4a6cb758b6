"""What the proposers of a cycle may see, read from the store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.insights import leading_patterns
from flywheel.learn.planning import CallCost
from flywheel.learn.prompt_leaks import LeakGuard, guard_against, leaves
from flywheel.learn.refinement_material import Limits, Material, RejectedText, Winner, weakest_model
from flywheel.learn.root_cause import contrast_pairs
from flywheel.ports import Store
from flywheel.records.analysis import Analysis
from flywheel.records.case import ReflectCases, Role, Suite, role_of
from flywheel.records.columns import NOT_EVIDENCE, Scope
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion

MAX_READ = 20_000
"""Failures, then passes, that are read as text."""

MAX_PATTERNS = 6
"""Failure patterns for which the same input, once passed and once failed, is looked for."""


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
    threshold = analysis.context.strategy.insight_confidence_threshold
    patterns = leading_patterns(analysis.patterns, analysis.insights, threshold)
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
        rejected=tuple(
            RejectedText(p, because)
            for p, because in store.cycles.rejections(request.workspace, request.prompt)
        ),
        winners=_winners(store, request.workspace, request.prompt),
        model=request.model,
        cycle_id=analysis.context.cycle_id,
        weakest=weakest_model(failures, passes, request.models) if request.also_models else None,
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


def _winners(store: Store, workspace: str, prompt: str) -> tuple[Winner, ...]:
    found = []
    for proposal, gains in store.cycles.winners(workspace, prompt):
        version = store.prompts.get(workspace, prompt, proposal.version)
        parent = store.prompts.get(workspace, prompt, proposal.parent)
        if version is not None and version.text is not None:
            text = parent.text if parent is not None else None
            found.append(Winner(version, proposal.strategy, text, tuple(sorted(gains.items()))))
    return tuple(found)


def limits_of(analysis: Analysis, store: Store) -> Limits:
    """Sizes and ceilings of spend that a candidate of the cycle must keep.

    Args:
        analysis: names the cycle with its budgets.
        store: executions of the live version say what a call costs.
    """
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
        exclude_sources=NOT_EVIDENCE,
    )


def _of_reflect_cases(executions: Sequence[Execution]) -> list[Execution]:
    return [e for e in executions if role_of(e.inputs) is Role.REFLECT]
