"""Phase 2: what fails, how often, why, whether that makes a need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flywheel.learn.pattern_states import with_states
from flywheel.learn.patterns import PatternEvidence, mine_patterns
from flywheel.learn.reporting import report_by, test_execution_report
from flywheel.learn.scoring import ScoringRules
from flywheel.ports import Store
from flywheel.records.analysis import Analysis, Feedback, Need, TestExecutionReport
from flywheel.records.case import Role, role_of
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.records.strategy import LearningStrategy

MAX_FAILURES_READ = 20_000
"""Failures whose texts are read; counts always cover all of them."""


def analyze(feedback: Feedback, store: Store, rules: ScoringRules | None = None) -> Analysis:
    """Reports, failure patterns and the need of the live version.

    Where a suite decides, patterns come from reflect cases only, so that what
    the proposer learns holds nothing of the gate.

    Args:
        feedback: the evidence of the cycle.
        store: where the executions are.
        rules: limits of a healthy prompt; the defaults when None.

    Returns:
        The analysis; without a live version, or with fewer scored executions
        than the strategy asks for, the need is False and says why.
    """
    context = feedback.context
    scope = control_scope(feedback)
    columns = store.executions.columns(scope)
    report = test_execution_report(columns)
    failures = store.executions.failures(scope, MAX_FAILURES_READ)
    if context.request.suite is not None:
        failures = reflect_only(failures)
    patterns = failure_patterns(failures) if context.control is not None else ()
    need = (rules or ScoringRules()).should_optimize(report)
    return Analysis(
        context=context,
        report=report,
        slices=report_by(columns, columns.slice, np.ones(len(columns), dtype=bool)),
        patterns=patterns,
        need=_enough(need, report, context.strategy, context.control),
        evidence={
            "failures_read": len(failures),
            "patterns_from": "reflect cases" if context.request.suite else "all failures",
        },
    )


def control_scope(feedback: Feedback) -> Scope:
    """Executions of the live version in the window of the cycle."""
    context = feedback.context
    return Scope(
        workspace=context.request.workspace,
        prompt=context.request.prompt,
        version=context.control,
        since=context.window_start,
        exclude_sources=("experiment",),
        watermark=None if context.request.suite else context.watermark,
    )


def reflect_only(executions: Sequence[Execution]) -> list[Execution]:
    """Executions of reflect cases; a copy of a gate case under another id stays out."""
    return [e for e in executions if role_of(e.inputs) is Role.REFLECT]


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
