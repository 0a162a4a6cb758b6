"""The schema a store must have: which revision it is at, how an empty one is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flywheel.errors import MigrationNeeded, StoreError, StoreUnreachable
from flywheel.store import (
    alert_notices,
    alerts,
    cases,
    claims,
    cycles,
    executions,
    lineage,
    model_calls,
    positions,
    prompts,
    recommendations,
    releases,
    responses,
    trust,
    workspaces,
)
from flywheel.store.base import StoreTable
from flywheel.store.session import Database, lock_writers

HEAD: Final = "0007"
"""Revision of the schema this program reads and writes; the newest file of migrations/versions."""

VERSION_TABLE: Final = "flywheel_version"
"""Where the revision is kept; not Alembic's default name, which a neighbour may use."""

NOUNS: Final = (
    executions,
    prompts,
    cases,
    claims,
    cycles,
    releases,
    lineage,
    alerts,
    alert_notices,
    workspaces,
    model_calls,
    responses,
    positions,
    recommendations,
    trust,
)
"""Importing these defines all tables."""

_VERSION = sa.Table(
    VERSION_TABLE,
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Revision a store is at, beside the one this program needs.

    Attributes:
        found: None when there is no store at the address yet.
    """

    found: str | None
    needed: str = HEAD

    @property
    def is_current(self) -> bool:
        """Whether this program can use the store as it is."""
        return self.found == self.needed


def schema_state(address: str) -> SchemaState:
    """What revision the store at an address is at; makes nothing.

    Raises:
        StoreUnreachable: no connection or no permission.
    """
    database = Database(address)
    if database.file is not None and not database.file.exists():
        return SchemaState(None)
    try:
        return found_in(database)
    finally:
        database.close()


def found_in(database: Database) -> SchemaState:
    """What revision an open database is at."""
    with database.read() as connection:
        return SchemaState(_revision(connection))


def prepare(database: Database, *, create: bool) -> None:
    """Make the tables where there are none; refuse a schema of another revision.

    The tables come straight from their definitions, which a test holds equal
    to the sum of the migrations. Several processes may do this at once.

    Raises:
        StoreUnreachable: nothing there and create is False.
        MigrationNeeded: the schema is older or newer than this program.
    """
    state = found_in(database)
    if state.found is None and not create:
        msg = f"There is no store at {database.address!r}. Nothing was made. Run: flywheel init"
        raise StoreUnreachable(msg)
    if state.found is None:
        state = _create(database)
    if not state.is_current:
        raise other_revision(database.address, state)


def owned_tables() -> list[sa.Table]:
    """All tables of flywheel; tables an application defines with SQLModel are not among them."""
    return sorted(StoreTable.metadata.tables.values(), key=lambda table: table.name)


def refuse_strangers(connection: Connection, address: str) -> None:
    """Raise StoreError where tables of ours exist that no revision vouches for."""
    taken = set(sa.inspect(connection).get_table_names()) & {table.name for table in owned_tables()}
    if taken:
        msg = (
            f"Store {address!r} has tables {sorted(taken)!r} but no {VERSION_TABLE!r}: they are of another "
            "program. Nothing was changed. Give another file, or a PostgreSQL schema of its own."
        )
        raise StoreError(msg)


def _create(database: Database) -> SchemaState:
    with database.write() as connection:
        lock_writers(connection)
        found = _revision(connection)
        if found is not None:
            return SchemaState(found)
        refuse_strangers(connection, database.address)
        StoreTable.metadata.create_all(connection, checkfirst=False)
        _VERSION.create(connection)
        connection.execute(sa.insert(_VERSION).values(version_num=HEAD))
    return SchemaState(HEAD)


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(sa.select(_VERSION.c.version_num)).scalar()
    return found


def other_revision(address: str, state: SchemaState) -> MigrationNeeded:
    """The error that says which of store and program is older."""
    newer = str(state.found) > state.needed
    remedy = "Update flywheel: pip install --upgrade flywheel" if newer else "Run: flywheel upgrade"
    return MigrationNeeded(
        f"Store {address!r} has schema {state.found!r}; this program needs {state.needed!r}. "
        f"Nothing was changed. {remedy}"
    )
