"""Batches of rows into the execution table, each batch whole or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import countOf, itemgetter
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flywheel.errors import InputError
from flywheel.ports import WriteCounts
from flywheel.store.execution_rows import EXECUTION, EXECUTION_HISTORY, ROW_COLUMNS
from flywheel.store.prompts import Reference, known_versions
from flywheel.store.session import Database, lock_writers

Row = tuple[object, ...]
"""Values in the order of ROW_COLUMNS."""

Key = tuple[object, object]
"""Workspace with execution id."""

_WORKSPACE, _ID, _PROMPT, _VERSION = (
    ROW_COLUMNS.index(name) for name in ("workspace", "execution_id", "prompt", "version")
)
_KEY: Final = itemgetter(_WORKSPACE, _ID)
_REFERENCE: Final = itemgetter(_WORKSPACE, _PROMPT, _VERSION)
_HASH: Final = -1

_LAST: Final = ("content_hash", "version_hash", "stored_at_us")
_COLUMNS: Final = (*ROW_COLUMNS[:-1], *_LAST)
_NAMES: Final = ", ".join(f'"{name}"' for name in _COLUMNS)
_INSERT_POSTGRES: Final = (
    f"INSERT INTO execution ({_NAMES}) SELECT {_NAMES} FROM flywheel_incoming "  # noqa: S608
    "ON CONFLICT (workspace, execution_id) DO NOTHING"
)


def write_batch(database: Database, rows: Sequence[Row]) -> WriteCounts:
    """Store rows in one transaction.

    A row whose id is new is stored. One whose id is there with equal content
    is left alone. One with other content replaces the row: the old content
    goes to the history, the new gets a new sequence number, so that a later
    cycle sees it as new evidence. Where an id comes several times in the batch
    the last content counts; the others go straight to the history, once, so
    handing in the same batch again changes nothing.

    Args:
        database: writers of one database wait for each other, so sequence
            numbers become visible in their order and a watermark is final.
        rows: in the order of ROW_COLUMNS.

    Returns:
        Counts that sum to the number of rows.
    """
    if not rows:
        return WriteCounts()
    newest, older = _newest(rows)
    with database.write() as connection:
        lock_writers(connection)
        references = {reference for reference in set(map(_REFERENCE, rows)) if reference[-1] is not None}
        hashes = known_versions(connection, references)
        batch = _Batch(database, connection, hashes, time.time_ns() // 1000)
        if not older:
            return batch.store(rows)
        return batch.store(list(newest.values())) + batch.keep_older(older, newest)


def _newest(rows: Sequence[Row]) -> tuple[Mapping[Key, Row], list[Row]]:
    """The last row of each id with those before it; neither where no id comes twice."""
    if len(set(map(itemgetter(_ID), rows))) == len(rows):
        return {}, []
    newest = {_KEY(row): row for row in rows}
    return newest, [row for row in rows if newest[_KEY(row)] is not row]


class _Batch:
    """What all rows of one transaction share."""

    def __init__(
        self, database: Database, connection: Connection, hashes: Mapping[Reference, str], now_us: int
    ) -> None:
        self.database = database
        self.connection = connection
        self.hashes = hashes
        self.now_us = now_us

    def completed(self, rows: Sequence[Row]) -> Iterator[Row]:
        """Rows with version_hash and stored_at_us behind them."""
        find, now_us = self.hashes.get, self.now_us
        return ((*row, find(_REFERENCE(row)), now_us) for row in rows)

    def insert(self, rows: Sequence[Row]) -> int:
        """Insert rows whose id is new; how many these were."""
        driver: Any = self.connection.connection.driver_connection
        if self.connection.dialect.name == "sqlite":
            try:
                return int(driver.executemany(*self.for_sqlite(rows)).rowcount)
            except (OverflowError, UnicodeEncodeError) as error:
                msg = (
                    f"A row of the batch holds a value that no database keeps: {error}. Nothing of the batch "
                    "was stored. Keep whole numbers below 2**63 and replace lone surrogates in texts."
                )
                raise InputError(msg) from error
        self.connection.exec_driver_sql(
            f"CREATE TEMP TABLE IF NOT EXISTS flywheel_incoming ON COMMIT DELETE ROWS AS "  # noqa: S608
            f"SELECT {_NAMES} FROM execution WITH NO DATA"
        )
        self.connection.exec_driver_sql("TRUNCATE flywheel_incoming")
        with driver.cursor() as cursor:
            with cursor.copy(f"COPY flywheel_incoming ({_NAMES}) FROM STDIN") as copy:
                for row in self.completed(rows):
                    copy.write_row(row)
            return int(cursor.execute(_INSERT_POSTGRES).rowcount)

    def for_sqlite(self, rows: Sequence[Row]) -> tuple[str, Iterator[Row]]:
        """Statement with its rows, without the columns that all of these leave empty.

        For each None, and for bytes but not for a bytearray, the driver looks
        for a way to adapt it, which takes as long as five numbers.
        """
        first, size = rows[0], len(rows)
        given = [
            at
            for at in range(len(first) - 1)
            if first[at] is not None or countOf(map(itemgetter(at), rows), None) < size
        ]
        names = [*(f'"{_COLUMNS[at]}"' for at in given), *_LAST]
        statement = (
            f"INSERT INTO execution ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608
            "ON CONFLICT (workspace, execution_id) DO NOTHING"
        )
        of, find, now_us = itemgetter(*given), self.hashes.get, self.now_us
        return statement, (
            (*of(row), bytearray(cast("bytes", row[_HASH])), find(_REFERENCE(row)), now_us) for row in rows
        )

    def store(self, rows: Sequence[Row]) -> WriteCounts:
        """Insert, then replace those whose id was there with other content."""
        # Where the first is there already, most are: looking takes a quarter of an insert that does nothing.
        kept = self.kept(rows) if self.kept(rows[:1]) else {}
        new = [row for row in rows if _KEY(row) not in kept] if kept else rows
        stored = self.insert(new) if new else 0
        if stored == len(rows):
            return WriteCounts(stored=stored)
        if stored < len(new):
            kept = self.kept(rows)
        changed = [row for row in rows if kept.get(_KEY(row), row[_HASH]) != row[_HASH]]
        if changed:
            self.retire(changed)
            self.insert(changed)
        return WriteCounts(stored, len(changed), len(rows) - stored - len(changed))

    def kept(self, rows: Sequence[Row]) -> dict[Key, bytes]:
        """Content hashes of those whose id is there."""
        kept: dict[Key, bytes] = {}
        for workspace, ids in _by_workspace(rows):
            query = sa.select(EXECUTION.c.execution_id, EXECUTION.c.content_hash).where(
                EXECUTION.c.workspace == workspace, self.among(ids)
            )
            for execution_id, content_hash in self.connection.execute(query):
                kept[workspace, execution_id] = bytes(content_hash)
        return kept

    def retire(self, rows: Sequence[Row]) -> None:
        """Move the stored content of these ids to the history."""
        names = ["seq", *_COLUMNS]
        columns = [EXECUTION.c[name] for name in names]
        for workspace, ids in _by_workspace(rows):
            mine = sa.and_(EXECUTION.c.workspace == workspace, self.among(ids))
            old = sa.select(*columns, sa.literal(self.now_us, sa.BigInteger)).where(mine)
            known = sa.exists().where(
                EXECUTION_HISTORY.c.workspace == EXECUTION.c.workspace,
                EXECUTION_HISTORY.c.execution_id == EXECUTION.c.execution_id,
                EXECUTION_HISTORY.c.content_hash == EXECUTION.c.content_hash,
            )
            self.connection.execute(
                sa.insert(EXECUTION_HISTORY).from_select([*names, "replaced_at_us"], old.where(~known))
            )
            self.connection.execute(sa.delete(EXECUTION).where(mine))

    def keep_older(self, older: Sequence[Row], newest: Mapping[Key, Row]) -> WriteCounts:
        """Contents that a later row of the same batch replaced, into the history."""
        other = {(_KEY(row), row[_HASH]): row for row in older if row[_HASH] != newest[_KEY(row)][_HASH]}
        names = (*_COLUMNS, "replaced_at_us")
        values = [
            dict(zip(names, (*row, self.now_us), strict=True)) for row in self.completed(list(other.values()))
        ]
        key = ("workspace", "execution_id", "content_hash")
        replaced = self.database.upsert(self.connection, EXECUTION_HISTORY, values, key)
        return WriteCounts(replaced=replaced, unchanged=len(older) - replaced)

    def among(self, ids: Sequence[str]) -> sa.ColumnElement[bool]:
        """Whether execution_id is one of many ids, as one parameter."""
        column = EXECUTION.c.execution_id
        if self.connection.dialect.name == "sqlite":
            return column.in_(sa.select(sa.func.json_each(json.dumps(ids)).table_valued("value").c.value))
        return column == sa.any_(sa.literal(ids, sa.ARRAY(sa.Text)))


def _by_workspace(rows: Sequence[Row]) -> Iterator[tuple[str, list[str]]]:
    for workspace, group in groupby(sorted(map(_KEY, rows)), key=itemgetter(0)):
        yield str(workspace), [str(execution_id) for _, execution_id in group]
