"""What a cycle shows in the Prefect UI, as rows with their keys; pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from flywheel.cli.drawing import UNKNOWN, chance, interval, percent, points, short
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.proposal import Proposals
from flywheel.records.verdict import Ruling, Verdict, Verdicts

Row = dict[str, str | int]

_RANK = {ruling: rank for rank, ruling in enumerate(Ruling)}
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


def best_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts from ship to reject, the largest gain first; an unknown gain comes last."""

    def key(verdict: Verdict) -> tuple[int, float]:
        estimate = verdict.evidence.estimate if verdict.evidence else None
        return (_RANK[verdict.ruling], float("inf") if estimate is None else -estimate)

    return sorted(verdicts, key=key)


def cell(text: str) -> str:
    """A text inside a table of the UI, which reads every cell as Markdown."""
    # A lone hyphen would be drawn as a bullet.
    return "–" if text == UNKNOWN else text.replace("|", "\\|").replace("\n", " ")


def cells(rows: Sequence[Row]) -> list[Row]:
    """Rows whose texts are safe inside a table of the UI."""
    return [{name: cell(v) if isinstance(v, str) else v for name, v in row.items()} for row in rows]


def proposal_rows(proposals: Proposals) -> list[Row]:
    """One row per proposal, then one per text that was thrown out unseen."""
    kept: list[Row] = [
        {
            "proposal": proposal.strategy,
            "version": short(proposal.version),
            "origin": proposal.origin,
            "risk": proposal.risk,
            "expected points": points(proposal.expected_delta),
            "why": proposal.rationale,
        }
        for proposal in proposals.proposals
    ]
    thrown: list[Row] = [
        {
            "proposal": discarded.strategy,
            "version": UNKNOWN,
            "origin": "thrown out",
            "risk": UNKNOWN,
            "expected points": UNKNOWN,
            "why": discarded.reason,
        }
        for discarded in proposals.discarded
    ]
    return cells(kept + thrown)


def verdict_rows(verdicts: Verdicts) -> list[Row]:
    """One row per proposal with its numbers; a number that does not exist is a dash."""
    rows: list[Row] = []
    for verdict in best_first(verdicts.verdicts):
        found = verdict.evidence
        rows.append(
            {
                "verdict": verdict.ruling.value.upper(),
                "proposal": verdict.proposal.strategy,
                "points": points(found.estimate if found else None),
                "interval": interval(found.low, found.high) if found else UNKNOWN,
                "adjusted p": chance(found.adjusted_p if found else None),
                "cases": found.pairs if found else 0,
                "before": percent(found.control_mean if found else None),
                "after": percent(found.candidate_mean if found else None),
                "version": short(verdict.proposal.version),
                "because": verdict.because,
            }
        )
    return cells(rows)
