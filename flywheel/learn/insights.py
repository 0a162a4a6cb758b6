"""Insights: what an analysis found, in one order, each once, linked to its executions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from flywheel.records.analysis import FailurePattern
from flywheel.records.findings import FlakyTest, Insight, PromptAnalysis, SliceFinding
from flywheel.records.proposal import Proposal

MAX_INSIGHTS = 50
_CURED_BY = {
    "missing_output_format": "output_format",
    "missing_examples": "demonstrations",
    "undefined_names": "definitions",
}
"""Refinement strategy that cures a weakness of a prompt's text."""

SAME_PLACE = 0.7
"""A slice whose excess is so far one pattern's failures says nothing new beside it."""


def insights(
    patterns: Sequence[FailurePattern],
    slices: Sequence[SliceFinding] = (),
    flaky: Sequence[FlakyTest] = (),
    prompt: PromptAnalysis | None = None,
) -> tuple[Insight, ...]:
    """Everything found, largest damage first, each once.

    Args:
        patterns: failure patterns of a window.
        slices: places with worse results; one that a pattern explains is left out.
        flaky: tests that pass as well as fail on one version.
        prompt: static analysis of the live version.

    Returns:
        At most 50; damage is in failures of the window. Weaknesses of a prompt's text come
        last: they are a suspicion until failures show them.
    """
    found = [_of_pattern(p) for p in patterns if p.count]
    found += [_of_slice(s, patterns) for s in slices if not _told_already(s, patterns)]
    shaky = [t for t in flaky if t.status == "flaky"]
    if shaky:
        found.append(_of_flaky(shaky))
    if prompt is not None:
        found += [_of_issue(prompt, i) for i in range(len(prompt.issues))]
    once: dict[str, Insight] = {}
    for insight in found:
        once.setdefault(insight.insight_id, insight)
    ranked = sorted(once.values(), key=lambda i: (-i.damage * i.confidence, -i.confidence, i.insight_id))
    return tuple(ranked[:MAX_INSIGHTS])


def with_proposals(found: Sequence[Insight], proposals: Iterable[Proposal]) -> tuple[Insight, ...]:
    """Insights with the versions that were proposed from them.

    Args:
        found: of the analysis the proposals were made from.
        proposals: each names its insights, see `named`.
    """
    made = [(set(p.insights), p.version) for p in proposals]
    return tuple(
        insight.model_copy(update={"proposals": tuple(v for ids, v in made if insight.insight_id in ids)})
        for insight in found
    )


def named(proposals: Iterable[Proposal], found: Sequence[Insight]) -> tuple[Proposal, ...]:
    """Proposals with the insights they were made from: they share a failure pattern, or cure a weakness.

    A recorded alternative was written by people before anything was found, so it comes from none.
    """
    return tuple(
        p if p.origin == "recorded" else p.model_copy(update={"insights": _sources(p, found)})
        for p in proposals
    )


def leading_patterns(
    patterns: Sequence[FailurePattern], found: Sequence[Insight], threshold: float
) -> tuple[FailurePattern, ...]:
    """Patterns that an insight of enough confidence speaks of, in the order of the insights."""
    order: dict[str, None] = {}
    for insight in found:
        if insight.confidence >= threshold:
            order.update(dict.fromkeys(insight.patterns))
    by_key = {p.pattern_key: p for p in patterns if p.confidence >= threshold}
    return tuple(by_key[key] for key in order if key in by_key)


def _sources(proposal: Proposal, found: Sequence[Insight]) -> tuple[str, ...]:
    answered, strategies = set(proposal.patterns), set(proposal.strategy.split("+"))
    return tuple(
        insight.insight_id
        for insight in found
        if answered & set(insight.patterns)
        or (insight.kind == "prompt" and _CURED_BY.get(insight.insight_id.split("-")[1], "") in strategies)
    )


def _of_pattern(pattern: FailurePattern) -> Insight:
    root = pattern.root_cause
    return Insight(
        insight_id=f"pattern-{pattern.pattern_key}",
        kind="pattern",
        title=pattern.title,
        because=root.cause if root else pattern.cause,
        recommendation=root.fix if root else pattern.recommendation,
        damage=pattern.count,
        confidence=pattern.confidence,
        state=pattern.state,
        executions=pattern.examples,
        patterns=(pattern.pattern_key,),
    )


def _of_slice(found: SliceFinding, patterns: Sequence[FailurePattern]) -> Insight:
    where = " x ".join(f"{c.attribute} {c.value}" for c in found.where)
    inside = [p for p in patterns if p.contrast is not None and set(p.contrast.where) >= set(found.where)]
    return Insight(
        insight_id=f"slice-{_digest(where)}",
        kind="slice",
        title=f"{where}: {found.rate:.0%} fail, {found.rest_rate:.0%} elsewhere",
        because=(
            f"{found.failures:,} of {found.executions:,} executions fail there, {found.excess:,.0f} more "
            f"than elsewhere's rate would give (p {found.adjusted_p:.2g} after correction)"
        ),
        recommendation="Look at what these have in common; split the prompt, or route them elsewhere.",
        damage=max(0.0, found.excess),
        confidence=1.0 - found.adjusted_p,
        executions=tuple(dict.fromkeys(e for p in inside for e in p.examples))[:5],
        patterns=tuple(p.pattern_key for p in inside),
    )


def _told_already(found: SliceFinding, patterns: Sequence[FailurePattern]) -> bool:
    return any(
        p.contrast is not None
        and set(p.contrast.where) >= set(found.where)
        and p.contrast.count >= SAME_PLACE * found.excess
        for p in patterns
    )


def _of_flaky(tests: Sequence[FlakyTest]) -> Insight:
    names = ", ".join(t.case_id for t in tests[:3])
    return Insight(
        insight_id=f"flaky-{_digest('|'.join(sorted(t.case_id for t in tests)))}",
        kind="flaky",
        title=f"{len(tests)} flaky {'test' if len(tests) == 1 else 'tests'}: {names}",
        because="they pass as well as fail although nothing changed",
        recommendation="Put them in quarantine, see: flywheel flaky --export; their failures say little.",
        damage=sum(t.failures for t in tests),
        confidence=max(t.probability for t in tests),
    )


def _of_issue(prompt: PromptAnalysis, index: int) -> Insight:
    issue = prompt.issues[index]
    return Insight(
        insight_id=f"prompt-{issue.kind}-{_digest(issue.quote)}",
        kind="prompt",
        title=issue.message,
        because=f"the prompt's text says so at character {issue.start}; nothing was measured",
        recommendation=issue.cure,
        damage=0.0,
        confidence=min(1.0, issue.penalty / 100.0),
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
