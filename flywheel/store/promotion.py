"""The three steps of a release: intent, move with its evidence, verify."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flywheel.errors import InputError, StaleRelease, StoreError, UnknownName
from flywheel.records.lineage import Edge, EdgeKind
from flywheel.records.release import JournalState, LiveVersion, ReleaseEvent, ReleaseKind
from flywheel.records.verdict import Verdict
from flywheel.store.experiments import experiment_of
from flywheel.store.journal import (
    DONE,
    mark_applied,
    mark_reverted,
    mark_verified,
    release_row,
    write_intent,
)
from flywheel.store.lineage import put_edges
from flywheel.store.live import clear, live_of, swing
from flywheel.store.prompts import VERSION, SqlPrompts
from flywheel.store.session import Database


def _nothing(_connection: Connection) -> None:
    """A release with nothing else to write."""


@dataclass(frozen=True, slots=True)
class Change:
    """One release to be made.

    Attributes:
        event: names the version; its state and previous are set by the journal.
        verdict: what earned it, None for one made by hand.
        expected: revision of what is live, None where nothing may be live.
        along: writes that belong to the transaction of the move.
    """

    event: ReleaseEvent
    verdict: Verdict | None = None
    expected: int | None = None
    along: Callable[[Connection], None] = _nothing


def carry_out(db: Database, change: Change) -> LiveVersion:
    """Intent, move, verify; a release that is applied already changes nothing.

    Returns:
        What is live afterwards.

    Raises:
        StaleRelease: what is live is not the expected revision.
        UnknownName: the version has no text.
        InputError: the version is live already, or the event contradicts its verdict.
        StoreError: the text read back is not the one the version names; the move was undone.
    """
    event = change.event
    _refuse_contradiction(change)
    state = write_intent(db, event)
    if state is JournalState.INTENT:
        try:
            move(db, change)
        except (StaleRelease, InputError) as error:
            with db.write() as connection:
                mark_reverted(connection, event, str(error), JournalState.INTENT)
            raise
    if state is not JournalState.VERIFIED and verify(db, event) is JournalState.REVERTED:
        msg = (
            f"Release {event.release_id!r} of prompt {event.prompt!r} was undone: the stored text of version "
            f"{event.version[:12]!r} no longer has that content hash. What was live before is live again. "
            "Add the text again under its name, or restore a backup of the store."
        )
        raise StoreError(msg)
    with db.read() as connection:
        live = live_of(connection, event.workspace, event.prompt)
    if live is None:
        msg = (
            f"Prompt {event.prompt!r} has nothing live after release {event.release_id!r}; another process "
            f"undid it. Nothing else was changed. See: flywheel release history {event.prompt}"
        )
        raise StoreError(msg)
    return live


def move(db: Database, change: Change) -> None:
    """Move the pointer with the evidence in one transaction; nothing is moved when it raises.

    Raises:
        StaleRelease: what is live is not the expected revision, or the intent was reverted.
        UnknownName: the version has no text.
        InputError: the version is live already.
    """
    event, expected = change.event, change.expected
    with db.write() as connection:
        live = live_of(connection, event.workspace, event.prompt, lock=True)
        row = release_row(connection, event.workspace, event.release_id, lock=True)
        if JournalState(row.state) in DONE:
            return
        if (live.revision if live else None) != expected:
            raise StaleRelease(_stale(event, live, expected))
        if live is not None and live.version == event.version:
            msg = (
                f"Version {event.version[:12]!r} of prompt {event.prompt!r} is live already, as revision "
                f"{live.revision}. Nothing was moved."
            )
            raise InputError(msg)
        _refuse_textless(db, connection, event)
        moved: dict[str, object] = {
            "previous": live.version if live else None,
            "revision": 1 if expected is None else expected + 1,
            "experiment_seq": experiment_of(connection, event.workspace, event.cycle_id),
        }
        if not swing(db, connection, event, expected):
            raise StaleRelease(_stale(event, live_of(connection, event.workspace, event.prompt), expected))
        if not mark_applied(connection, event, change.verdict, moved):
            msg = (
                f"Release {event.release_id!r} of prompt {event.prompt!r} was reverted by a recovery while "
                "it was being made. Nothing was moved. Make the release again."
            )
            raise StaleRelease(msg)
        if event.kind is ReleaseKind.ROLLBACK and live is not None:
            put_edges(db, connection, [_rollback_edge(event, live.version)], event.created_at)
        change.along(connection)


def verify(db: Database, event: ReleaseEvent) -> JournalState:
    """Read the text of an applied release back and hold it against its content hash.

    A release that a later one replaced is verified all the same. One whose
    text is damaged is undone: what was live before is live again.

    Returns:
        verified, or reverted where the release did not last.
    """
    with db.write() as connection:
        live = live_of(connection, event.workspace, event.prompt, lock=True)
        row = release_row(connection, event.workspace, event.release_id, lock=True)
        if row.state != JournalState.APPLIED.value:
            return JournalState(row.state)
        text = _stored_text(connection, event)
        intact = text is not None and hashlib.sha256(text).hexdigest() == event.version
        points_here = live is not None and (live.revision, live.version) == (row.revision, row.version)
        replaced = live is not None and live.revision > row.revision
        if intact and (points_here or replaced):
            mark_verified(connection, event)
            return JournalState.VERIFIED
        because = "the pointer does not point at it" if intact else "its stored text lost its content hash"
        mark_reverted(connection, event, because, JournalState.APPLIED)
        if points_here:
            _point_back(db, connection, event, row.previous, row.revision)
        return JournalState.REVERTED


def _point_back(
    db: Database, connection: Connection, event: ReleaseEvent, previous: str | None, revision: int
) -> None:
    if previous is None:
        clear(connection, event.workspace, event.prompt)
        return
    undone = {
        "version": previous,
        "kind": ReleaseKind.ROLLBACK,
        "why": f"release {event.release_id} was undone",
    }
    swing(db, connection, event.model_copy(update=undone), revision)


def _stored_text(connection: Connection, event: ReleaseEvent) -> bytes | None:
    text = connection.execute(
        sa.select(VERSION.c.text).where(
            VERSION.c.workspace == event.workspace,
            VERSION.c.prompt == event.prompt,
            VERSION.c.version == event.version,
        )
    ).scalar()
    return None if text is None else bytes(text)


def _refuse_contradiction(change: Change) -> None:
    proposed = change.verdict.proposal.version if change.verdict else change.event.version
    if proposed != change.event.version:
        msg = (
            f"Release {change.event.release_id!r} names version {change.event.version[:12]!r} and its "
            f"verdict is about {proposed[:12]!r}. Nothing was moved. "
            "Hand in the verdict of the version to release."
        )
        raise InputError(msg)


def _refuse_textless(db: Database, connection: Connection, event: ReleaseEvent) -> None:
    if _stored_text(connection, event) is not None:
        return
    version, prompt = event.version, event.prompt
    found = SqlPrompts(db).get(event.workspace, prompt, version)
    if found is None:
        msg = (
            f"Prompt {prompt!r} of workspace {event.workspace!r} has no version {version!r}. "
            f"Nothing was moved. See: flywheel prompt log {prompt}"
        )
    elif found.text is None:
        msg = (
            f"Version {version!r} of prompt {prompt!r} is known only by its label; its text was not "
            "captured, so it can be compared but not released. Nothing was moved. "
            f"Add it with: flywheel prompt add {prompt} FILE --label {version}"
        )
    else:
        msg = (
            f"A release of prompt {prompt!r} names its version by content hash; got {version!r}, which "
            f"stands for {found.version}. Nothing was moved. Give the whole hash."
        )
    raise UnknownName(msg)


def _stale(event: ReleaseEvent, live: LiveVersion | None, expected: int | None) -> str:
    want = "nothing to be live" if expected is None else f"revision {expected}"
    got = "nothing is live"
    if live is not None:
        since = f"{live.released_at:%Y-%m-%d %H:%M:%S} UTC"
        got = f"version {live.version[:12]!r} is live as revision {live.revision} since {since}"
    return (
        f"What is live for prompt {event.prompt!r} of workspace {event.workspace!r} changed while a release "
        f"was being prepared: it needs {want} and {got}. Nothing was moved. "
        f"Look at it with: flywheel release history {event.prompt}; then compare with what "
        "is live now and repeat."
    )


def _rollback_edge(event: ReleaseEvent, undone: str) -> Edge:
    return Edge(
        prompt=event.prompt,
        workspace=event.workspace,
        child=event.version,
        parent=undone,
        kind=EdgeKind.ROLLBACK_OF,
        cycle_id=event.cycle_id,
        because=event.why,
        created_at=event.created_at,
    )
