"""The pointer to what is live: one row per prompt, moved only from an expected revision."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.records.release import LiveVersion, ReleaseEvent
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_us, to_us
from flywheel.store.session import Database, table_of


class LiveVersionRow(StoreTable, table=True):
    """What is live for one prompt, with the release that made it so."""

    __tablename__ = "live_version"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["workspace", "prompt", "version"],
            ["prompt_version.workspace", "prompt_version.prompt", "prompt_version.version"],
            name="fk_live_version",
        ),
    )

    workspace: str = Field(primary_key=True)
    prompt: str = Field(primary_key=True)
    version: str
    revision: int
    release_id: str
    kind: str
    why: str = Field(default="", sa_type=sa.Text)
    released_us: int = Field(sa_type=sa.BigInteger)


LIVE = table_of(LiveVersionRow)


def live_of(connection: Connection, workspace: str, prompt: str, *, lock: bool = False) -> LiveVersion | None:
    """What is live, None when nothing is; `lock` keeps other writers from moving it."""
    query = sa.select(LIVE).where(*_of(workspace, prompt))
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _record(row)


def all_live(connection: Connection, workspace: str) -> dict[str, LiveVersion]:
    """What is live in a workspace, by prompt, in the order of their names."""
    rows = connection.execute(sa.select(LIVE).where(LIVE.c.workspace == workspace).order_by(LIVE.c.prompt))
    return {row.prompt: _record(row) for row in rows}


def _record(row: sa.Row[tuple[object, ...]]) -> LiveVersion:
    return LiveVersion(
        prompt=row.prompt,
        workspace=row.workspace,
        version=row.version,
        revision=row.revision,
        released_at=from_us(row.released_us),
        kind=row.kind,
        why=row.why,
    )


def swing(db: Database, connection: Connection, event: ReleaseEvent, expected: int | None) -> bool:
    """Point at the version of an event.

    Args:
        db: of the connection.
        connection: of a write.
        event: names the version.
        expected: revision the pointer must have now; None where nothing may be live.

    Returns:
        False, with nothing changed, when the pointer has another revision. Of
        two writers that expect the same revision one gets True.
    """
    values = {
        "version": event.version,
        "revision": 1 if expected is None else expected + 1,
        "release_id": event.release_id,
        "kind": event.kind.value,
        "why": event.why,
        "released_us": to_us(event.created_at),
    }
    if expected is None:
        row = {**values, "workspace": event.workspace, "prompt": event.prompt}
        return db.upsert(connection, LIVE, [row], key=("workspace", "prompt")) == 1
    moved = connection.execute(
        sa.update(LIVE)
        .where(*_of(event.workspace, event.prompt), LIVE.c.revision == expected)
        .values(**values)
    )
    return moved.rowcount == 1


def clear(connection: Connection, workspace: str, prompt: str) -> None:
    """Leave nothing live."""
    connection.execute(sa.delete(LIVE).where(*_of(workspace, prompt)))


def _of(workspace: str, prompt: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return LIVE.c.workspace == workspace, LIVE.c.prompt == prompt
