"""Metrics as older systems wrote them, as test execution reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import JsonValue

from flywheel.errors import InputError
from flywheel.learn.error_messages import class_of_message
from flywheel.learn.reporting import error_class
from flywheel.records.analysis import ErrorDistribution, TestExecutionReport

_NAMES: dict[str, tuple[str, ...]] = {
    "total_tests": ("total_tests", "total", "tests", "total_requests", "num_tests"),
    "successful_tests": ("successful_tests", "passed", "successes", "successful", "passed_tests"),
    "failed_tests": ("failed_tests", "failed", "failures"),
    "avg_response_time_ms": ("avg_response_time_ms", "avg_response_time", "avg_latency_ms"),
    "p95_response_time_ms": ("p95_response_time_ms", "p95_latency_ms", "p95_response_time"),
    "p99_response_time_ms": ("p99_response_time_ms", "p99_latency_ms", "p99_response_time"),
    "total_tokens": ("total_tokens", "tokens"),
    "avg_tokens": ("avg_tokens", "avg_tokens_per_request"),
    "total_cost_usd": ("total_cost_usd", "total_cost", "cost"),
    "cost_per_request_usd": ("cost_per_request_usd", "cost_per_request", "avg_cost"),
}
"""Field of a report with the names it went by; the first one that is there counts."""

_ERRORS = ("timeout_errors", "api_errors", "validation_errors", "llm_errors")


def report_from_baseline_metrics(metrics: Mapping[str, JsonValue]) -> TestExecutionReport:
    """A report from the earlier `baseline_metrics`; the success rate is counted again.

    Args:
        metrics: counts under any of their older names. A stated success rate is used only to find the
            passed tests when they are missing.

    Returns:
        The report; what is missing is None. Errors nobody classified are other errors.

    Raises:
        InputError: no number of tests, or counts that contradict each other.

    Examples:
        >>> old = {"total_tests": 50, "successful_tests": 40, "success_rate": 0.9}
        >>> report = report_from_baseline_metrics(old)
        >>> report.success_rate, report.failed_tests
        (0.8, 10)
    """
    found = {field: _number(metrics, names) for field, names in _NAMES.items()}
    total, passed, failed = _counts(metrics, found)
    errors = {name: int(_number(_inside(metrics, "error_distribution"), (name,)) or 0) for name in _ERRORS}
    known = sum(errors.values())
    if known > failed:
        msg = (
            f"{known} errors, {failed} failed tests in baseline_metrics. Nothing was converted. Correct one."
        )
        raise InputError(msg)
    return TestExecutionReport(
        workflow_id=_text(metrics, "workflow_id"),
        run_id=_text(metrics, "run_id"),
        total_tests=total,
        successful_tests=passed,
        failed_tests=failed,
        success_rate=passed / total if total else None,
        error_distribution=ErrorDistribution(**errors, other_errors=failed - known, total_errors=failed),
        avg_response_time_ms=found["avg_response_time_ms"],
        p95_response_time_ms=found["p95_response_time_ms"],
        p99_response_time_ms=found["p99_response_time_ms"],
        total_tokens=None if found["total_tokens"] is None else int(found["total_tokens"]),
        avg_tokens=found["avg_tokens"],
        total_cost_usd=found["total_cost_usd"],
        cost_per_request_usd=found["cost_per_request_usd"],
    )


def report_from_executor_result(result: Mapping[str, JsonValue]) -> TestExecutionReport:
    """A report from what an executor of older systems gave: counts, or one result per test.

    Args:
        result: `results` holds one object per test with `success` or `passed` (None is unscored), with
            `error`, perhaps `error_type`, where it failed; without it the result is read as baseline
            metrics. One of the `runs` that `flywheel run --json` prints is such a result.

    Returns:
        The report, with the errors classified by their messages.

    Examples:
        >>> rows = [{"success": True}, {"success": False, "error": "Read timed out"}]
        >>> report_from_executor_result({"results": rows}).error_distribution.timeout_errors
        1
    """
    rows = result.get("results")
    if not isinstance(rows, list):
        return report_from_baseline_metrics(result)
    tests = [row for row in rows if isinstance(row, dict) and row.get("outcome") != "skipped"]
    said = [row.get("success", row.get("passed", False)) for row in tests]
    good = [row for row, success in zip(tests, said, strict=True) if success is True]
    unscored = [row for row, success in zip(tests, said, strict=True) if success is None]
    bad = [row for row, success in zip(tests, said, strict=True) if success not in (True, None)]
    errors = sum(row.get("outcome") == "error" for row in bad)
    classes = [_class_of(row) for row in bad]
    latency = _column(tests, ("response_time_ms", "latency_ms", "duration_ms"))
    tokens = _column(tests, ("tokens", "total_tokens", "tokens_used"))
    cost = _column(tests, ("cost_usd", "cost"))
    return TestExecutionReport(
        workflow_id=_text(result, "workflow_id"),
        run_id=_text(result, "run_id"),
        total_tests=len(tests),
        successful_tests=len(good),
        failed_tests=len(bad) - errors,
        error_tests=errors,
        unscored_tests=len(unscored),
        success_rate=len(good) / (len(good) + len(bad)) if good or bad else None,
        avg_response_time_ms=sum(latency) / len(latency) if latency else None,
        p95_response_time_ms=float(np.quantile(latency, 0.95)) if latency else None,
        p99_response_time_ms=float(np.quantile(latency, 0.99)) if latency else None,
        total_tokens=int(sum(tokens)) if tokens else None,
        avg_tokens=sum(tokens) / len(tokens) if tokens else None,
        total_cost_usd=sum(cost) if cost else None,
        cost_per_request_usd=sum(cost) / len(cost) if cost else None,
        error_distribution=ErrorDistribution(
            **{name: classes.count(name) for name in dict.fromkeys(classes)}, total_errors=len(classes)
        ),
    )


def _class_of(row: Mapping[str, JsonValue]) -> str:
    """By the type of the error where one is told, else by its message."""
    kind = row.get("error_type")
    return error_class(kind) if isinstance(kind, str) else class_of_message(str(row.get("error") or ""))


def _counts(metrics: Mapping[str, JsonValue], found: Mapping[str, float | None]) -> tuple[int, int, int]:
    total, passed, failed = (found[n] for n in ("total_tests", "successful_tests", "failed_tests"))
    if total is None and passed is not None and failed is not None:
        total = passed + failed
    if total is None:
        msg = f"No number of tests, only {sorted(metrics)!r}. Nothing was converted. Add total_tests."
        raise InputError(msg)
    rate = _number(metrics, ("success_rate",))
    if passed is None and failed is None and rate is not None:
        passed = round(total * (rate / 100 if rate > 1 else rate))
    if passed is None:
        passed = total - (failed or 0)
    if not 0 <= passed <= total or (failed is not None and passed + failed != total):
        msg = (
            f"baseline_metrics has {total:g} tests, {passed:g} passed, failed {failed!r}; need passed + "
            "failed = total. Nothing was converted. Correct the counts."
        )
        raise InputError(msg)
    return int(total), int(passed), int(total - passed)


def _number(metrics: Mapping[str, JsonValue], names: Sequence[str]) -> float | None:
    for name in names:
        value = metrics.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def _column(rows: Sequence[Mapping[str, JsonValue]], names: Sequence[str]) -> list[float]:
    return [value for value in (_number(row, names) for row in rows) if value is not None]


def _inside(metrics: Mapping[str, JsonValue], name: str) -> Mapping[str, JsonValue]:
    value = metrics.get(name)
    return value if isinstance(value, dict) else metrics


def _text(metrics: Mapping[str, JsonValue], name: str) -> str | None:
    value = metrics.get(name)
    return value if isinstance(value, str) else None
