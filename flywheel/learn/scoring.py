"""Rules that say whether a prompt is worth improving, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel.records.analysis import FailurePattern, Need, TestExecutionReport


@dataclass(frozen=True, slots=True)
class ScoringRules:
    """Limits of a healthy prompt.

    Attributes:
        optimization_threshold: quality (100 x success rate) below it makes a need.
        critical_issue_threshold: failure patterns of full confidence that make a need.
        min_success_rate: least share of passed executions.
        max_acceptable_latency_ms: 95th percentile of the response time.
        max_cost_per_request: USD.
        max_timeout_error_rate: share of executions.
    """

    optimization_threshold: float = 80.0
    critical_issue_threshold: int = 1
    min_success_rate: float = 0.8
    max_acceptable_latency_ms: float = 5000.0
    max_cost_per_request: float = 0.1
    max_timeout_error_rate: float = 0.05

    def should_optimize(self, report: TestExecutionReport) -> Need:
        """Whether the executions of a report make a need, with every reason.

        Args:
            report: metrics of the live version.

        Returns:
            The need; its score is 100 x (1 - success rate), 0 when no rate exists,
            so that more failures never lower it.

        Examples:
            >>> rules = ScoringRules()
            >>> bad = TestExecutionReport(
            ...     total_tests=10, successful_tests=4, failed_tests=6, success_rate=0.4
            ... )
            >>> rules.should_optimize(bad).reasons
            ('4 of 10 scored executions passed (40%); the rules ask for 80%',)
        """
        scored = report.successful_tests + report.failed_tests + report.error_tests
        if report.success_rate is None:
            why = "no scored execution exists, so nothing says the prompt is bad or good"
            return Need(should_optimize=False, score=0.0, reasons=(why,))
        reasons = tuple(self._reasons(report, scored))
        return Need(
            should_optimize=bool(reasons),
            score=round(100.0 * (1.0 - report.success_rate), 6),
            reasons=reasons or (f"{report.successful_tests} of {scored} passed; every limit is kept",),
        )

    def select_strategy(
        self, report: TestExecutionReport, patterns: tuple[FailurePattern, ...]
    ) -> tuple[str, str]:
        """The refinement strategy the evidence points at first, with the reason.

        Args:
            report: metrics of the live version.
            patterns: failure patterns, most damaging first.

        Returns:
            Strategy name and reason.
        """
        if patterns:
            first = patterns[0]
            strategy = {
                "format": "output_format",
                "cut_off": "output_format",
                "confusion": "definitions",
                "wrong_answer": "demonstrations",
            }.get(first.kind, "demonstrations")
            return strategy, f"{first.title} makes up {first.share:.0%} of the failures"
        cost = report.cost_per_request_usd
        if cost is not None and cost > self.max_cost_per_request:
            return "shorten", f"a request costs {cost:.4f} USD; the limit is {self.max_cost_per_request}"
        return "none", "no failure pattern was found"

    def _reasons(self, report: TestExecutionReport, scored: int) -> list[str]:
        found = []
        rate = report.success_rate
        limit = max(self.min_success_rate, self.optimization_threshold / 100.0)
        if rate is not None and rate < limit:
            found.append(
                f"{report.successful_tests} of {scored} scored executions passed ({rate:.0%}); "
                f"the rules ask for {limit:.0%}"
            )
        timeouts = report.get_timeout_error_rate()
        if timeouts is not None and timeouts > self.max_timeout_error_rate:
            found.append(f"{timeouts:.1%} timed out; the limit is {self.max_timeout_error_rate:.1%}")
        latency = report.p95_response_time_ms
        if latency is not None and latency > self.max_acceptable_latency_ms:
            found.append(
                f"95 % answer within {latency:.0f} ms; the limit is {self.max_acceptable_latency_ms:.0f} ms"
            )
        cost = report.cost_per_request_usd
        if cost is not None and cost > self.max_cost_per_request:
            found.append(f"a request costs {cost:.4f} USD; the limit is {self.max_cost_per_request} USD")
        return found
