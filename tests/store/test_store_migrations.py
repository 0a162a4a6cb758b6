"""The schema: made, migrated, refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import Field, SQLModel

from flywheel.errors import MigrationNeeded, StoreError
from flywheel.records.case import Case, Suite
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.store.base import StoreTable
from flywheel.store.open import open_store
from flywheel.store.schema import HEAD, VERSION_TABLE, SchemaState, owned_tables, schema_state
from flywheel.store.session import Database
from flywheel.store.upgrade import migration_config, upgrade


def revisions() -> list[str]:
    """All revisions, oldest first."""
    with Database("sqlite://").read() as connection:
        script = ScriptDirectory.from_config(migration_config(connection))
    return [found.revision for found in script.walk_revisions()][::-1]


def set_revision(address: str, revision: str) -> None:
    """Pretend that a store is at another revision."""
    with Database(address).write() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = :r"), {"r": revision})


def differences(address: str) -> list[object]:
    """What Alembic would still change to reach the definitions in the code."""
    owned = {table.name for table in owned_tables()}

    def is_ours(_object: object, name: str | None, kind: str, _found: bool, _other: object) -> bool:
        return kind != "table" or name in owned

    with Database(address).read() as connection:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_object": is_ours,
            "version_table": VERSION_TABLE,
        }
        return compare_metadata(MigrationContext.configure(connection, opts=options), StoreTable.metadata)


def schema_of(address: str) -> dict[str, object]:
    """Tables with columns, keys and indexes, as the database sees them."""
    with Database(address).read() as connection:
        inspector = sa.inspect(connection)
        return {
            name: (
                [
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in inspector.get_columns(name)
                ],
                inspector.get_pk_constraint(name)["constrained_columns"],
                sorted(map(str, inspector.get_unique_constraints(name))),
                sorted(map(str, inspector.get_foreign_keys(name))),
                sorted((str(found["name"]), found["column_names"]) for found in inspector.get_indexes(name)),
            )
            for name in inspector.get_table_names()
        }


@pytest.fixture
def fresh_address(store_address: str) -> str:
    """Address of a store made by `open_store` without migrations."""
    open_store(store_address).close()
    return store_address


def test_the_newest_migration_is_the_needed_one() -> None:
    """Revisions are four digits in one unbroken line that ends at HEAD."""
    assert revisions() == [f"{number:04d}" for number in range(1, len(revisions()) + 1)]
    assert revisions()[-1] == HEAD


def test_migrations_give_the_defined_schema(store_address: str) -> None:
    """After all migrations Alembic finds nothing left to change."""
    upgrade(store_address)
    assert differences(store_address) == []


def test_a_fresh_store_equals_a_migrated_one(fresh_address: str, tmp_path: Path) -> None:
    """The short way of an empty store and the migrations make the same tables."""
    assert differences(fresh_address) == []
    if fresh_address.startswith("sqlite"):
        migrated = f"sqlite:///{tmp_path / 'migrated.db'}"
        upgrade(migrated)
        assert schema_of(migrated) == schema_of(fresh_address)
        assert "AUTOINCREMENT" in _definition(migrated, "execution")


@pytest.mark.parametrize("start", revisions())
def test_rows_of_every_revision_survive(store_address: str, start: str) -> None:
    """A store made at any earlier revision, with a row in every table, loses nothing on its way to HEAD."""
    upgrade(store_address, to=start)
    before = _fill(store_address)
    assert len(before) > 5
    state = upgrade(store_address)
    assert state == SchemaState(start)
    after = _rows(store_address)
    for table, rows in before.items():
        common = set(rows[0]) & set(after[table][0])
        assert [{k: row[k] for k in common} for row in after[table]] == [
            {k: row[k] for k in common} for row in rows
        ], table
    assert schema_state(store_address).is_current


def test_an_upgraded_store_works(store_address: str) -> None:
    """What a store of the first revision held is read and added to by today's code."""
    upgrade(store_address)
    store = open_store(store_address, create=False)
    text = "Sort: {message}"
    store.prompts.add(PromptVersion(prompt="triage", version=content_hash(text), text=text))
    store.cases.add(Suite(suite="s"), [Case(case_id="c", suite="s", inputs={})])
    store.executions.write([Execution(execution_id="a", prompt="triage", outcome="passed")])
    store.close()
    assert upgrade(store_address) == SchemaState(HEAD)
    assert open_store(store_address).executions.watermark("default") == 1


def test_the_state_of_nothing_is_unknown(store_address: str) -> None:
    """An address without a store has no revision, and asking makes none."""
    assert schema_state(store_address) == SchemaState(None)
    assert schema_state(store_address) == SchemaState(None)
    open_store(store_address).close()
    assert schema_state(store_address).is_current


def test_an_older_store_asks_for_an_upgrade(fresh_address: str) -> None:
    """A store at an earlier revision is refused with the command to run."""
    set_revision(fresh_address, "0000")
    with pytest.raises(MigrationNeeded, match="Run: flywheel upgrade"):
        open_store(fresh_address)


def test_a_newer_store_asks_for_a_newer_program(fresh_address: str) -> None:
    """A store of a later flywheel is neither opened nor migrated."""
    set_revision(fresh_address, "9999")
    for door in (open_store, upgrade):
        with pytest.raises(MigrationNeeded, match="pip install --upgrade flywheel"):
            door(fresh_address)
    assert schema_state(fresh_address) == SchemaState("9999")


def test_tables_of_another_program_are_left_alone(store_address: str) -> None:
    """A database with a table of one of our names but no revision is refused."""
    with Database(store_address).write() as connection:
        connection.exec_driver_sql("CREATE TABLE suite (hotel TEXT)")
    for door in (open_store, upgrade):
        with pytest.raises(StoreError, match="another program"):
            door(store_address)
    assert list(schema_of(store_address)) == ["suite"]


def test_neighbours_are_left_alone(store_address: str) -> None:
    """Tables of other names stay, and models an application defines with SQLModel are not made."""
    with Database(store_address).write() as connection:
        connection.exec_driver_sql("CREATE TABLE hotel (name TEXT)")
    open_store(store_address).close()
    assert "hotel" in schema_of(store_address)
    assert Stranger.__tablename__ not in schema_of(store_address)


class Stranger(SQLModel, table=True):
    """A table of an application that uses SQLModel itself."""

    __tablename__ = "stranger"
    number: int = Field(primary_key=True)


def _fill(address: str) -> dict[str, list[dict[str, object]]]:
    """One row in every table, whatever its columns are at this revision."""
    with Database(address).write(keys_enforced=False) as connection:
        reflected = sa.MetaData()
        reflected.reflect(connection)
        for table in reflected.sorted_tables:
            if table.name != VERSION_TABLE:
                connection.execute(sa.insert(table).values({c.name: _value(c) for c in table.columns}))
    return _rows(address)


def _value(column: sa.Column[object]) -> object:
    values = {int: 1, float: 0.5, bool: True, bytes: b"\x00\xff"}
    return values.get(column.type.python_type, "x")


def _rows(address: str) -> dict[str, list[dict[str, object]]]:
    with Database(address).read() as connection:
        reflected = sa.MetaData()
        reflected.reflect(connection)
        return {
            table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for table in reflected.sorted_tables
            if table.name != VERSION_TABLE
        }


def _definition(address: str, table: str) -> str:
    with Database(address).read() as connection:
        query = sa.text("SELECT sql FROM sqlite_master WHERE name = :name")
        return str(connection.execute(query, {"name": table}).scalar())
