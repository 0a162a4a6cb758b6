"""Test execution reports from columns of executions."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from flywheel.records.analysis import ErrorDistribution, SliceReport, TestExecutionReport
from flywheel.records.columns import OUTCOMES, Coded, ExecutionColumns

PASSED, FAILED, ERROR, SKIPPED, UNSCORED = range(len(OUTCOMES))

ERROR_CLASSES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("timeout_errors", re.compile(r"time.?out|deadline|timed out", re.IGNORECASE)),
    (
        "validation_errors",
        re.compile(
            r"format|valid|schema|json|parse|no_answer|empty_answer|type.?error|assert", re.IGNORECASE
        ),
    ),
    (
        "llm_errors",
        re.compile(
            r"no_final_answer|no_yes_or_no|refus|content.?filter|length|context|cut.?off|truncat|hallucin",
            re.IGNORECASE,
        ),
    ),
    ("wrong_answers", re.compile(r"wrong|incorrect|mismatch", re.IGNORECASE)),
    (
        "api_errors",
        re.compile(
            r"api|http|connect|rate.?limit|unavailable|server|network|auth|quota|40[0-9]|429|50[0-9]",
            re.IGNORECASE,
        ),
    ),
)
"""Class of an error by its type, first match wins; docs/evidence.md lists the rules."""


def error_class(error_type: str | None) -> str:
    """Class of one failed or errored execution by its error type.

    A failure without a type is a wrong answer: the model answered and it did not fit.

    Examples:
        >>> error_class("ReadTimeout"), error_class("format_violation"), error_class(None)
        ('timeout_errors', 'validation_errors', 'wrong_answers')
    """
    if error_type is None:
        return "wrong_answers"
    for name, pattern in ERROR_CLASSES:
        if pattern.search(error_type):
            return name
    return "other_errors"


def test_execution_report(
    columns: ExecutionColumns,
    mask: NDArray[np.bool_] | None = None,  # noqa: PT028 - the name says report, not test
    group: str | None = None,  # noqa: PT028 - the same
) -> TestExecutionReport:
    """Aggregated metrics of the executions a mask selects.

    Args:
        columns: n executions.
        mask: bool, shape (n,); all when None. Skipped executions never count.
        group: name of what the mask selects.

    Returns:
        The report; a metric nobody recorded is None, never 0.
    """
    chosen = np.ones(len(columns), dtype=bool) if mask is None else mask
    chosen = chosen & (columns.outcome != SKIPPED)
    outcome = columns.outcome[chosen]
    counts = np.bincount(outcome, minlength=len(OUTCOMES))
    passed, failed, errors = int(counts[PASSED]), int(counts[FAILED]), int(counts[ERROR])
    scored = passed + failed + errors
    latency = _known(columns.latency_ms[chosen])
    cost = _known(columns.cost_usd[chosen])
    tokens = _known(columns.input_tokens[chosen] + columns.output_tokens[chosen])
    return TestExecutionReport(
        group=group,
        total_tests=scored + int(counts[UNSCORED]),
        successful_tests=passed,
        failed_tests=failed,
        error_tests=errors,
        unscored_tests=int(counts[UNSCORED]),
        success_rate=passed / scored if scored else None,
        avg_response_time_ms=float(latency.mean()) if latency.size else None,
        p95_response_time_ms=float(np.quantile(latency, 0.95)) if latency.size else None,
        p99_response_time_ms=float(np.quantile(latency, 0.99)) if latency.size else None,
        total_tokens=int(tokens.sum()) if tokens.size else None,
        avg_tokens=float(tokens.mean()) if tokens.size else None,
        total_cost_usd=float(cost.sum()) if cost.size else None,
        cost_per_request_usd=float(cost.mean()) if cost.size else None,
        error_distribution=_distribution(columns, chosen),
    )


test_execution_report.__test__ = False  # type: ignore[attr-defined]


def report_by(
    columns: ExecutionColumns, by: Coded, mask: NDArray[np.bool_] | None = None
) -> tuple[SliceReport, ...]:
    """One report per value of a coded column, worst success rate first.

    Args:
        columns: n executions.
        by: the column to group by, one of the coded columns of `columns`.
        mask: bool, shape (n,); all when None.

    Returns:
        Reports of the named groups; executions without a name are left out.
    """
    chosen = np.ones(len(columns), dtype=bool) if mask is None else mask
    reports = [
        SliceReport(slice=name, report=test_execution_report(columns, chosen & (by.codes == code), name))
        for code, name in enumerate(by.names)
        if bool((chosen & (by.codes == code)).any())
    ]
    return tuple(sorted(reports, key=lambda s: (_rate(s), s.slice)))


def _rate(row: SliceReport) -> float:
    rate = row.report.success_rate
    return 2.0 if rate is None else rate


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[~np.isnan(values)]


def _distribution(columns: ExecutionColumns, chosen: NDArray[np.bool_]) -> ErrorDistribution:
    wrong = chosen & ((columns.outcome == FAILED) | (columns.outcome == ERROR))
    codes = columns.error_type.codes[wrong]
    counts: dict[str, int] = {}
    names = columns.error_type.names
    for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
        name = error_class(names[code] if code >= 0 else None)
        counts[name] = counts.get(name, 0) + int(count)
    return ErrorDistribution(**counts, total_errors=int(wrong.sum()))
