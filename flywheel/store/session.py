"""One database: its connections, its transactions, its errors in plain words."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from flywheel.errors import InputError, StoreUnreachable
from flywheel.settings import normalise_address
from flywheel.store.driver_errors import explained

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another on SQLite, unless the address says `?timeout=SECONDS`."""

CONNECT_TIMEOUT_S = 10
"""How long PostgreSQL may take to answer, unless the address says `?connect_timeout=SECONDS`."""

CACHE_KIB = 65_536
"""SQLite's page cache; the index of ids, which arrive in any order, should stay in it."""

_BEGIN = "flywheel_begin"
_INHERITED: list[Engine | None] = []


class Database:
    """A SQLite file or a PostgreSQL schema; nothing is opened before the first use.

    Threads share it, a forked child gets connections of its own. A `read` or
    `write` inside a `write` of the same thread joins that transaction, so that
    nouns can be written together.

    Args:
        address: a SQLAlchemy URL, or a path of a SQLite file.

    Raises:
        InputError: the address is neither SQLite nor PostgreSQL.

    Examples:
        >>> db = Database("sqlite://")
        >>> with db.write() as connection:
        ...     connection.exec_driver_sql("SELECT 1").scalar()
        1
    """

    def __init__(self, address: str) -> None:
        self.url = _parsed(address)
        self.dialect = self.url.get_backend_name()
        self._engine: Engine | None = None
        self._pid = os.getpid()
        self._guard = threading.Lock()
        self._memory_lock = threading.RLock() if self.in_memory else None
        self._own = threading.local()

    @property
    def address(self) -> str:
        """The URL without its password, for messages."""
        return self.url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """Path of the SQLite file, None for PostgreSQL, memory and `file:` addresses."""
        name = self.url.database
        if self.dialect != "sqlite" or self.in_memory or not name or name.startswith("file:"):
            return None
        return Path(name)

    @property
    def in_memory(self) -> bool:
        """Whether this is SQLite without a file."""
        return self.dialect == "sqlite" and self.url.database in {None, "", ":memory:"}

    @property
    def engine(self) -> Engine:
        """The engine, made on first use; again in a forked child."""
        if self._pid != os.getpid():
            self._forget_parent()
        with self._guard:
            if self._engine is None:
                self._engine = _made_engine(self.url, self.file, in_memory=self.in_memory)
            return self._engine

    def rest(self) -> None:
        """Close idle connections to a SQLite file; the next use opens new ones.

        Before a fork: what SQLite keeps in memory of a file, its locks too, is
        copied into the child, where nobody gives it back.
        """
        engine = self._engine
        if engine is not None and self.file is not None and self._pid == os.getpid():
            engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection on one snapshot; changes made on it are undone.

        Raises:
            StoreUnreachable: no connection, no permission, no such file.
        """
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def write(self, *, keys_enforced: bool = True) -> Iterator[Connection]:
        """One transaction: kept whole when the block ends, undone when it raises.

        On SQLite the write lock is taken at the start (BEGIN IMMEDIATE), so a
        second writer waits instead of failing half-way.

        Args:
            keys_enforced: False lets a migration on SQLite make a table anew that others refer to.

        Raises:
            StoreUnreachable: no connection, no permission, no space, or another
                process kept the store locked beyond the time limit.
        """
        with self._transaction(write=True, keys_enforced=keys_enforced) as connection:
            yield connection

    def upsert(
        self,
        connection: Connection,
        table: sa.Table,
        rows: Sequence[Mapping[str, object]],
        key: Sequence[str],
        update: Sequence[str] = (),
    ) -> int:
        """Insert rows; where the key is taken, set the columns of `update`, or leave the row alone.

        Returns:
            How many rows were inserted or updated.
        """
        if not rows:
            return 0
        statement = _upsert(self.dialect, table, tuple(key), tuple(update))
        done = connection.execute(
            statement, [dict(row) for row in rows], execution_options={"preserve_rowcount": True}
        )
        return done.rowcount

    @contextmanager
    def direct(self, *, write: bool) -> Iterator[DBAPICursor]:
        """A cursor of the driver in one transaction, for what is done at every call of a model.

        SQLAlchemy's own way to a row takes ten times as long as the row. Inside a
        `write` of the same thread it joins that transaction.

        Raises:
            StoreUnreachable: as for `read`, `write`.
        """
        current = self._joined()
        if current is not None:
            with closing(current.connection.cursor()) as cursor:
                yield cursor
            return
        engine, errors = self.engine, self.driver_errors()
        with self._memory_lock or nullcontext():
            try:
                with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
                    if write and self.dialect == "sqlite":
                        cursor.execute("BEGIN IMMEDIATE")
                    yield cursor
                    if write:
                        connection.commit()
            except errors as error:
                raise explained(error, self.address) from error

    def close(self) -> None:
        """Give all connections back; the next use opens new ones."""
        with self._guard:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def driver_errors(self) -> tuple[type[Exception], ...]:
        """Exceptions of the driver as well as of SQLAlchemy around it."""
        module = self.engine.dialect.loaded_dbapi
        return (DBAPIError, PoolTimeout, cast("type[Exception]", module.Error))

    @contextmanager
    def _transaction(self, *, write: bool, keys_enforced: bool = True) -> Iterator[Connection]:
        current = self._joined()
        if current is not None:
            # A savepoint: what the inner block did is undone when it raises and the outer goes on.
            with current.begin_nested() if write else nullcontext():
                yield current
            return
        engine, errors = self.engine, self.driver_errors()
        with self._memory_lock or nullcontext():
            try:
                with _begun(engine, write=write, keys_enforced=keys_enforced) as connection:
                    self._own.writing = connection if write else None
                    yield connection
            except errors as error:
                raise explained(error, self.address) from error
            finally:
                if write:
                    self._own.writing = None

    def _joined(self) -> Connection | None:
        """The connection on which this thread is writing."""
        current: Connection | None = getattr(self._own, "writing", None)
        return current if self._pid == os.getpid() else None

    def _forget_parent(self) -> None:
        # The parent's sockets and file locks must not be closed by the child, not even by its
        # garbage collector; and another thread may have held the lock when the process forked.
        _INHERITED.append(self._engine)
        self._engine, self._guard = None, threading.Lock()
        self._pid, self._own = os.getpid(), threading.local()


@cache
def _upsert(
    dialect: str, table: sa.Table, key: tuple[str, ...], update: tuple[str, ...]
) -> sqlite.Insert | postgresql.Insert:
    """Made once: to make such a statement takes longer than to insert a row with it."""
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    if update:
        wanted = {name: insert.excluded[name] for name in update}
        return insert.on_conflict_do_update(index_elements=list(key), set_=wanted)
    return insert.on_conflict_do_nothing(index_elements=list(key))


def table_of(model: type[SQLModel]) -> sa.Table:
    """The SQLAlchemy table of an SQLModel class with table=True."""
    return cast("sa.Table", model.__table__)  # type: ignore[attr-defined]


def lock_writers(connection: Connection, kind: str = "flywheel") -> None:
    """Let one writer of a kind at a time go on, until the end of its transaction.

    Of evidence, unless another kind is named: sequence numbers then become
    visible in their order. SQLite has only one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(current_schema()))", (kind,)
        )


@contextmanager
def _begun(engine: Engine, *, write: bool, keys_enforced: bool) -> Iterator[Connection]:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE" if write else "BEGIN"})
            # SQLite takes this setting outside of a transaction only.
            _enforce_keys(connection, enforced=keys_enforced)
        elif not write:
            connection.execution_options(isolation_level="REPEATABLE READ")
        transaction = connection.begin()
        try:
            yield connection
        except BaseException:
            transaction.rollback()
            raise
        if write:
            transaction.commit()
        else:
            transaction.rollback()


def _enforce_keys(connection: Connection, *, enforced: bool) -> None:
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    driver.execute(f"PRAGMA foreign_keys = {'ON' if enforced else 'OFF'}")


def _parsed(address: str) -> URL:
    try:
        url = make_url(normalise_address(address))
    except ArgumentError as error:
        msg = f"Store address {address!r} is not a URL; give sqlite:///PATH or postgresql://USER@HOST/NAME."
        raise InputError(msg) from error
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        msg = (
            f"Store address {url.render_as_string(hide_password=True)!r} names {url.get_backend_name()!r}; "
            "a store is sqlite:///PATH or postgresql://USER@HOST/NAME."
        )
        raise InputError(msg)
    return url


def _made_engine(url: URL, file: Path | None, *, in_memory: bool) -> Engine:
    waiting = {} if "timeout" in url.query else {"timeout": BUSY_TIMEOUT_S}
    options: dict[str, Any] = {"connect_args": waiting}
    if in_memory:
        options["poolclass"] = StaticPool
        options["connect_args"]["check_same_thread"] = False
    if url.get_backend_name() == "postgresql":
        timeout = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_TIMEOUT_S}
        options = {"connect_args": timeout, "pool_pre_ping": True}
    if file is not None:
        _make_folder(file)
        url = _as_permitted(url, file)
    try:
        engine = sa.create_engine(url, **options)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        msg = (
            f"Store {url.render_as_string(hide_password=True)!r} needs a driver that is not installed "
            f"({error}). Nothing was opened. Install it with: pip install 'flywheel[postgres]'"
        )
        raise StoreUnreachable(msg) from error
    if engine.dialect.name == "sqlite":
        only_reads = url.query.get("mode") == "ro"
        event.listen(engine, "connect", _prepare_reading if only_reads else _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _as_permitted(url: URL, file: Path) -> URL:
    """For reading only, where the file may not be written.

    SQLite wants to make files of its own beside it even then; where the folder
    forbids that and nobody has such files open, the file is read as one that
    nobody changes.
    """
    if not file.exists() or os.access(file, os.W_OK):
        return url
    query = {"mode": "ro", "uri": "true"}
    if not os.access(file.parent, os.W_OK) and not Path(f"{file}-wal").exists():
        query["immutable"] = "1"
    return url.set(database=f"file:{quote(str(file.absolute()))}", query={**url.query, **query})


def _prepare_reading(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = (
            f"The folder of the store {str(file)!r} cannot be made: {error.strerror}. Nothing was written. "
            "Give a path in a folder you may write, with --store or FLYWHEEL_DATABASE_URL."
        )
        raise StoreUnreachable(msg) from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions are begun by _begin_sqlite; the driver's own are too late for IMMEDIATE.
    connection.isolation_level = None
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
