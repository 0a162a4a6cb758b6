"""Versions, verdicts, events that tests of the store's second half share."""

from __future__ import annotations

from datetime import UTC, datetime

from flywheel.records.cycle import CycleContext, FeedbackLoopInput
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.proposal import Proposal
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind, Review
from flywheel.records.strategy import LearningStrategy
from flywheel.records.verdict import Evidence, Ruling, Verdict
from flywheel.store.open import SqlStore

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
FIRST = "Answer {question}.\r\n```json\n{}\n```\tno newline at the end \u00fc\U0001f600"
SECOND = "Answer {question} with one word."
THIRD = "Answer {question} in one word, lower case."


def add_text(store: SqlStore, text: str, label: str | None = None, workspace: str = "default") -> str:
    """Keep a text of prompt triage; gives its content hash."""
    version = content_hash(text)
    labels = (label,) if label else ()
    store.prompts.add(
        PromptVersion(prompt="triage", workspace=workspace, version=version, text=text, labels=labels)
    )
    return version


def event_to(
    version: str,
    release_id: str,
    *,
    kind: ReleaseKind = ReleaseKind.MANUAL,
    cycle_id: str | None = None,
    workspace: str = "default",
) -> ReleaseEvent:
    """An event that makes a version live."""
    return ReleaseEvent(
        release_id=release_id,
        prompt="triage",
        workspace=workspace,
        version=version,
        previous=None,
        kind=kind,
        state=JournalState.INTENT,
        cycle_id=cycle_id,
        why="it earned it",
        actor="ana",
        created_at=NOW,
    )


def make_live(store: SqlStore, text: str, release_id: str) -> str:
    """Add a text and release it by hand; gives its content hash."""
    version = add_text(store, text)
    live = store.releases.live("default", "triage")
    store.releases.promote(None, event_to(version, release_id), live.revision if live else None)
    return version


def context_of(cycle_id: str, prompt: str = "triage", workspace: str = "default") -> CycleContext:
    """A cycle's context."""
    return CycleContext(
        cycle_id=cycle_id,
        request=FeedbackLoopInput(prompt=prompt, workspace=workspace, seed=7),
        strategy=LearningStrategy(),
        window_start=None,
        window_end=NOW,
        watermark=12,
        control="direct",
    )


def proposal_to(text: str, parent: str = "direct") -> Proposal:
    """A generated proposal with a text."""
    return Proposal(
        version=content_hash(text),
        parent=parent,
        text=text,
        strategy="examples",
        rationale="it confuses two answers",
        expected_delta=0.05,
        patterns=("confusion:a:b",),
    )


def evidence_for(candidate: str, slice_name: str | None = None) -> Evidence:
    """Numbers of one comparison."""
    return Evidence(
        control="direct",
        candidate=candidate,
        source="recorded",
        method="exact McNemar",
        slice=slice_name,
        pairs=120,
        wins=31,
        losses=9,
        ties=80,
        control_mean=0.6,
        candidate_mean=0.7833,
        estimate=0.1833,
        low=0.08,
        high=0.29,
        p_value=0.0007,
        adjusted_p=0.0014,
        shrunken_gain=0.15,
        cases_digest="c0ffee",
    )


def verdict_on(proposal: Proposal, ruling: Ruling = Ruling.SHIP) -> Verdict:
    """A verdict with its evidence over all cases as well as over one slice."""
    return Verdict(
        proposal=proposal,
        ruling=ruling,
        because="31 wins, 9 losses",
        evidence=evidence_for(proposal.version),
        slices=(evidence_for(proposal.version, "dates"),),
    )


def review_of(
    verdict: Verdict, previous: str | None, review_id: str = "r1", cycle_id: str | None = None
) -> Review:
    """A staged change."""
    return Review(
        review_id=review_id,
        prompt="triage",
        workspace="default",
        version=verdict.proposal.version,
        previous=previous,
        cycle_id=cycle_id,
        state="waiting",
        because=verdict.because,
        created_at=NOW,
    )
