"""What an analysis found, as rows of tables in the Prefect UI; pure."""

from __future__ import annotations

from flywheel.cli.drawing import UNKNOWN, chance, interval, percent, short
from flywheel.cli.finding_words import home_of, since_when
from flywheel.records.analysis import Analysis
from tasks.artifacts import Row, cells


def insight_rows(analysis: Analysis) -> list[Row]:
    """One row per insight, most worth knowing first."""
    rows: list[Row] = [
        {
            "insight": found.title,
            "kind": found.kind,
            "state": found.state.replace("_", " "),
            "failures": round(found.damage),
            "confidence": percent(found.confidence, 0),
            "because": found.because,
            "what helps": found.recommendation,
            "see": ", ".join(found.executions[:2]) or UNKNOWN,
        }
        for found in analysis.insights
    ]
    return cells(rows)


def pattern_rows(analysis: Analysis) -> list[Row]:
    """One row per failure pattern, the most damaging first."""
    rows: list[Row] = []
    for pattern in sorted(analysis.patterns, key=lambda p: (-p.count, p.pattern_key)):
        home, cause = pattern.contrast, pattern.root_cause
        rows.append(
            {
                "failure pattern": pattern.title,
                "count": pattern.count,
                "share of failures": percent(pattern.share),
                "slice": pattern.slice or "all",
                "state": pattern.state.replace("_", " "),
                "seen": since_when(pattern) or UNKNOWN,
                "home": home_of(pattern) or "everywhere",
                "corrected p": chance(home.adjusted_p if home else None),
                "cause": f"{cause.model}: {cause.cause} By rule: {pattern.cause}" if cause else pattern.cause,
                "what helps": cause.fix if cause else pattern.recommendation,
                "see": ", ".join(pattern.examples[:2]),
            }
        )
    return cells(rows)


def slice_rows(analysis: Analysis) -> list[Row]:
    """One row per place with worse results, the largest damage first."""
    rows: list[Row] = [
        {
            "where": " x ".join(f"{c.attribute} {short(c.value)}" for c in found.where),
            "executions": found.executions,
            "fail": percent(found.rate),
            "elsewhere": percent(found.rest_rate),
            "points more": interval(found.low, found.high),
            "failures too many": round(found.excess),
            "corrected p": chance(found.adjusted_p),
        }
        for found in analysis.slice_findings
    ]
    return cells(rows)


def flaky_rows(analysis: Analysis) -> list[Row]:
    """One row per flaky test, the surest first."""
    rows: list[Row] = [
        {
            "test": found.case_id,
            "chance that it is flaky": percent(found.probability, 0),
            "runs": found.runs,
            "failed": found.failures,
            "fails at": f"{percent(found.low, 0)} to {percent(found.high, 0)}",
            "reruns to be sure": UNKNOWN if found.reruns is None else found.reruns,
            "because": found.because,
        }
        for found in analysis.flaky
    ]
    return cells(rows)
