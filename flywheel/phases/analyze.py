"""Phase 2: what fails, how often, why, whether that makes a need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from flywheel.learn.attributes import attributes_of, attributes_of_columns
from flywheel.learn.flaky import flaky_only
from flywheel.learn.insights import insights
from flywheel.learn.pattern_states import with_states
from flywheel.learn.patterns import PatternEvidence, mine_patterns
from flywheel.learn.prompt_analysis import analyze_prompt
from flywheel.learn.reporting import report_by, test_execution_report
from flywheel.learn.scoring import ScoringRules
from flywheel.learn.slices import search_slices
from flywheel.phases.explain import Explained, Explainer, explained
from flywheel.ports import Store
from flywheel.records.analysis import Analysis, FailurePattern, Feedback, Need, TestExecutionReport
from flywheel.records.case import Role, role_of
from flywheel.records.columns import NOT_EVIDENCE, OUTCOMES, ExecutionColumns, Scope
from flywheel.records.execution import Execution
from flywheel.records.findings import FlakyTest, PromptAnalysis, SliceFinding
from flywheel.records.strategy import LearningStrategy

MAX_FLAKY = 50
"""Flaky tests an analysis keeps by name; their insight counts all."""

MAX_FAILURES_READ = 20_000
MAX_PASSES_READ = 20_000
"""Executions whose texts are read, spread over the window; counts always cover all of them."""


@dataclass(frozen=True, slots=True)
class _Read:
    """Executions with their texts, those a proposer may learn from."""

    failures: Sequence[Execution]
    passes: Sequence[Execution]
    total_failures: int
    total_passes: int
    only_reflect: bool

    @property
    def complete(self) -> bool:
        return len(self.failures) + len(self.passes) >= self.total_failures + self.total_passes


def analyze(
    feedback: Feedback,
    store: Store,
    rules: ScoringRules | None = None,
    explainer: Explainer | None = None,
) -> Analysis:
    """Reports, failure patterns, worse slices and the need of the live version.

    Where a suite decides, patterns, slices and insights come from reflect cases
    only, so that what the proposer learns holds nothing of the gate.

    Args:
        feedback: the evidence of the cycle.
        store: where the executions are.
        rules: limits of a healthy prompt; the defaults when None.
        explainer: writes causes from contrast pairs; None leaves the rules alone.

    Returns:
        The analysis; without a live version, or with fewer scored executions
        than the strategy asks for, the need is False and says why.
    """
    context = feedback.context
    scope = control_scope(feedback)
    columns = store.executions.columns(scope)
    report = test_execution_report(columns)
    need = (rules or ScoringRules()).should_optimize(report)
    need = _enough(need, report, context.strategy, context.control)
    slices = report_by(columns, columns.slice)
    if context.control is None:
        return Analysis(context=context, report=report, slices=slices, need=need)
    read = _read(scope, columns, store, only_reflect=context.request.suite is not None)
    found, unseen = _patterns(feedback, columns, read, store)
    told = Explained(found) if explainer is None else explained(found, read.failures, read.passes, explainer)
    worse = _worse_slices(columns, read)
    shaky = _flaky(columns, read)
    prompt = _prompt_analysis(feedback, store)
    return Analysis(
        context=context,
        report=report,
        slices=slices,
        patterns=told.patterns,
        unseen=unseen,
        need=need,
        slice_findings=worse,
        flaky=shaky[:MAX_FLAKY],
        insights=insights(told.patterns, worse, shaky, prompt),
        prompt_analysis=prompt,
        evidence={
            "failures_read": len(read.failures),
            "failures": read.total_failures,
            "passes_read": len(read.passes),
            "passes": read.total_passes,
            "flaky_tests": len(shaky),
            "patterns_from": "reflect cases" if read.only_reflect else "all failures",
            **_asked(told, explainer),
        },
    )


def _asked(told: Explained, explainer: Explainer | None) -> dict[str, JsonValue]:
    if explainer is None:
        return {}
    return {
        "explained_by": explainer.name,
        "explain_calls": told.asked,
        "explained": told.written,
        "explain_cost_usd": told.cost_usd,
        "not_explained": list(told.because),
    }


def control_scope(feedback: Feedback) -> Scope:
    """Executions of the live version in the window of the cycle."""
    context = feedback.context
    return Scope(
        workspace=context.request.workspace,
        prompt=context.request.prompt,
        version=context.control,
        since=context.window_start,
        exclude_sources=NOT_EVIDENCE,
        watermark=None if context.request.suite else context.watermark,
    )


def reflect_only(executions: Sequence[Execution]) -> list[Execution]:
    """Executions of reflect cases; a copy of a gate case under another id stays out."""
    return [e for e in executions if role_of(e.inputs) is Role.REFLECT]


def _read(scope: Scope, columns: ExecutionColumns, store: Store, *, only_reflect: bool) -> _Read:
    failures: Sequence[Execution] = store.executions.failures(scope, MAX_FAILURES_READ)
    passes: Sequence[Execution] = store.executions.passes(scope, MAX_PASSES_READ)
    if only_reflect:
        failures, passes = reflect_only(failures), reflect_only(passes)
        return _Read(failures, passes, len(failures), len(passes), only_reflect)
    counts = np.bincount(columns.outcome, minlength=len(OUTCOMES))
    failed = int(counts[OUTCOMES.index("failed")] + counts[OUTCOMES.index("error")])
    return _Read(failures, passes, failed, int(counts[OUTCOMES.index("passed")]), only_reflect)


def _patterns(
    feedback: Feedback, columns: ExecutionColumns, read: _Read, store: Store
) -> tuple[tuple[FailurePattern, ...], tuple[FailurePattern, ...]]:
    """Patterns of this window, then the known ones that were not seen in it."""
    request = feedback.context.request
    known = store.cycles.patterns(request.workspace, request.prompt)
    found = mine_patterns(
        PatternEvidence(read.failures, read.passes, read.total_failures, read.total_passes, known, columns)
    )
    cycle = feedback.context.cycle_id
    stated = with_states(found, known, read.total_failures + read.total_passes, cycle)
    seen = tuple(p for p in stated if p.count)
    return seen, tuple(p for p in stated if not p.count)


def _flaky(columns: ExecutionColumns, read: _Read) -> tuple[FlakyTest, ...]:
    """The flaky tests, the surest first; with a suite, those of reflect cases only."""
    found = flaky_only(columns)
    if read.only_reflect:
        shown = {e.case_id for e in (*read.failures, *read.passes)}
        found = tuple(t for t in found if t.case_id in shown)
    return found


def _worse_slices(columns: ExecutionColumns, read: _Read) -> tuple[SliceFinding, ...]:
    """All executions by their names; where the texts of all were read, by features of the input too."""
    if read.only_reflect or read.complete:
        return search_slices(attributes_of((*read.failures, *read.passes)))
    return search_slices(attributes_of_columns(columns))


def _prompt_analysis(feedback: Feedback, store: Store) -> PromptAnalysis | None:
    context = feedback.context
    version = store.prompts.get(context.request.workspace, context.request.prompt, context.control or "")
    return None if version is None or version.text is None else analyze_prompt(version.text)


def _enough(need: Need, report: TestExecutionReport, strategy: LearningStrategy, control: str | None) -> Need:
    if control is None:
        why = "no version is live, so there is nothing to beat; see: flywheel prompt add --help"
        return Need(should_optimize=False, score=0.0, reasons=(why,))
    scored = report.successful_tests + report.failed_tests + report.error_tests
    if scored < strategy.min_tests_for_cycle:
        why = (
            f"{scored} scored executions of the live version in the window; strategy "
            f"{strategy.name!r} asks for {strategy.min_tests_for_cycle}"
        )
        return Need(should_optimize=False, score=need.score, reasons=(why,))
    return need
