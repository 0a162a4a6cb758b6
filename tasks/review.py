"""Staged changes as Prefect tasks: what waits for a person, what the person said."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from prefect import task
from prefect.input import RunInput
from pydantic import ConfigDict, Field

from flywheel.phases.telling import tell_review
from flywheel.records.base import Record
from flywheel.records.release import Review
from flywheel.watch.news import review_news
from tasks.pages import review_page
from tasks.policy import POLICY, QUICK_S
from tasks.raise_alerts import end_alerts
from tasks.wiring import Places, wired


class ReviewDecision(RunInput):
    """The form of a staged change; no field has an approving default.

    Attributes:
        reviewer: self-declared; a Prefect server of one's own does not know who is there.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    decision: Annotated[
        Literal["approve", "reject"], Field(title="Decision", description="approve makes the version live")
    ]
    reviewer: Annotated[
        str, Field(min_length=2, pattern=r"\S", title="Your name", description="kept with the review")
    ]
    note: Annotated[str, Field(title="Note", description="why; kept with the review")] = ""


class WaitingReview(Record):
    """A staged change with the page its form shows."""

    review_id: str
    prompt: str
    page: str


def refusal(answer: ReviewDecision) -> str | None:
    """Why an answer does not count, None when it does.

    The server checks the form against its schema; this is checked again here,
    because an approval moves what is live.

    Examples:
        >>> refusal(ReviewDecision.model_construct(decision=None, reviewer="Ada"))
        "decision is None; it must be 'approve' or 'reject'"
        >>> refusal(ReviewDecision.model_construct(decision="approve", reviewer="  "))
        'the reviewer is blank'
        >>> refusal(ReviewDecision(decision="reject", reviewer="Ada")) is None
        True
    """
    decision = getattr(answer, "decision", None)
    if decision not in {"approve", "reject"}:
        return f"decision is {decision!r}; it must be 'approve' or 'reject'"
    reviewer = getattr(answer, "reviewer", None)
    if not isinstance(reviewer, str) or not reviewer.strip():
        return "the reviewer is blank"
    return None


@task(
    name="find-waiting",
    description="Staged changes of this run that wait for a person.",
    task_run_name="find reviews of {prompt}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def find_waiting(
    workspace: str, prompt: str, staged: tuple[str, ...], places: Places
) -> tuple[WaitingReview, ...]:
    """Waiting reviews of the versions a cycle staged, each with its page, the largest gain first.

    A change that was compared with a version no longer live is left out: its
    approval would be refused.

    Args:
        workspace: of the prompt.
        prompt: its name.
        staged: versions the cycle put before a person.
        places: names of the blocks.
    """
    with wired(places) as wiring:
        store = wiring.store
        live = store.releases.live(workspace, prompt)
        found: list[tuple[float, WaitingReview]] = []
        for review in store.releases.reviews(workspace):
            kept = store.releases.review(workspace, review.review_id)
            if review.prompt != prompt or review.version not in staged or kept is None:
                continue
            if review.previous != (live.version if live else None):
                continue
            gain = kept[1].evidence.estimate if kept[1].evidence else None
            after = store.prompts.get(workspace, prompt, review.version)
            before = store.prompts.get(workspace, prompt, review.previous) if review.previous else None
            page = review_page(
                review, kept[1], before.text if before else None, after.text if after else None
            )
            waiting = WaitingReview(review_id=review.review_id, prompt=prompt, page=page)
            found.append((-(gain or 0.0), waiting))
    return tuple(waiting for _, waiting in sorted(found, key=lambda pair: pair[0]))


@task(
    name="decide",
    description="Keeps a person's answer; an approval moves what is live.",
    task_run_name="decide {review_id}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def decide(workspace: str, review_id: str, answer: ReviewDecision, places: Places) -> Review:
    """Approve or reject a waiting review; a decided one is left as it was.

    Args:
        workspace: of the review.
        review_id: which one.
        answer: what the form gave; already checked.
        places: names of the blocks.

    Raises:
        StaleRelease: what is live moved since the change was staged; nothing was moved.
    """
    with wired(places) as wiring:
        decided = wiring.store.releases.decide(
            workspace,
            review_id,
            answer.decision == "approve",
            answer.reviewer.strip(),
            answer.note,
            wiring.clock.now(),
        )
        tell_review(wiring.observer, wiring.store, decided)
        waiting = sum(one.prompt == decided.prompt for one in wiring.store.releases.reviews(workspace))
    end_alerts(review_news(decided.prompt, workspace, waiting), places)
    return decided
