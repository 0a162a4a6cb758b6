"""Candidates that wait for a person, put to cases they have not met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from flywheel.phases.earlier import own_pieces, seen_cases, speaks_of
from flywheel.ports import Store
from flywheel.records.columns import NOT_NEW, Scope
from flywheel.records.cycle import CycleContext
from flywheel.records.model_gain import ModelStanding
from flywheel.records.prompt import PromptVersion
from flywheel.records.proposal import Proposal
from flywheel.records.verdict import Ruling, Verdict


@dataclass(frozen=True, slots=True)
class Waiting:
    """Candidates staged against the live version.

    Attributes:
        again: those with cases to gain, longest waiting first.
        versions: all of them; without new cases another experiment would only cost.
    """

    again: tuple[Proposal, ...]
    versions: frozenset[str]


def waiting_proposals(
    context: CycleContext, store: Store, control: PromptVersion, avoid: AbstractSet[str]
) -> Waiting:
    """Staged candidates for which there is evidence to gain.

    One that has run meanwhile, in tests or in production, is compared on those
    executions. Another is run live where the suite has gate cases that no
    experiment on it has had. The evidence of all its experiments adds up.

    Args:
        context: workspace, prompt, window.
        store: reviews, executions, cases.
        control: what is live; candidates staged against another version are left alone.
        avoid: versions not to propose.

    Returns:
        What waits, with the proposals to put to a test again.
    """
    staged = tuple(_staged(context, store, control, avoid))
    undecided = [verdict.proposal for verdict in staged if _undecided(verdict)]
    unseen = _unseen(context, store, [p for p in undecided if p.origin != "recorded"])
    again = (p for p in undecided if p.origin == "recorded" or p.version in unseen)
    return Waiting(tuple(again), frozenset(v.proposal.version for v in staged))


def _undecided(verdict: Verdict) -> bool:
    """Whether more cases could change the ruling: neither a guardrail nor a model it harms is in the way."""
    found = verdict.evidence
    worse = any(gain.standing is ModelStanding.WORSE for gain in verdict.models)
    stopped = any(g.passed is False for g in (found.guardrails if found else ()))
    return verdict.ruling is Ruling.STAGE and not worse and not stopped


def _staged(
    context: CycleContext, store: Store, control: PromptVersion, avoid: AbstractSet[str]
) -> Iterator[Verdict]:
    request = context.request
    for review in store.releases.reviews(request.workspace):
        if (review.prompt, review.previous) != (request.prompt, control.version) or review.version in avoid:
            continue
        found = store.releases.review(request.workspace, review.review_id)
        if found is None:
            continue
        scope = Scope(
            workspace=request.workspace,
            prompt=request.prompt,
            version=review.version,
            suite=request.suite,
            since=context.window_start,
            watermark=context.watermark,
            exclude_sources=NOT_NEW,
        )
        has_run = store.executions.counts(scope).stored > 0
        again = found[1].proposal.model_copy(update={"origin": "recorded" if has_run else "generated"})
        yield found[1].model_copy(update={"proposal": again})


def _unseen(context: CycleContext, store: Store, proposals: Sequence[Proposal]) -> frozenset[str]:
    """Those for which the suite has enough gate cases that they have not met."""
    request = context.request
    written = [p.version for p in proposals if p.text is not None]
    if request.suite is None or not written:
        return frozenset()
    past = own_pieces(context, store)
    gate = store.cases.gate(request.workspace, request.suite)
    found = []
    for version in written:
        own = [p for p in past if p.evidence.candidate == version and speaks_of(p, request.model)]
        seen = seen_cases(own, store)
        fresh = sum(case.case_id not in seen for case in gate.cases)
        if fresh >= context.strategy.min_sample_size:
            found.append(version)
    return frozenset(found)
