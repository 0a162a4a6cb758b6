"""What is live, and the way it gets there."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from release_material import (
    FIRST,
    NOW,
    SECOND,
    THIRD,
    add_text,
    context_of,
    event_to,
    make_live,
    proposal_to,
    verdict_on,
)

from flywheel.errors import InputError, StaleRelease, StoreError, UnknownName
from flywheel.ports import ReleaseTarget
from flywheel.records.execution import Execution
from flywheel.records.lineage import EdgeKind
from flywheel.records.release import JournalState, ReleaseKind
from flywheel.records.verdict import Evidence, Verdict, Verdicts
from flywheel.store.journal import RELEASE
from flywheel.store.open import SqlStore
from flywheel.store.prompts import VERSION


def test_a_first_release_makes_a_version_live_as_revision_one(store: SqlStore) -> None:
    """The first release of a prompt has revision 1 and no previous version."""
    target: ReleaseTarget = store.releases
    version = add_text(store, FIRST)
    assert target.live("default", "triage") is None
    live = target.promote(None, event_to(version, "a"), None)
    assert (live.version, live.revision, live.kind) == (version, 1, ReleaseKind.MANUAL)
    assert target.live("default", "triage") == live
    (event,) = target.history("default", "triage")
    assert (event.state, event.previous, event.actor) == (JournalState.VERIFIED, None, "ana")


def test_applying_twice_changes_nothing(store: SqlStore) -> None:
    """A release_id that is applied gives what is live and moves nothing, whatever is live by then."""
    first, second = add_text(store, FIRST), add_text(store, SECOND)
    store.releases.promote(None, event_to(first, "a"), None)
    live = store.releases.promote(None, event_to(second, "b"), 1)
    assert store.releases.promote(None, event_to(second, "b"), 1) == live
    assert store.releases.promote(None, event_to(first, "a"), None) == live
    assert [e.release_id for e in store.releases.history("default", "triage")] == ["b", "a"]


def test_the_move_keeps_the_evidence_that_earned_it(store: SqlStore) -> None:
    """The journal row of a release holds its verdict, its evidence and its experiment."""
    proposal = proposal_to(SECOND)
    context = context_of("c1")
    store.cycles.open(context, NOW)
    verdict = verdict_on(proposal)
    store.cycles.keep_verdicts(Verdicts(context=context, verdicts=(verdict,)), NOW)
    version = add_text(store, SECOND)
    store.releases.promote(verdict, event_to(version, "a", cycle_id="c1"), None)
    with store.database.read() as connection:
        row = connection.execute(sa.select(RELEASE)).one()
    assert Verdict.model_validate_json(row.verdict_json) == verdict
    assert Evidence.model_validate_json(row.evidence_json) == verdict.evidence
    assert row.experiment_seq is not None


def test_a_stale_release_moves_nothing_and_says_why(store: SqlStore) -> None:
    """A release prepared against another revision is refused; the journal says reverted with the reason."""
    make_live(store, FIRST, "a")
    live = store.releases.live("default", "triage")
    version = add_text(store, SECOND)
    for expected in (None, 0, 2):
        with pytest.raises(StaleRelease, match=r"revision 1 since .* Nothing was moved"):
            store.releases.promote(None, event_to(version, "b"), expected)
    assert store.releases.live("default", "triage") == live
    newest = store.releases.history("default", "triage")[0]
    assert newest.state is JournalState.REVERTED
    assert "needs revision 2" in newest.why


def test_a_revision_is_expected_where_nothing_is_live(store: SqlStore) -> None:
    """A release prepared against a revision is refused when nothing is live."""
    version = add_text(store, FIRST)
    with pytest.raises(StaleRelease, match="nothing is live"):
        store.releases.promote(None, event_to(version, "a"), 3)
    assert store.releases.live("default", "triage") is None


def test_a_reverted_release_can_be_made_again(store: SqlStore) -> None:
    """The same release_id goes through once its cause of refusal is gone."""
    make_live(store, FIRST, "a")
    version = add_text(store, SECOND)
    with pytest.raises(StaleRelease):
        store.releases.promote(None, event_to(version, "b"), 7)
    assert store.releases.promote(None, event_to(version, "b"), 1).version == version
    newest = store.releases.history("default", "triage")[0]
    assert (newest.state, newest.why) == (JournalState.VERIFIED, "it earned it")


def test_a_version_known_only_by_its_label_is_not_released(store: SqlStore) -> None:
    """A version that only executions carry is refused with the command that adds its text."""
    store.executions.write([Execution(execution_id="e1", prompt="triage", version="cot", outcome="passed")])
    with pytest.raises(UnknownName, match=r"known only by its label; its text was not captured.*prompt add"):
        store.releases.promote(None, event_to("cot", "a"), None)
    (event,) = store.releases.history("default", "triage")
    assert event.state is JournalState.REVERTED
    assert store.releases.live("default", "triage") is None


@pytest.mark.parametrize("name", ["nobody", "v1"])
def test_a_release_names_its_version_by_hash(store: SqlStore, name: str) -> None:
    """An unknown name, as well as a label of a stored text, is refused with what to do."""
    add_text(store, FIRST, label="v1")
    with pytest.raises(UnknownName, match="Nothing was moved"):
        store.releases.promote(None, event_to(name, "a"), None)


def test_what_is_live_is_not_released_again(store: SqlStore) -> None:
    """A second release of the live version under another id is refused."""
    version = make_live(store, FIRST, "a")
    with pytest.raises(InputError, match="live already"):
        store.releases.promote(None, event_to(version, "b"), 1)
    assert store.releases.live("default", "triage").revision == 1


def test_a_release_id_belongs_to_one_change(store: SqlStore) -> None:
    """A release_id that was used for another version is refused and the first release stays."""
    make_live(store, FIRST, "a")
    version = add_text(store, SECOND)
    with pytest.raises(InputError, match="id of its own"):
        store.releases.promote(None, event_to(version, "a"), 1)
    assert [e.state for e in store.releases.history("default", "triage")] == [JournalState.VERIFIED]


def test_a_verdict_about_another_version_is_refused(store: SqlStore) -> None:
    """The evidence of one version cannot release another."""
    version = add_text(store, FIRST)
    with pytest.raises(InputError, match="verdict is about"):
        store.releases.promote(verdict_on(proposal_to(SECOND)), event_to(version, "a"), None)
    assert store.releases.history("default", "triage") == []


def test_workspaces_do_not_see_each_other(store: SqlStore) -> None:
    """The same prompt, release_id and version in two workspaces are two releases."""
    for workspace in ("red", "blue"):
        version = add_text(store, FIRST, workspace=workspace)
        store.releases.promote(None, event_to(version, "a", workspace=workspace), None)
    add_text(store, SECOND, workspace="red")
    other = add_text(store, SECOND, workspace="blue")
    store.releases.promote(None, event_to(other, "b", workspace="blue"), 1)
    assert store.releases.live("red", "triage").revision == 1
    assert store.releases.live("blue", "triage").revision == 2
    assert len(store.releases.history("red", "triage")) == 1


def test_a_damaged_text_is_not_left_live(store: SqlStore) -> None:
    """When the text read back lost its content hash the move is undone and the previous version is live."""
    first = make_live(store, FIRST, "a")
    second = add_text(store, SECOND)
    with store.database.write() as connection:
        connection.execute(sa.update(VERSION).where(VERSION.c.version == second).values(text=b"damaged"))
    with pytest.raises(StoreError, match="no longer has that content hash"):
        store.releases.promote(None, event_to(second, "b"), 1)
    live = store.releases.live("default", "triage")
    assert (live.version, live.revision) == (first, 3)
    assert store.releases.history("default", "triage")[0].state is JournalState.REVERTED


def test_a_damaged_first_release_leaves_nothing_live(store: SqlStore) -> None:
    """Where nothing was live before, the undoing leaves nothing live."""
    first = add_text(store, FIRST)
    with store.database.write() as connection:
        connection.execute(sa.update(VERSION).values(text=b"damaged"))
    with pytest.raises(StoreError):
        store.releases.promote(None, event_to(first, "a"), None)
    assert store.releases.live("default", "triage") is None


def test_rollback_restores_the_previous_text_to_the_byte(store: SqlStore) -> None:
    """After a rollback the live text has the same bytes as before the release."""
    first = make_live(store, FIRST, "a")
    make_live(store, SECOND, "b")
    event = store.releases.rollback("default", "triage", None, "it got worse", "bo", NOW)
    assert (event.kind, event.state, event.actor) == (ReleaseKind.ROLLBACK, JournalState.VERIFIED, "bo")
    live = store.releases.live("default", "triage")
    assert (live.version, live.revision, live.why) == (first, 3, "it got worse")
    text = store.prompts.get("default", "triage", live.version).text
    assert text.encode() == FIRST.encode()


def test_repeated_rollback_goes_further_back(store: SqlStore) -> None:
    """A second rollback goes to the version before, not forward to the one just undone."""
    first, second = make_live(store, FIRST, "a"), make_live(store, SECOND, "b")
    make_live(store, THIRD, "c")
    back = [store.releases.rollback("default", "triage", None, "bad", "bo", NOW).version for _ in range(2)]
    assert back == [second, first]
    with pytest.raises(UnknownName, match=r"no release before.*--to"):
        store.releases.rollback("default", "triage", None, "bad", "bo", NOW)


def test_a_version_released_again_after_a_rollback_can_be_rolled_back_again(store: SqlStore) -> None:
    """Release, rollback, release of the same version, rollback: the first version is live."""
    first, second = make_live(store, FIRST, "a"), make_live(store, SECOND, "b")
    store.releases.rollback("default", "triage", None, "bad", "bo", NOW)
    store.releases.promote(None, event_to(second, "again"), 3)
    store.releases.rollback("default", "triage", None, "still bad", "bo", NOW)
    assert store.releases.live("default", "triage").version == first


@pytest.mark.parametrize("named", ["hash", "prefix", "label"])
def test_rollback_goes_to_a_named_version(store: SqlStore, named: str) -> None:
    """A rollback takes a content hash, eight of its digits or a label."""
    first = add_text(store, FIRST, label="v1")
    make_live(store, FIRST, "a")
    make_live(store, SECOND, "b")
    make_live(store, THIRD, "c")
    to = {"hash": first, "prefix": first[:8], "label": "v1"}[named]
    assert store.releases.rollback("default", "triage", to, "bad", "bo", NOW).version == first


def test_a_rollback_that_cannot_be_says_what_to_do(store: SqlStore) -> None:
    """Nothing live, an unknown version, the live one or a blank reason: each is refused, nothing moves."""
    with pytest.raises(UnknownName, match="prompt add"):
        store.releases.rollback("default", "triage", None, "bad", "bo", NOW)
    first = make_live(store, FIRST, "a")
    with pytest.raises(UnknownName, match="prompt log"):
        store.releases.rollback("default", "triage", "nobody", "bad", "bo", NOW)
    with pytest.raises(InputError, match="live already"):
        store.releases.rollback("default", "triage", first, "bad", "bo", NOW)
    assert len(store.releases.history("default", "triage")) == 1
    with pytest.raises(InputError, match="--why"):
        store.releases.rollback("default", "triage", None, "  ", "bo", NOW)
    assert store.releases.live("default", "triage").revision == 1


def test_a_rollback_leaves_an_edge_in_the_lineage(store: SqlStore) -> None:
    """The edge rollback_of goes from the version that came back to the one it replaced."""
    first, second = make_live(store, FIRST, "a"), make_live(store, SECOND, "b")
    store.releases.rollback("default", "triage", None, "it got worse", "bo", NOW)
    (edge,) = store.lineage.edges("default", "triage")
    assert (edge.child, edge.parent, edge.kind) == (first, second, EdgeKind.ROLLBACK_OF)
    assert edge.because == "it got worse"
