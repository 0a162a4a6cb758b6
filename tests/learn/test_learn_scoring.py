"""Scoring rules answer with reasons; metrics of older systems are read."""

from __future__ import annotations

import pytest

from flywheel.errors import InputError
from flywheel.learn.patterns import failure_patterns
from flywheel.learn.prompt_analysis import analyze_prompt
from flywheel.learn.reports_of_old import report_from_baseline_metrics, report_from_executor_result
from flywheel.learn.scoring import ScoringRules
from flywheel.records.analysis import TestExecutionReport
from flywheel.records.execution import Execution
from flywheel.stats.proportions import Counts

RULES = ScoringRules()


def report(passed: int, failed: int) -> TestExecutionReport:
    """Metrics of so many tests."""
    total = passed + failed
    return TestExecutionReport(
        total_tests=total, successful_tests=passed, failed_tests=failed, success_rate=passed / total
    )


def test_a_critical_issue_in_the_text_is_a_reason():
    """Good results do not hide that the prompt has no place for its input."""
    need = RULES.should_optimize(report(99, 1), analyze_prompt("Say hello."))

    assert need.should_optimize
    assert any("critical issues" in reason for reason in need.reasons)


def test_a_drop_beyond_chance_is_a_reason():
    """95 % today against 99 % before is a reason with many tests, not with few."""
    many = RULES.should_optimize(report(1900, 100), None, report(1980, 20))
    few = RULES.should_optimize(report(19, 1), None, report(20, 0))

    assert many.should_optimize
    assert "the drop is at least" in many.reasons[0]
    assert not few.should_optimize


@pytest.mark.parametrize(
    ("fields", "strategy"),
    [
        ({"error_type": "format_violation"}, "output_format"),
        ({"expected": "a", "output": "b"}, "definitions"),
        ({"outcome": "error", "error_type": "ReadTimeout"}, "none"),
    ],
)
def test_the_strategy_follows_the_most_damaging_pattern(fields: dict[str, str], strategy: str):
    """A failed call is cured by no strategy."""
    failures = [
        Execution.model_validate({"execution_id": f"e{n}", "outcome": "failed", **fields}) for n in range(3)
    ]

    name, reason = RULES.select_strategy(report(7, 3), failure_patterns(failures))

    assert name == strategy
    assert reason


def test_a_clearly_better_record_overrules_the_rule():
    """History counts from five trials, when the intervals do not overlap."""
    failures = [Execution(execution_id=f"e{n}", outcome="failed", expected="a", output="b") for n in range(3)]
    history = {"definitions": Counts(1, 20), "demonstrations": Counts(15, 20)}

    name, reason = RULES.select_strategy(report(7, 3), failure_patterns(failures), None, history)

    assert name == "demonstrations"
    assert "15 of 20" in reason


def test_without_failures_the_text_points_at_a_strategy():
    """An undemanded format is the first thing to try."""
    name, _ = RULES.select_strategy(report(9, 0), (), analyze_prompt("Answer this.\n\nQuestion: {q}"))

    assert name == "output_format"


def test_the_success_rate_of_old_metrics_is_counted_again():
    """What the metrics say of themselves does not count."""
    found = report_from_baseline_metrics(
        {"total_tests": 200, "passed": 150, "success_rate": 0.9, "avg_response_time": 120.0, "total_cost": 2}
    )

    assert found.success_rate == 0.75
    assert (found.avg_response_time_ms, found.total_cost_usd, found.p95_response_time_ms) == (
        120.0,
        2.0,
        None,
    )


@pytest.mark.parametrize(
    "metrics", [{}, {"total_tests": 5, "passed": 9}, {"total_tests": 9, "passed": 1, "failed": 2}]
)
def test_old_metrics_that_contradict_themselves_are_refused(metrics: dict[str, int]):
    """The message says what was left undone."""
    with pytest.raises(InputError, match="Nothing was converted"):
        report_from_baseline_metrics(metrics)


def test_an_executor_result_is_classified_by_its_messages():
    """Each failed test lands in one class; latency and cost are averaged where they are known."""
    rows = [
        {"success": True, "latency_ms": 100, "cost": 0.1},
        {"success": False, "error": "Request timed out", "latency_ms": 300},
        {"success": False, "error": "HTTP 503 service unavailable"},
        {"success": False, "error": "context length exceeded"},
        {"success": False, "error": "schema validation failed"},
        {"success": False},
    ]

    found = report_from_executor_result({"results": rows})

    errors = found.error_distribution
    classes = (errors.timeout_errors, errors.api_errors, errors.llm_errors, errors.validation_errors)
    assert classes == (1, 1, 1, 1)
    assert errors.wrong_answers == 1
    assert (found.avg_response_time_ms, found.total_cost_usd) == (200.0, 0.1)
