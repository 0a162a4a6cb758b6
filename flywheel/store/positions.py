"""Where reading another tool's records stopped, one row for each source of a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from flywheel.records.base import Record
from flywheel.store.base import StoreTable
from flywheel.store.session import Database, table_of


class Position(Record):
    """How far a source was read.

    Attributes:
        watermark: newest start that is known to be stored, None before the first whole reading.
        judged_until: moment up to which feedback is stored.
        since, until: window of a reading that did not end; None where the last one did.
        following: its next page, None for the first one.
        newest: newest finished start of its pages so far.
        oldest_pending: oldest start of what had not ended on its pages so far.
    """

    watermark: datetime | None = None
    judged_until: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    following: str | None = None
    newest: datetime | None = None
    oldest_pending: datetime | None = None


class SourcePositionRow(StoreTable, table=True):
    """The position of one source."""

    __tablename__ = "source_position"

    workspace: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    position_json: str = Field(sa_type=sa.Text)


POSITION = table_of(SourcePositionRow)


class SqlPositions:
    """Positions of all sources in one database.

    Args:
        db: where they are kept.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> positions = open_store("sqlite://").positions
        >>> positions.get("team", "langsmith triage").watermark is None
        True
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, workspace: str, source: str) -> Position:
        """The position of a source; an empty one where it was never read."""
        query = sa.select(POSITION.c.position_json).where(
            POSITION.c.workspace == workspace, POSITION.c.source == source
        )
        with self._db.read() as connection:
            found = connection.execute(query).scalar()
        return Position() if found is None else Position.model_validate_json(found)

    @contextmanager
    def moved_with(self, workspace: str, source: str, position: Position) -> Iterator[None]:
        """Keep a position in one transaction with what the block stores: both, or nothing."""
        row = {"workspace": workspace, "source": source, "position_json": position.model_dump_json()}
        with self._db.write() as connection:
            yield
            self._db.upsert(
                connection, POSITION, [row], key=("workspace", "source"), update=("position_json",)
            )
