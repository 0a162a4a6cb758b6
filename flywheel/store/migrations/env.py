"""What Alembic runs for every migration command: on the connection it was handed."""

from __future__ import annotations

from alembic import context

from flywheel.store.base import StoreTable
from flywheel.store.schema import VERSION_TABLE, owned_tables


def run() -> None:
    """Migrate on the open transaction of `flywheel.store.upgrade`, or compare with the definitions."""
    owned = {table.name for table in owned_tables()}

    def is_ours(_object: object, name: str | None, kind: str, *_found: object) -> bool:
        return kind != "table" or name in owned

    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=StoreTable.metadata,
        version_table=VERSION_TABLE,
        include_object=is_ours,
        # SQLite changes a column by making the table anew.
        render_as_batch=True,
        transactional_ddl=True,
    )
    context.run_migrations()


# Alembic runs this file; whoever only imports it has no environment to configure.
if hasattr(context, "config"):
    run()
