"""Rules that say whether a prompt is worth improving, with their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flywheel.records.advice import CostSaving
from flywheel.records.analysis import FailurePattern, Need, TestExecutionReport
from flywheel.records.findings import PromptAnalysis
from flywheel.stats.proportions import Counts, compare_proportions, wilson

STRATEGIES = {
    "format": "output_format",
    "cut_off": "output_format",
    "confusion": "definitions",
    "wrong_answer": "demonstrations",
    "constant": "demonstrations",
    "refusal": "clarity",
}
"""Refinement strategy that answers a kind of failure pattern; errors have none."""

STRATEGIES_BY_ISSUE = {
    "missing_output_format": "output_format",
    "missing_examples": "demonstrations",
    "undefined_names": "definitions",
    "contradiction": "clarity",
    "ambiguity": "clarity",
    "length": "shorten",
}

MIN_TRIED = 5
"""Trials of a strategy before its history may overrule the rule."""


@dataclass(frozen=True, slots=True)
class ScoringRules:
    """Limits of a healthy prompt.

    Attributes:
        optimization_threshold: quality (100 x success rate) below it makes a need.
        critical_issue_threshold: critical issues of a prompt's text that make a need.
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

    def should_optimize(
        self,
        report: TestExecutionReport,
        prompt: PromptAnalysis | None = None,
        baseline: TestExecutionReport | None = None,
    ) -> Need:
        """Whether the executions of a report make a need, with every reason.

        Args:
            report: metrics of the live version.
            prompt: static analysis of its text; only when given do its issues count.
            baseline: earlier metrics; a success rate that is lower beyond chance is a reason.

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
        of_text = tuple(self._reasons_in_text(prompt))
        scored = _scored(report)
        if report.success_rate is None:
            why = "no scored execution exists, so nothing says the prompt is bad or good"
            return Need(should_optimize=bool(of_text), score=0.0, reasons=(*of_text, why))
        reasons = (*self._reasons(report, scored), *_reasons_in_past(report, baseline), *of_text)
        return Need(
            should_optimize=bool(reasons),
            score=round(100.0 * (1.0 - report.success_rate), 6),
            reasons=reasons or (f"{report.successful_tests} of {scored} passed; every limit is kept",),
        )

    def select_strategy(
        self,
        report: TestExecutionReport,
        patterns: tuple[FailurePattern, ...],
        prompt: PromptAnalysis | None = None,
        history: Mapping[str, Counts] | None = None,
        savings: Sequence[CostSaving] = (),
    ) -> tuple[str, str]:
        """The refinement strategy the evidence points at first, with the reason.

        Args:
            report: metrics of the live version.
            patterns: failure patterns, most damaging first.
            prompt: static analysis of its text, asked when no failure pattern speaks.
            history: how often each strategy helped, of how often it was tried.
            savings: what could make a request cheaper; named where the cost is the reason.

        Returns:
            Strategy name and reason.
        """
        curable = [p for p in patterns if p.kind in STRATEGIES]
        if curable:
            first = curable[0]
            return _learned(
                STRATEGIES[first.kind], f"{first.title} makes up {first.share:.0%} of the failures", history
            )
        cost = report.cost_per_request_usd
        if cost is not None and cost > self.max_cost_per_request:
            why = f"a request costs {cost:.4f} USD; the limit is {self.max_cost_per_request}"
            return "shorten", why + _expected(savings, cost - self.max_cost_per_request)
        if patterns:
            return "none", f"{patterns[0].title}: no change of the prompt cures that"
        issues = sorted(prompt.issues, key=lambda i: -i.penalty) if prompt is not None else []
        for issue in issues:
            if issue.kind in STRATEGIES_BY_ISSUE:
                return STRATEGIES_BY_ISSUE[issue.kind], f"no failure pattern was found, but {issue.message}"
        return "none", "no failure pattern was found"

    def _reasons_in_text(self, prompt: PromptAnalysis | None) -> list[str]:
        if prompt is None:
            return []
        found = []
        if prompt.critical_issues >= self.critical_issue_threshold:
            named = ", ".join(i.message for i in prompt.issues if i.severity == "critical")
            found.append(f"{prompt.critical_issues} critical issues in the text: {named}")
        if prompt.score < self.optimization_threshold:
            asked = self.optimization_threshold
            found.append(f"the text scores {prompt.score:.0f} of 100; the rules ask for {asked:.0f}")
        return found

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


def _expected(savings: Sequence[CostSaving], wanted_usd: float) -> str:
    """What shortening is expected to save, and a model that saves more."""
    told = "; what that saves is unknown: tokens are not recorded"
    for one in savings:
        if one.way == "shorten":
            told = f"; expected to save {one.saving_usd:.4f} USD a request {one.because}"
    models = [one for one in savings if one.way == "model" and one.saving_usd >= wanted_usd]
    if models:
        best = models[0]
        told += f"; model {best.name} saves {best.saving_usd:.4f} USD: {best.because}"
    return told


def _scored(report: TestExecutionReport) -> int:
    return report.successful_tests + report.failed_tests + report.error_tests


def _reasons_in_past(report: TestExecutionReport, baseline: TestExecutionReport | None) -> list[str]:
    if baseline is None or baseline.success_rate is None or report.success_rate is None:
        return []
    gap = compare_proportions(
        Counts(report.successful_tests, _scored(report)), Counts(baseline.successful_tests, _scored(baseline))
    )
    if gap.high is None or gap.high >= 0:
        return []
    change = f"{report.success_rate:.0%} pass, {baseline.success_rate:.0%} did before"
    return [f"{change}; the drop is at least {-gap.high:.1%} with 95 % coverage"]


def _learned(strategy: str, why: str, history: Mapping[str, Counts] | None) -> tuple[str, str]:
    """The strategy, or one whose record is clearly better."""
    records = {name: c for name, c in (history or {}).items() if c.trials >= MIN_TRIED}
    own = wilson(records[strategy]).high if strategy in records else None
    if own is None:
        return strategy, why
    best = max(records, key=lambda name: (wilson(records[name]).low or 0.0, name))
    low = wilson(records[best]).low
    if low is not None and low > own:
        counts = records[best]
        return best, f"{why}; {best} helped {counts.passes} of {counts.trials} times, {strategy} less often"
    return strategy, why
