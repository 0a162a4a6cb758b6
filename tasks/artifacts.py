"""Keys, rows and progress of what a cycle shows in the Prefect UI; pure."""

from __future__ import annotations

import hashlib
import re

from flywheel.cli.drawing import chance, interval, percent, points, short
from flywheel.records.analysis import Analysis
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.proposal import Proposals
from flywheel.records.verdict import Verdicts

Row = dict[str, str | int]

_STEP = re.compile(r"\b(\d+)(?:-\d+)? of (\d+)\b")


def artifact_key(request: FeedbackLoopInput, page: str) -> str:
    """Key of one page of one prompt: lower case, digits, dashes, the same on every run.

    A name that changes when it is written that way gets six digits of its
    hash, so that two prompts never share a page.

    Args:
        request: names the workspace plus the prompt.
        page: what is shown, e.g. `verdicts`.

    Examples:
        >>> artifact_key(FeedbackLoopInput(prompt="triage"), "verdicts")
        'triage-verdicts'
        >>> artifact_key(FeedbackLoopInput(prompt="Triage v2"), "verdicts")
        'triage-v2-3126fa-verdicts'
        >>> artifact_key(FeedbackLoopInput(prompt="triage", workspace="team"), "summary")
        'team-triage-summary'
    """
    names = (request.prompt,) if request.workspace == "default" else (request.workspace, request.prompt)
    return "-".join((*(_slug(name) for name in names), page))


def _slug(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if plain == name:
        return plain
    digits = hashlib.blake2b(name.encode(), digest_size=3).hexdigest()
    return f"{plain}-{digits}" if plain else digits


def progress_percent(message: str) -> float | None:
    """How far a phase is, from "2 of 5" or "31-60 of 300": what comes before is done.

    Returns:
        Percent in [0, 100), None when the message counts nothing.

    Examples:
        >>> progress_percent("arm 2 of 5"), progress_percent("31-60 of 300"), progress_percent("running")
        (20.0, 10.0, None)
    """
    found = _STEP.search(message)
    if found is None:
        return None
    step, steps = int(found[1]), int(found[2])
    return 100.0 * (step - 1) / steps if 1 <= step <= steps else None


def pattern_rows(analysis: Analysis) -> list[Row]:
    """One row per failure pattern, the most damaging first."""
    ordered = sorted(analysis.patterns, key=lambda p: (-p.count, p.pattern_key))
    return [
        {
            "failure pattern": pattern.title,
            "slice": pattern.slice or "all",
            "count": pattern.count,
            "share of failures": percent(pattern.share),
            "cause": pattern.cause,
            "what helps": pattern.recommendation,
        }
        for pattern in ordered
    ]


def proposal_rows(proposals: Proposals) -> list[Row]:
    """One row per proposal, then one per text that was thrown out unseen."""
    kept: list[Row] = [
        {
            "proposal": proposal.strategy,
            "version": short(proposal.version),
            "origin": proposal.origin,
            "risk": proposal.risk,
            "expected (points)": points(proposal.expected_delta),
            "why": proposal.rationale,
        }
        for proposal in proposals.proposals
    ]
    thrown: list[Row] = [
        {
            "proposal": discarded.strategy,
            "version": "-",
            "origin": "thrown out",
            "risk": "-",
            "expected (points)": "-",
            "why": discarded.reason,
        }
        for discarded in proposals.discarded
    ]
    return kept + thrown


def verdict_rows(verdicts: Verdicts) -> list[Row]:
    """One row per proposal with its numbers; a number that does not exist is a dash."""
    rows: list[Row] = []
    for verdict in verdicts.verdicts:
        found = verdict.evidence
        rows.append(
            {
                "verdict": verdict.ruling.value.upper(),
                "proposal": verdict.proposal.strategy,
                "version": short(verdict.proposal.version),
                "before": percent(found.control_mean if found else None),
                "after": percent(found.candidate_mean if found else None),
                "difference (points)": points(found.estimate if found else None),
                "interval (points)": interval(found.low, found.high) if found else "-",
                "adjusted p": chance(found.adjusted_p if found else None),
                "cases": found.pairs if found else 0,
                "because": verdict.because,
            }
        )
    return rows
