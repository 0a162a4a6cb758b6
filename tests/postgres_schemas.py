"""Schemas of PostgreSQL for tests, with what killed clients leave to the server."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import sqlalchemy as sa

from flywheel.store.open import open_store

_SHAPE = """
    SELECT coalesce(md5(string_agg(concat_ws(' ', kind.relname, kind.relkind, col.attname, col.atttypid,
           col.attnotnull), ',' ORDER BY kind.relname, col.attnum)), '')
    FROM pg_class kind LEFT JOIN pg_attribute col ON col.attrelid = kind.oid AND col.attnum > 0
    WHERE kind.relnamespace = to_regnamespace('{schema}')
"""
_EMPTY = """
    DO $$ DECLARE one record; BEGIN
        SET LOCAL session_replication_role = replica;
        FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'
                   AND tablename <> 'flywheel_version' LOOP
            EXECUTE 'DELETE FROM {schema}.' || quote_ident(one.tablename);
        END LOOP;
        FOR one IN SELECT sequencename FROM pg_sequences WHERE schemaname = '{schema}' LOOP
            EXECUTE 'ALTER SEQUENCE {schema}.' || quote_ident(one.sequencename) || ' RESTART';
        END LOOP;
    END $$
"""


class PostgresSchemas:
    """Schemas in one database.

    Making the tables of a store takes longer than most tests. A schema whose
    tables a test left as they were is emptied and given to the next one; any
    other is dropped.

    Args:
        url: of the database.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        self._free: list[str] = []
        self._shape = ""

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Address of a schema without a table."""
        schema = self._new()
        try:
            yield self._address(schema)
        finally:
            self._drop(schema)

    @contextmanager
    def made(self) -> Iterator[str]:
        """Address of a schema in which a store was made that holds nothing."""
        schema = self._free.pop() if self._free else self._new_store()
        try:
            yield self._address(schema)
        finally:
            if self._asked(_SHAPE, schema) == self._shape:
                self._do(_EMPTY, schema)
                self._free.append(schema)
            else:
                self._drop(schema)

    def close(self) -> None:
        """Drop what is left."""
        for schema in self._free:
            self._drop(schema)
        self._engine.dispose()

    def _new_store(self) -> str:
        schema = self._new()
        open_store(self._address(schema)).close()
        self._shape = self._asked(_SHAPE, schema)
        return schema

    def _new(self) -> str:
        schema = f"fw_{uuid.uuid4().hex[:12]}"
        self._do("CREATE SCHEMA {schema}", schema)
        return schema

    def _drop(self, schema: str) -> None:
        self._do("DROP SCHEMA {schema} CASCADE", schema)

    def _do(self, statement: str, schema: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement.replace("{schema}", schema))

    def _asked(self, question: str, schema: str) -> str:
        with self._engine.connect() as connection:
            found = connection.exec_driver_sql(question.replace("{schema}", schema)).scalar_one()
        return str(found)

    def _address(self, schema: str) -> str:
        separator = "&" if "?" in self._url else "?"
        return f"{self._url}{separator}options={quote(f'-csearch_path={schema}')}"


def named(address: str, name: str) -> str:
    """The same store for a process whose connections the server can tell from others."""
    return address if address.startswith("sqlite") else f"{address}&application_name={name}"


def wait_until_left(address: str, name: str) -> None:
    """Until the server has done what connections of a name had sent.

    A client that is killed behind its COMMIT is gone before the server commits.
    """
    if address.startswith("sqlite"):
        return
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    there = sa.text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :name")
    ends = time.monotonic() + 60
    with engine.connect() as connection:
        while connection.execute(there, {"name": name}).scalar_one():
            assert time.monotonic() < ends, f"a connection of {name!r} is still there"
            time.sleep(0.02)
    engine.dispose()
