"""Changes that wait for a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from release_material import (
    FIRST,
    NOW,
    SECOND,
    THIRD,
    add_text,
    event_to,
    make_live,
    proposal_to,
    review_of,
    verdict_on,
)

from flywheel.errors import InputError, StaleRelease, UnknownName
from flywheel.records.release import JournalState, ReleaseKind, Review
from flywheel.records.verdict import Ruling, Verdict
from flywheel.store.journal import write_intent
from flywheel.store.open import SqlStore
from flywheel.store.promotion import Change, move
from flywheel.store.reviews import write_decision

LATER = NOW + timedelta(hours=2)


def staged(
    store: SqlStore, text: str = SECOND, review_id: str = "r1", cycle_id: str | None = None
) -> tuple[Review, Verdict]:
    """A review of a text against what is live."""
    add_text(store, text)
    live = store.releases.live("default", "triage")
    verdict = verdict_on(proposal_to(text), Ruling.STAGE)
    review = review_of(verdict, live.version if live else None, review_id, cycle_id)
    return store.releases.stage(review, verdict), verdict


def test_a_staged_change_waits_with_its_verdict(store: SqlStore) -> None:
    """A review reads back equal, with the verdict that staged it."""
    make_live(store, FIRST, "a")
    review, verdict = staged(store)
    assert review.state == "waiting"
    assert store.releases.reviews("default") == [review]
    assert store.releases.review("default", "r1") == (review, verdict)
    assert store.releases.review("elsewhere", "r1") is None
    assert store.releases.reviews("elsewhere") == []


def test_the_same_change_staged_twice_is_one_review(store: SqlStore) -> None:
    """Same version and same control give the review that waits, under whatever id it is staged."""
    make_live(store, FIRST, "a")
    review, _ = staged(store)
    again, _ = staged(store, review_id="r2")
    assert again == review
    other, _ = staged(store, THIRD, "r3")
    assert [r.review_id for r in store.releases.reviews("default")] == ["r1", "r3"]
    assert other.review_id == "r3"


def test_the_same_change_against_another_control_is_another_review(store: SqlStore) -> None:
    """What the change was compared with is part of what a person decides."""
    verdict = verdict_on(proposal_to(SECOND))
    for number, previous in enumerate((None, "x" * 64, "y" * 64)):
        store.releases.stage(review_of(verdict, previous, f"r{number}"), verdict)
    assert len(store.releases.reviews("default")) == 3


def test_a_decided_change_is_not_asked_again_by_the_same_cycle(store: SqlStore) -> None:
    """A repeated cycle gets the decided review back; another cycle asks again under an id of its own."""
    verdict = verdict_on(proposal_to(SECOND))
    first = store.releases.stage(review_of(verdict, None, "r1", "c1"), verdict)
    decided = store.releases.decide(
        "default", first.review_id, approve=False, reviewer="ana", note="too long", now=LATER
    )
    assert store.releases.stage(review_of(verdict, None, "r1", "c1"), verdict) == decided
    fresh = store.releases.stage(review_of(verdict, None, "r1", "c2"), verdict)
    assert (fresh.review_id, fresh.state) == ("r1-2", "waiting")
    assert store.releases.stage(review_of(verdict, None, "r1", "c2"), verdict) == fresh


def test_approving_releases_the_change(store: SqlStore) -> None:
    """An approved change is live through the journal, in the name of the reviewer."""
    first = make_live(store, FIRST, "a")
    review, _ = staged(store)
    decided = store.releases.decide(
        "default", "r1", approve=True, reviewer=" ana ", note="looks right", now=LATER
    )
    assert (decided.state, decided.reviewer, decided.decided_at) == ("approved", "ana", LATER)
    assert store.releases.reviews("default", "approved") == [decided]
    live = store.releases.live("default", "triage")
    assert (live.version, live.revision, live.kind) == (review.version, 2, ReleaseKind.REVIEW)
    event = store.releases.history("default", "triage")[0]
    assert (event.previous, event.actor, event.why) == (first, "ana", "looks right")
    assert event.state is JournalState.VERIFIED


def test_approving_the_first_version_of_a_prompt_works(store: SqlStore) -> None:
    """A change that was staged when nothing was live is released where nothing is live."""
    review, _ = staged(store)
    store.releases.decide("default", "r1", approve=True, reviewer="ana", note="", now=LATER)
    assert store.releases.live("default", "triage").version == review.version


def test_rejecting_leaves_what_is_live(store: SqlStore) -> None:
    """A rejected change is not released and no longer waits."""
    first = make_live(store, FIRST, "a")
    staged(store)
    decided = store.releases.decide(
        "default", "r1", approve=False, reviewer="ana", note="wrong tone", now=LATER
    )
    assert (decided.state, decided.note) == ("rejected", "wrong tone")
    assert store.releases.reviews("default") == []
    assert store.releases.reviews("default", None) == [decided]
    assert store.releases.live("default", "triage").version == first


@pytest.mark.parametrize("approve", [True, False])
def test_a_second_decision_leaves_the_first(store: SqlStore, approve: bool) -> None:
    """Deciding again says who decided what and when, and changes nothing."""
    first = make_live(store, FIRST, "a")
    staged(store)
    decided = store.releases.decide(
        "default", "r1", approve=False, reviewer="ana", note="wrong tone", now=LATER
    )
    with pytest.raises(InputError, match=r"rejected by 'ana' at 2025-03-01 14:00:00 UTC \('wrong tone'\)"):
        store.releases.decide(
            "default", "r1", approve=approve, reviewer="bo", note="", now=LATER + timedelta(hours=1)
        )
    assert store.releases.review("default", "r1")[0] == decided
    assert store.releases.live("default", "triage").version == first


def test_a_decision_needs_a_name(store: SqlStore) -> None:
    """A blank reviewer is refused and the review keeps waiting."""
    staged(store)
    with pytest.raises(InputError, match="--by"):
        store.releases.decide("default", "r1", approve=True, reviewer=" ", note="", now=LATER)
    assert store.releases.reviews("default")[0].state == "waiting"


def test_an_unknown_review_is_named(store: SqlStore) -> None:
    """Deciding a review that does not exist says where to look."""
    with pytest.raises(UnknownName, match="review list"):
        store.releases.decide("default", "nobody", approve=True, reviewer="ana", note="", now=LATER)


def test_approving_after_the_live_version_moved_is_refused(store: SqlStore) -> None:
    """A change compared with what is no longer live is not released; the review keeps waiting."""
    make_live(store, FIRST, "a")
    staged(store)
    third = make_live(store, THIRD, "b")
    with pytest.raises(StaleRelease, match="keeps waiting"):
        store.releases.decide("default", "r1", approve=True, reviewer="ana", note="", now=LATER)
    assert store.releases.reviews("default")[0].state == "waiting"
    assert store.releases.live("default", "triage").version == third


def test_approving_works_again_when_the_control_is_live_again(store: SqlStore) -> None:
    """After a rollback to what the change was compared with it can be approved."""
    make_live(store, FIRST, "a")
    review, _ = staged(store)
    make_live(store, THIRD, "b")
    store.releases.rollback("default", "triage", None, "bad", "bo", NOW)
    store.releases.decide("default", "r1", approve=True, reviewer="ana", note="", now=LATER)
    assert store.releases.live("default", "triage").version == review.version


def test_approving_a_version_without_text_keeps_it_waiting(store: SqlStore) -> None:
    """A staged version whose text was not kept is refused and keeps waiting."""
    verdict = verdict_on(proposal_to(SECOND))
    store.releases.stage(review_of(verdict, None), verdict)
    with pytest.raises(UnknownName, match="prompt log"):
        store.releases.decide("default", "r1", approve=True, reviewer="ana", note="", now=LATER)
    assert store.releases.reviews("default")[0].state == "waiting"


def test_a_decision_taken_during_an_approval_wins(store: SqlStore) -> None:
    """When the review is rejected between reading and moving, nothing is released."""
    first = make_live(store, FIRST, "a")
    review, verdict = staged(store)
    event = event_to(review.version, "b", kind=ReleaseKind.REVIEW)
    write_intent(store.database, event)
    decided = store.releases.decide("default", "r1", approve=False, reviewer="ana", note="", now=LATER)
    late = review.model_copy(update={"state": "approved", "reviewer": "bo", "decided_at": LATER})
    change = Change(event, verdict, 1, lambda connection: write_decision(connection, late))
    with pytest.raises(InputError, match="rejected by 'ana'"):
        move(store.database, change)
    assert store.releases.review("default", "r1")[0] == decided
    assert store.releases.live("default", "triage").version == first


def test_a_sibling_of_what_its_own_cycle_released_can_be_approved(store: SqlStore) -> None:
    """One experiment held both against the same control, so a person may prefer the other."""
    first = make_live(store, FIRST, "a")
    review, _ = staged(store, cycle_id="c1")
    third = add_text(store, THIRD)
    event = event_to(third, "cycle-release").model_copy(
        update={"kind": ReleaseKind.CYCLE, "cycle_id": review.cycle_id, "previous": first}
    )
    store.releases.promote(None, event, store.releases.live("default", "triage").revision)

    store.releases.decide("default", "r1", approve=True, reviewer="ana", note="", now=LATER)

    assert store.releases.live("default", "triage").version == review.version
    assert store.releases.history("default", "triage")[0].previous == third
