"""Migrations of a store, run by Alembic from settings made in code."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from flywheel.store.schema import HEAD, SchemaState, found_in, other_revision, refuse_strangers
from flywheel.store.session import Database, lock_writers


def upgrade(address: str, *, to: str = HEAD) -> SchemaState:
    """Bring the store at an address to a revision in one transaction; safe to repeat.

    Args:
        address: a SQLAlchemy URL, or a path of a SQLite file; an empty
            database gets all tables.
        to: revision to reach, the newest by default.

    Returns:
        The revision the store was at, None for an empty database, beside the newest.

    Raises:
        StoreUnreachable: no connection, no permission, or no space.
        MigrationNeeded: the schema is newer than this program.
    """
    database = Database(address)
    try:
        with database.write(keys_enforced=False) as connection:
            lock_writers(connection)
            state = found_in(database)
            if state.found is None:
                refuse_strangers(connection, database.address)
            elif state.found > HEAD:
                raise other_revision(database.address, state)
            command.upgrade(migration_config(connection), to)
    finally:
        database.close()
    return state


def migration_config(connection: Connection) -> Config:
    """Alembic's settings for a connection with an open transaction; no alembic.ini is read."""
    config = Config()
    config.set_main_option("script_location", "flywheel.store:migrations")
    config.attributes["connection"] = connection
    return config
