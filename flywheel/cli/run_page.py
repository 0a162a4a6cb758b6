"""What a run found: a table for people, a JSON document for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from flywheel.cli.drawing import UNKNOWN, amount, make_table, one_line, percent, short
from flywheel.learn.counting import count_of
from flywheel.records.execution import Execution, Outcome
from flywheel.stats.proportions import Counts, Interval, wilson

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.cli.doors import Document
    from flywheel.llm.executor import ArmResult, Job, RunResult
    from flywheel.llm.executor_forecast import RunForecast
    from flywheel.records.analysis import TestExecutionReport


def forecast_document(job: Job, expected: RunForecast) -> Document:
    """A forecast as JSON."""
    return {
        "suite": job.suite.suite,
        "session": job.session_id,
        "arms": [_names(arm.prompt, arm.version, arm.model) for arm in job.arms],
        "forecast": asdict(expected),
        "budget": asdict(job.ceiling),
    }


def draw_forecast(console: Console, job: Job, expected: RunForecast) -> None:
    """A forecast in two lines."""
    console.print(
        f"{count_of(len(job.cases), 'case')} x {count_of(len(job.arms), 'arm')} of {job.suite.suite!r}: "
        f"{expected.kept:,} finished, {expected.calls:,} calls to make"
    )
    if expected.calls:
        about = "" if expected.measured else ", counted from the text"
        console.print(
            f"at most about {_known(expected.input_tokens)} input tokens{about}, "
            f"{_known(expected.output_tokens)} output tokens, USD {_known(expected.usd, 4)}",
            style="dim",
        )


def run_document(job: Job, result: RunResult) -> Document:
    """A run as JSON: one entry per arm, with its report and every case."""
    return {
        "workspace": job.workspace,
        "suite": job.suite.suite,
        "session": job.session_id,
        "cases": len(job.cases),
        "kept": result.kept,
        "asked": result.asked,
        "missing": result.missing,
        "errors": result.errors,
        "calls": result.calls,
        "usd": result.usd,
        "tokens": result.tokens,
        "stopped": result.stopped,
        "runs": [_arm_document(arm) for arm in result.arms],
    }


def draw_result(console: Console, job: Job, result: RunResult, min_pass_rate: float | None) -> None:
    """One line per arm, then what went wrong."""
    columns = ("prompt", "model", "cases", "passed", "95 %", "score", "p95 ms", "USD")
    graded = any(0 < (e.score or 0) < 1 for arm in result.arms for e in arm.executions)
    shown = [name for name in columns if graded or name != "score"]
    table = make_table(None, shown, right=columns[2:])
    for arm in result.arms:
        report = arm.report
        rate = _interval(report)
        low = min_pass_rate is not None and (rate.estimate is None or rate.estimate < min_pass_rate)
        row = (
            f"{arm.arm.prompt}@{short(arm.arm.label)[:12]}",
            arm.arm.model,
            f"{report.total_tests:,}",
            percent(rate.estimate),
            UNKNOWN if rate.low is None else f"{percent(rate.low, 0)[:-2]}-{percent(rate.high, 0)}",
            amount(_mean_score(arm), "", 3),
            amount(report.p95_response_time_ms),
            amount(report.total_cost_usd, "", 4),
        )
        cells = [cell for name, cell in zip(columns, row, strict=True) if name in shown]
        table.add_row(*cells, style="yellow" if low else None)
    console.print(table)
    draw_troubles(console, result)
    console.print(
        f"{result.asked:,} asked now with {result.calls:,} calls, {amount(result.tokens, ' tokens')}, "
        f"{amount(result.usd, ' USD', 4)}; "
        f"{result.kept:,} kept from before; session {job.session_id}",
        style="dim",
    )


def draw_troubles(console: Console, result: RunResult) -> None:
    """One line for each kind of execution without an answer or a score."""
    for (kind, outcome), count in _troubles(result).most_common(6):
        console.print(one_line(f"{count:,} {outcome}: {kind}"))


def _known(value: float | None, digits: int = 0) -> str:
    return "unknown" if value is None else amount(value, "", digits)


def _troubles(result: RunResult) -> Counter[tuple[str, str]]:
    return Counter(
        (f"{e.error_type}: {e.error_message or ''}", e.outcome.value)
        for arm in result.arms
        for e in arm.executions
        if e.outcome in (Outcome.ERROR, Outcome.SKIPPED, Outcome.UNSCORED)
    )


def _arm_document(arm: ArmResult) -> Document:
    rate = _interval(arm.report)
    return {
        **_names(arm.arm.prompt, arm.arm.version, arm.arm.model),
        "label": arm.arm.label,
        "pass_rate": {"estimate": rate.estimate, "low": rate.low, "high": rate.high},
        "mean_score": _mean_score(arm),
        "report": arm.report.model_dump(mode="json"),
        "workflow_id": arm.report.workflow_id,
        "run_id": arm.report.run_id,
        "results": [_result(execution) for execution in arm.executions],
    }


def _result(execution: Execution) -> Document:
    """One case, in the words that `from_executor_result` reads."""
    success = {Outcome.PASSED: True, Outcome.UNSCORED: None}.get(execution.outcome, False)
    known = [t for t in (execution.input_tokens, execution.output_tokens) if t is not None]
    return {
        "case_id": execution.case_id,
        "execution_id": execution.execution_id,
        "success": success,
        "outcome": execution.outcome.value,
        "score": execution.score,
        "error_type": execution.error_type,
        "error": execution.error_message,
        "latency_ms": execution.latency_ms,
        "tokens": sum(known) if len(known) == 2 else None,
        "cost_usd": execution.cost_usd,
    }


def _names(prompt: str, version: str, model: str) -> Document:
    return {"prompt": prompt, "version": version, "model": model}


def _interval(report: TestExecutionReport) -> Interval:
    trials = report.successful_tests + report.failed_tests + report.error_tests
    return wilson(Counts(report.successful_tests, trials))


def _mean_score(arm: ArmResult) -> float | None:
    """Mean of the scores there are; an error has none and does not count here."""
    scores = [e.score for e in arm.executions if e.score is not None]
    return sum(scores) / len(scores) if scores else None
