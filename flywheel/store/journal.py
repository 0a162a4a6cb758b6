"""The write-ahead journal of releases: intent, applied, verified or reverted."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.errors import InputError
from flywheel.records.release import JournalState, ReleaseEvent
from flywheel.records.verdict import Verdict
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_us, to_us
from flywheel.store.processes import lives
from flywheel.store.prompts import LABEL
from flywheel.store.session import Database, table_of

GRACE = timedelta(seconds=60)
"""A move takes milliseconds; an intent this old belongs to nobody who still works on it."""

DONE = (JournalState.APPLIED, JournalState.VERIFIED)
UNFINISHED = (JournalState.INTENT, JournalState.APPLIED)


class ReleaseRow(StoreTable, table=True):
    """One release; `pid`, `host` and `intent_us` (of the wall clock) say who works on it since when."""

    __tablename__ = "release"
    __table_args__ = (
        sa.UniqueConstraint("workspace", "release_id", name="uq_release"),
        sa.Index("ix_release_prompt", "workspace", "prompt", "seq"),
        sa.Index("ix_release_state", "workspace", "state"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    workspace: str
    release_id: str
    prompt: str
    version: str
    previous: str | None = None
    kind: str
    state: str
    cycle_id: str | None = None
    experiment_seq: int | None = None
    why: str = Field(default="", sa_type=sa.Text)
    reverted_because: str | None = Field(default=None, sa_type=sa.Text)
    actor: str
    created_us: int = Field(sa_type=sa.BigInteger)
    intent_us: int = Field(sa_type=sa.BigInteger)
    pid: int
    host: str
    revision: int | None = None
    evidence_json: str | None = Field(default=None, sa_type=sa.Text)
    verdict_json: str | None = Field(default=None, sa_type=sa.Text)


RELEASE = table_of(ReleaseRow)


def write_intent(db: Database, event: ReleaseEvent) -> JournalState:
    """Say, in a transaction of its own, that a release is about to be made.

    A release that was reverted, or whose process died, is taken over by this
    process. One that is applied or verified is left as it is.

    Returns:
        The state the journal has now: intent, applied or verified.

    Raises:
        InputError: the id belongs to a release of another version.
    """
    row = _intent_row(event)
    with db.write() as connection:
        if db.upsert(connection, RELEASE, [row], key=("workspace", "release_id")):
            return JournalState.INTENT
        first = release_row(connection, event.workspace, event.release_id, lock=True)
        if (first.prompt, first.version) != (event.prompt, event.version):
            msg = (
                f"Release {event.release_id!r} of workspace {event.workspace!r} is one of prompt "
                f"{first.prompt!r} to version {first.version[:12]!r}; got {event.prompt!r} and "
                f"{event.version[:12]!r}. Nothing was moved. Give the new release an id of its own."
            )
            raise InputError(msg)
        state = JournalState(first.state)
        if state in DONE:
            return state
        connection.execute(sa.update(RELEASE).where(*_of(event)).values(**row))
    return JournalState.INTENT


def mark_applied(
    connection: Connection, event: ReleaseEvent, verdict: Verdict | None, moved: dict[str, object]
) -> bool:
    """Turn an intent into applied, with its evidence, in the transaction that moves the pointer.

    Args:
        connection: of that transaction.
        event: the release.
        verdict: what earned it, None for one made by hand.
        moved: columns known only now: previous, revision, experiment_seq.

    Returns:
        False, with nothing changed, when the journal no longer says intent.
    """
    evidence = verdict.evidence if verdict else None
    done = connection.execute(
        sa.update(RELEASE)
        .where(*_of(event), RELEASE.c.state == JournalState.INTENT.value)
        .values(
            state=JournalState.APPLIED.value,
            evidence_json=evidence.model_dump_json() if evidence else None,
            verdict_json=verdict.model_dump_json() if verdict else None,
            **moved,
        )
    )
    return done.rowcount == 1


def mark_verified(connection: Connection, event: ReleaseEvent) -> None:
    """Turn applied into verified."""
    connection.execute(
        sa.update(RELEASE)
        .where(*_of(event), RELEASE.c.state == JournalState.APPLIED.value)
        .values(state=JournalState.VERIFIED.value)
    )


def mark_reverted(connection: Connection, event: ReleaseEvent, because: str, held: JournalState) -> bool:
    """Turn an intent or an applied release into reverted; False when it no longer has that state."""
    done = connection.execute(
        sa.update(RELEASE)
        .where(*_of(event), RELEASE.c.state == held.value)
        .values(state=JournalState.REVERTED.value, reverted_because=because)
    )
    return done.rowcount == 1


def release_row(
    connection: Connection, workspace: str, release_id: str, *, lock: bool = False
) -> sa.Row[Any]:
    """The row of a release; `lock` keeps other writers from changing it."""
    query = sa.select(RELEASE).where(RELEASE.c.workspace == workspace, RELEASE.c.release_id == release_id)
    return connection.execute(query.with_for_update() if lock else query).one()


def unfinished(connection: Connection, workspace: str) -> Sequence[sa.Row[Any]]:
    """Releases in state intent or applied, oldest first."""
    return connection.execute(
        sa.select(RELEASE)
        .where(RELEASE.c.workspace == workspace, RELEASE.c.state.in_([s.value for s in UNFINISHED]))
        .order_by(RELEASE.c.seq)
    ).all()


def released_names(connection: Connection, workspace: str) -> dict[str, frozenset[str]]:
    """Content hashes with labels of all versions whose release was applied, by prompt."""
    row = RELEASE.c
    same = (LABEL.c.workspace == row.workspace, LABEL.c.prompt == row.prompt, LABEL.c.version == row.version)
    query = (
        sa.select(row.prompt, row.version, LABEL.c.label)
        .distinct()
        .select_from(RELEASE.outerjoin(LABEL, sa.and_(*same)))
        .where(row.workspace == workspace, row.state.in_([state.value for state in DONE]))
    )
    found: dict[str, set[str]] = {}
    for prompt, version, label in connection.execute(query):
        found.setdefault(prompt, set()).update({version, label} - {None})
    return {prompt: frozenset(names) for prompt, names in found.items()}


def events_of(connection: Connection, workspace: str, prompt: str | None) -> list[ReleaseEvent]:
    """All releases of a prompt, or of all prompts, newest first."""
    query = sa.select(RELEASE).where(RELEASE.c.workspace == workspace).order_by(RELEASE.c.seq.desc())
    if prompt is not None:
        query = query.where(RELEASE.c.prompt == prompt)
    return [event_of(row) for row in connection.execute(query)]


def event_of(row: sa.Row[Any]) -> ReleaseEvent:
    """The record of a row; a reverted one says so in its why."""
    reverted = f" (reverted: {row.reverted_because})" if row.reverted_because else ""
    return ReleaseEvent(
        release_id=row.release_id,
        prompt=row.prompt,
        workspace=row.workspace,
        version=row.version,
        previous=row.previous,
        kind=row.kind,
        state=row.state,
        cycle_id=row.cycle_id,
        why=f"{row.why}{reverted}",
        actor=row.actor,
        created_at=from_us(row.created_us),
    )


def is_orphan(row: sa.Row[Any], now: datetime) -> bool:
    """Whether nobody works on an intent any more.

    On the host that wrote it a dead process is known at once. A process that
    lives, or one of another host, keeps its intent for the time of GRACE.
    """
    if row.host == socket.gethostname() and not lives(row.pid):
        return True
    return now - from_us(row.intent_us) > GRACE


def _intent_row(event: ReleaseEvent) -> dict[str, object]:
    return {
        "workspace": event.workspace,
        "release_id": event.release_id,
        "prompt": event.prompt,
        "version": event.version,
        "previous": event.previous,
        "kind": event.kind.value,
        "state": JournalState.INTENT.value,
        "cycle_id": event.cycle_id,
        "why": event.why,
        "reverted_because": None,
        "actor": event.actor,
        "created_us": to_us(event.created_at),
        "intent_us": time.time_ns() // 1000,
        "pid": os.getpid(),
        "host": socket.gethostname(),
    }


def _of(event: ReleaseEvent) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return RELEASE.c.workspace == event.workspace, RELEASE.c.release_id == event.release_id
