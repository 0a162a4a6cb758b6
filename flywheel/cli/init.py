"""`flywheel init`, `flywheel upgrade`: the schema of the store."""

from __future__ import annotations

import typer

from flywheel.cli.doors import Door, open_door, shown_address
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import StoreUnreachable

init_app = typer.Typer(add_completion=False)
upgrade_app = typer.Typer(add_completion=False)


@init_app.command(epilog=examples("flywheel init", "flywheel init --store postgresql://localhost/flywheel"))
def init(store: StoreOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Create the store, or leave it as it is when it exists. Safe to repeat."""
    from flywheel.store.schema import schema_state

    door = open_door(store, workspace, as_json)
    before = schema_state(door.settings.database_url)
    _ = door.own_store
    _tell(door, "created" if before.found is None else "was there before", before.needed)


@upgrade_app.command(epilog=examples("flywheel upgrade --store team.db"))
def upgrade(
    store: StoreOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Bring a store made by an older flywheel to the schema of this one. Safe to repeat."""
    from flywheel.store.schema import schema_state
    from flywheel.store.upgrade import upgrade as upgrade_store

    door = open_door(store, workspace, as_json)
    address = door.settings.database_url
    if schema_state(address).found is None:
        raise StoreUnreachable(
            f"There is no store at {shown_address(address)!r}. Nothing was made. Run: flywheel init"
        )
    before = upgrade_store(address)
    said = "is up to date" if before.is_current else f"upgraded from {before.found}"
    _tell(door, said, before.needed)


def _tell(door: Door, said: str, schema: str) -> None:
    address = shown_address(door.settings.database_url)
    door.answer(
        {"store": address, "schema": schema, "result": said},
        lambda console: console.print(f"Store {address} {said}; schema {schema}.", soft_wrap=True),
    )
