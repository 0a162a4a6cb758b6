"""Pages of Markdown a person reads in the Prefect UI; pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.cli.drawing import amount, chance, interval, percent, points, short
from flywheel.cli.model_table import COLUMNS, carries_over, model_rows, own_prompt_lines
from flywheel.learn.counting import count_of
from flywheel.learn.lineage import LineageGraph
from flywheel.records.analysis import Analysis
from flywheel.records.cycle import FeedbackLoopOutput, Phase
from flywheel.records.lineage import Edge, EdgeKind
from flywheel.records.model_gain import AcrossModels, ModelGain
from flywheel.records.release import Release, Review
from flywheel.records.verdict import Evidence, Verdict
from tasks.artifacts import best_first, cell

MAX_PATTERNS = 5
MAX_DIFF_LINES = 400
"""A form longer than this is not read; the whole text is one command away."""


def summary_page(analysis: Analysis | None, release: Release, output: FeedbackLoopOutput) -> str:
    """What fails and why, before and after, what was tried, what was done, what comes next.

    Args:
        analysis: of the same cycle; None where it is not kept any more.
        release: what apply did.
        output: what the cycle says it did.

    Returns:
        Markdown; a number that does not exist is a dash.
    """
    parts = [
        f"# {_headline(output, release)}",
        f"Prompt **{output.prompt}**, cycle `{output.cycle_id}`, live version `{short(output.live)}`.",
        f"> {output.because or 'no reason was given'}",
        _before_and_after(release),
        _what_fails(analysis),
        _what_was_tried(release.verdicts),
        *(models_page(v, output.prompt) for v in best_first(release.verdicts)),
        _reported(output),
        f"Strategy {release.context.strategy.in_words()}.",
        _what_it_cost(output),
        _next_step(output),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(output: FeedbackLoopOutput, release: Release) -> str:
    if output.shipped:
        found = _evidence_of(release, output.shipped[0])
        gain = f": {points(found.estimate)} points" if found else ""
        return f"{output.prompt}: released {short(output.shipped[0])}{gain}"
    if output.staged and release.context.request.dry_run:
        return f"{output.prompt}: dry run, nothing was moved"
    if output.staged:
        waits = "1 change waits" if len(output.staged) == 1 else f"{len(output.staged)} changes wait"
        return f"{output.prompt}: {waits} for a person"
    return f"{output.prompt}: nothing was changed"


def _evidence_of(release: Release, version: str) -> Evidence | None:
    return next((v.evidence for v in release.verdicts if v.proposal.version == version), None)


def _before_and_after(release: Release) -> str:
    versions = (release.promoted,) if release.promoted else release.staged
    known = [found for version in versions if (found := _evidence_of(release, version)) is not None]
    best = max(known, key=lambda found: found.estimate or 0.0, default=None)
    return f"## Before and after\n\n{evidence_table(best)}" if best else ""


def evidence_table(found: Evidence) -> str:
    """One comparison as a Markdown table, with its interval."""
    rows = [
        ("pass rate before", percent(found.control_mean)),
        ("pass rate after", percent(found.candidate_mean)),
        ("difference", f"**{points(found.estimate)}** points"),
        (f"{percent(found.coverage, 0)} interval", f"{interval(found.low, found.high)} points"),
        ("expected in use", f"{points(found.shrunken_gain)} points"),
        ("cases, better / worse / same", f"{found.pairs}, {found.wins} / {found.losses} / {found.ties}"),
        ("adjusted p", chance(found.adjusted_p)),
        ("evidence", f"{found.source}, {found.method}"),
    ]
    rows += [
        (f"guardrail {rail.measure}", f"{_kept(rail.passed)}: {rail.because or 'no reason given'}")
        for rail in found.guardrails
    ]
    lines = [f"| {name} | {cell(value)} |" for name, value in rows]
    return "\n".join(("| measure | value |", "|---|---|", *lines))


def models_page(verdict: Verdict, prompt: str) -> str:
    """A candidate on every model asked, as a Markdown table; empty where one model was asked.

    Args:
        verdict: with its gains by model.
        prompt: its name, for the commands that give a harmed model a prompt of its own.
    """
    if not verdict.models:
        return ""
    table = _models_table(verdict.models, verdict.across)
    parts = [f"### {verdict.proposal.strategy} on each model", table, carries_over(verdict.across)]
    if steps := own_prompt_lines(prompt, short(verdict.proposal.version), verdict.models):
        commands = "\n".join(steps[1:-1])
        parts += [steps[0], f"```sh\n{commands}\n```", steps[-1]]
    return "\n\n".join(part for part in parts if part)


def _kept(passed: bool | None) -> str:
    return {True: "kept", False: "broken", None: "unknown"}[passed]


def _what_fails(analysis: Analysis | None) -> str:
    if analysis is None:
        return ""
    report = analysis.report
    lines = [
        "## What fails and why",
        f"{count_of(report.total_tests, 'execution')}, {percent(report.success_rate)} pass. "
        + _sentence(analysis.need.reasons),
    ]
    worst = sorted(analysis.patterns, key=lambda p: (-p.count, p.pattern_key))
    for pattern in worst[:MAX_PATTERNS]:
        where = f" in `{pattern.slice}`" if pattern.slice and pattern.slice not in pattern.title else ""
        lines.append(
            f"- **{pattern.title}**{where}: {pattern.count}, {percent(pattern.share, 0)} of all failures. "
            f"{pattern.cause} *{pattern.recommendation}*"
        )
    if len(worst) > MAX_PATTERNS:
        lines.append(f"- {len(worst) - MAX_PATTERNS} more in the table of failure patterns")
    return "\n".join((lines[0], "", lines[1], "", *lines[2:]))


def _sentence(reasons: Sequence[str]) -> str:
    text = "; ".join(reasons)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _what_was_tried(verdicts: Sequence[Verdict]) -> str:
    """A list, because the cells of a table in the UI are cut off where the page ends."""
    if not verdicts:
        return ""
    return "\n".join(("## What was tried", "", *(_tried(verdict) for verdict in best_first(verdicts))))


def _tried(verdict: Verdict) -> str:
    found = verdict.evidence
    change = f" {points(found.estimate)} ({interval(found.low, found.high)})" if found else ""
    name = f"{verdict.proposal.strategy} `{short(verdict.proposal.version)}`"
    return f"- **{verdict.ruling.value.upper()}{change}** {name}: {verdict.because}"


def _reported(output: FeedbackLoopOutput) -> str:
    """The release on cases that decided nothing; with several models a row for each."""
    said = next((s.detail for s in output.workflow_stages if s.phase is Phase.TRACK), "")
    if not output.report_models:
        return said
    return f"### Report cases on each model\n\n{_models_table(output.report_models, None)}"


def _models_table(gains: Sequence[ModelGain], across: AcrossModels | None) -> str:
    rows = model_rows(gains, across)
    table = [f"| {' | '.join(COLUMNS)} |", "|---|---:|---:|---:|---:|---:|---|"]
    table += [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    return "\n".join(table)


def _what_it_cost(output: FeedbackLoopOutput) -> str:
    if not output.calls:
        return ""
    tokens = None
    if output.input_tokens is not None and output.output_tokens is not None:
        tokens = output.input_tokens + output.output_tokens
    calls = count_of(output.calls, "model call")
    return f"{calls}, {amount(tokens, ' tokens')}, {amount(output.cost_usd, ' USD', 4)}."


def _next_step(output: FeedbackLoopOutput) -> str:
    if output.shipped:
        step = f"`flywheel rollback {output.prompt} --why TEXT` puts the previous version back, to the byte."
    elif output.staged:
        step = (
            "`flywheel review list` shows what waits; approve or reject it there, or in the form of this run."
        )
    elif not output.improvements_identified:
        step = f"`flywheel patterns --prompt {output.prompt}` shows what fails; a suite allows proposals."
    else:
        step = "More cases make the interval narrower; nothing has to be done now."
    return f"## Next\n\n{step}"


@dataclass(frozen=True, slots=True)
class _Tree:
    """Edges by parent, with what is shown already."""

    children: dict[str, list[Edge]]
    live: str | None
    shown: set[str]


def lineage_page(prompt: str, edges: Sequence[Edge], live: str | None) -> str:
    """The tree of versions with the evidence on each edge, as text in a fence."""
    children: dict[str, list[Edge]] = {}
    parentage = [e for e in edges if e.kind is not EdgeKind.ROLLBACK_OF]
    for edge in sorted(parentage, key=lambda e: e.kind is not EdgeKind.IMPROVED_VERSION):
        children.setdefault(edge.parent, []).append(edge)
    tree = _Tree(children, live, set())
    lines = []
    for root in LineageGraph(tuple(edges)).roots():
        lines += [_node(root, live), *_branches(tree, root, "")]
    lines += [
        f"rolled back from {short(e.parent)} to {short(e.child)}: {e.because}"
        for e in edges
        if e.kind is EdgeKind.ROLLBACK_OF
    ]
    body = "\n".join(lines) or "no version came from another yet"
    return f"# Lineage of {prompt}\n\n```text\n{body}\n```\n"


def _branches(tree: _Tree, parent: str, indent: str) -> list[str]:
    fresh = [e for e in tree.children.get(parent, ()) if e.child not in tree.shown]
    tree.shown.update(e.child for e in fresh)
    lines = []
    for number, edge in enumerate(fresh, start=1):
        last = number == len(fresh)
        lines.append(f"{indent}{'└── ' if last else '├── '}{_node(edge.child, tree.live)}  {_edge(edge)}")
        lines += _branches(tree, edge.child, indent + ("    " if last else "│   "))
    return lines


def _node(version: str, live: str | None) -> str:
    return f"{short(version)}{'  LIVE' if version == live else ''}"


def _edge(edge: Edge) -> str:
    said = [edge.ruling.value if edge.ruling else edge.kind.value.replace("_", " "), edge.strategy or ""]
    found = edge.evidence
    if found is not None and found.estimate is not None:
        said.append(
            f"{points(found.estimate)} ({interval(found.low, found.high)}) on {count_of(found.pairs, 'case')}"
        )
    return " ".join(word for word in said if word)


def review_page(review: Review, verdict: Verdict, before: str | None, after: str | None) -> str:
    """What the form for a staged change shows above its fields.

    Args:
        review: the staged change.
        verdict: what staged it.
        before: the live text; None where unknown.
        after: the proposed text; None where unknown.
    """
    closing = "**approve** makes it live, **reject** leaves what is live as it is."
    parts = [
        f"## {review.prompt}: `{short(review.previous)}` to `{short(review.version)}`",
        f"Proposed by **{verdict.proposal.strategy}**: {verdict.proposal.rationale}",
        f"> {review.because}",
        evidence_table(verdict.evidence) if verdict.evidence else "No numbers: it was not tested.",
        *([page] if (page := models_page(verdict, review.prompt)) else []),
        f"```diff\n{text_diff(before, after, f'flywheel review show {review.review_id}')}\n```",
        f"{closing} Nothing moves without an answer. Review `{review.review_id}`.",
    ]
    return "\n\n".join(parts)


def text_diff(before: str | None, after: str | None, whole: str = "flywheel review show") -> str:
    """Unified diff of two texts, safe inside a fence.

    Args:
        before: the live text; None where unknown.
        after: the proposed text; None where unknown.
        whole: command that shows all of it, named where a long diff is cut.

    Examples:
        >>> print(text_diff("Answer.", "Answer briefly."))
        --- live
        +++ proposed
        @@ -1 +1 @@
        -Answer.
        +Answer briefly.
    """
    if before is None or after is None:
        return "the text of one side was not captured"
    lines = list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), "live", "proposed", lineterm="")
    )
    if len(lines) > MAX_DIFF_LINES:
        cut = len(lines) - MAX_DIFF_LINES
        lines = [*lines[:MAX_DIFF_LINES], f"... {cut} more lines: {whole}"]
    text = "\n".join(lines) or "the texts differ only in line ends"
    # A fence inside the prompt would end the fence around the diff.
    return text.replace("```", "'''")
