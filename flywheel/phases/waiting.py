"""Candidates that wait for a person, put to cases they have not met."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from flywheel.phases.earlier import Earlier, earlier, seen_cases
from flywheel.ports import Store
from flywheel.records.columns import Scope
from flywheel.records.cycle import CycleContext
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
    past = earlier(context, store)
    staged = tuple(_staged(context, store, control, avoid))
    again = (
        verdict.proposal
        for verdict in staged
        if _undecided(verdict)
        and (verdict.proposal.origin == "recorded" or _unseen(context, store, verdict.proposal, past))
    )
    return Waiting(tuple(again), frozenset(v.proposal.version for v in staged))


def _undecided(verdict: Verdict) -> bool:
    """Whether more cases could change the ruling, for it waits neither for a threshold nor by a guardrail."""
    found = verdict.evidence
    return verdict.ruling is Ruling.STAGE and not any(
        g.passed is False for g in (found.guardrails if found else ())
    )


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
            exclude_sources=("experiment", "collect"),
        )
        has_run = store.executions.counts(scope).stored > 0
        again = found[1].proposal.model_copy(update={"origin": "recorded" if has_run else "generated"})
        yield found[1].model_copy(update={"proposal": again})


def _unseen(context: CycleContext, store: Store, proposal: Proposal, past: Earlier) -> bool:
    """Whether the suite has enough gate cases the candidate has not met."""
    request = context.request
    if request.suite is None or proposal.text is None:
        return False
    seen = seen_cases(past.of(proposal.version), store)
    gate = store.cases.gate(request.workspace, request.suite)
    fresh = sum(case.case_id not in seen for case in gate.cases)
    return fresh >= context.strategy.min_sample_size
