"""Reports add up, and what nobody recorded stays unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.reporting import error_class, report_by, test_execution_report
from flywheel.learn.scoring import ScoringRules
from flywheel.records.analysis import ErrorDistribution, TestExecutionReport
from flywheel.records.columns import Coded, ExecutionColumns


def columns(outcomes: list[int], latency: list[float] | None = None) -> ExecutionColumns:
    """Executions with outcomes and nothing else known."""
    n = len(outcomes)
    unknown = np.full(n, np.nan)
    nothing = Coded(np.full(n, -1, dtype=np.int32), ())
    slices = Coded((np.arange(n) % 2).astype(np.int32), ("even", "odd")[: min(n, 2)])
    return ExecutionColumns(
        seq=np.arange(n, dtype=np.int64),
        outcome=np.array(outcomes, dtype=np.int8),
        score=unknown,
        confidence=unknown,
        latency_ms=unknown if latency is None else np.array(latency),
        cost_usd=unknown,
        input_tokens=unknown,
        output_tokens=unknown,
        started_at=unknown,
        version=nothing,
        slice=slices,
        model=nothing,
        agent=nothing,
        case=nothing,
        error_type=nothing,
    )


def test_what_was_never_recorded_is_none():
    """Missing latency, tokens and cost are not zero."""
    report = test_execution_report(columns([0, 0, 1]))

    assert report.avg_response_time_ms is None
    assert report.total_tokens is None
    assert report.total_cost_usd is None


def test_a_report_of_nothing_has_no_success_rate():
    """No execution gives no rate."""
    assert test_execution_report(columns([])).success_rate is None


def test_skipped_executions_do_not_count():
    """A skipped test is no evidence."""
    assert test_execution_report(columns([0, 3, 3])).total_tests == 1


def test_counts_that_do_not_add_up_are_refused():
    """The success rate is validated against the counts."""
    with pytest.raises(ValueError, match="the counts give"):
        TestExecutionReport(total_tests=2, successful_tests=1, failed_tests=1, success_rate=0.9)
    with pytest.raises(ValueError, match="sum to"):
        ErrorDistribution(timeout_errors=1, total_errors=3)


def test_groups_come_worst_first():
    """The slice that needs help is on top."""
    rows = report_by(columns([0, 1, 0, 1]), columns([0, 1, 0, 1]).slice)

    assert [r.slice for r in rows] == ["odd", "even"]


@pytest.mark.parametrize(
    ("error_type", "expected"),
    [
        ("ReadTimeout", "timeout_errors"),
        ("JSONDecodeError", "validation_errors"),
        ("no_final_answer", "llm_errors"),
        ("RateLimitError", "api_errors"),
        ("wrong_answer", "wrong_answers"),
        ("ZeroDivisionError", "other_errors"),
    ],
)
def test_an_error_type_has_a_class(error_type: str, expected: str):
    """Common error types land where a person looks for them."""
    assert error_class(error_type) == expected


@given(st.lists(st.integers(0, 4), max_size=60))
def test_error_classes_sum_to_failed_plus_errors(outcomes: list[int]):
    """No failure is without a class."""
    report = test_execution_report(columns(outcomes))

    assert report.error_distribution.total_errors == report.failed_tests + report.error_tests


@given(st.integers(1, 200), st.integers(0, 200), st.integers(0, 50))
def test_more_failures_never_lower_a_need(passed: int, failed: int, more: int):
    """The score of the need grows with the failures."""
    rules = ScoringRules()

    def need(failures: int):
        total = passed + failures
        return rules.should_optimize(
            TestExecutionReport(
                total_tests=total,
                successful_tests=passed,
                failed_tests=failures,
                success_rate=passed / total,
            )
        )

    assert need(failed + more).score >= need(failed).score
    assert need(failed + more).should_optimize >= need(failed).should_optimize


def test_slow_and_dear_executions_make_a_need_with_reasons():
    """Every limit that is broken is a reason."""
    report = TestExecutionReport(
        total_tests=10,
        successful_tests=10,
        failed_tests=0,
        success_rate=1.0,
        p95_response_time_ms=9000,
        cost_per_request_usd=0.5,
    )

    need = ScoringRules().should_optimize(report)

    assert need.should_optimize
    assert len(need.reasons) == 2
