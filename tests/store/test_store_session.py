"""One database: transactions, threads, forks, and errors in plain words."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from flywheel.errors import InputError, MigrationNeeded, StoreError, StoreUnreachable
from flywheel.records.case import Suite
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.store.cases import SUITE
from flywheel.store.open import SqlStore, open_store
from flywheel.store.session import Database

NOTE = sa.Table(
    "note", sa.MetaData(), sa.Column("word", sa.Text, primary_key=True), sa.Column("n", sa.Integer)
)


@pytest.fixture
def database(store_address: str) -> Database:
    """An empty database with one table."""
    made = Database(store_address)
    with made.write() as connection:
        NOTE.create(connection)
    return made


def words(database: Database) -> list[str]:
    """What is in the table."""
    with database.read() as connection:
        return sorted(connection.execute(sa.select(NOTE.c.word)).scalars())


def put(database: Database, word: str) -> None:
    """One row in a transaction of its own."""
    with database.write() as connection:
        connection.execute(sa.insert(NOTE).values(word=word, n=1))


def test_nothing_is_opened_before_the_first_use(tmp_path: Path) -> None:
    """Making a Database touches neither disk nor network."""
    Database("postgresql://nobody@127.0.0.1:1/none")
    database = Database(str(tmp_path / "deep" / "store.db"))
    assert not (tmp_path / "deep").exists()
    with database.read():
        pass
    assert (tmp_path / "deep" / "store.db").exists()


def test_sqlite_is_set_up_for_several_processes(tmp_path: Path) -> None:
    """WAL, foreign keys, a busy timeout and NORMAL synchronisation are on."""
    with Database(str(tmp_path / "s.db")).read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000, "synchronous": 1}


def test_a_write_that_raises_leaves_nothing(database: Database) -> None:
    """An exception inside `write` undoes the whole transaction."""

    def half_a_write() -> None:
        with database.write() as connection:
            connection.execute(sa.insert(NOTE).values(word="lost", n=1))
            raise KeyError

    with pytest.raises(KeyError):
        half_a_write()
    put(database, "kept")
    assert words(database) == ["kept"]


def test_a_write_inside_a_write_joins_it(database: Database) -> None:
    """Two nouns written in one outer block become visible to others together."""
    with database.write():
        put(database, "first")
        assert words(Database(database.url.render_as_string(hide_password=False))) == []
        put(database, "second")
        assert words(database) == ["first", "second"]
    assert words(database) == ["first", "second"]


def test_an_inner_write_that_raises_is_undone_alone(database: Database) -> None:
    """The outer transaction may catch the error and go on without the inner one's rows."""

    def half_a_write() -> None:
        with database.write() as connection:
            connection.execute(sa.insert(NOTE).values(word="lost", n=1))
            raise KeyError

    with database.write():
        put(database, "outer")
        with pytest.raises(KeyError):
            half_a_write()
    assert words(database) == ["outer"]


def test_a_read_sees_one_snapshot(database: Database) -> None:
    """Rows that another thread commits during a read do not appear in it."""
    put(database, "before")
    with database.read() as connection:
        count = sa.select(sa.func.count()).select_from(NOTE)
        assert connection.execute(count).scalar() == 1
        writer = threading.Thread(target=put, args=(database, "meanwhile"))
        writer.start()
        writer.join()
        assert connection.execute(count).scalar() == 1
    assert words(database) == ["before", "meanwhile"]


def test_upsert_counts_what_it_touched(database: Database) -> None:
    """Rows whose key is taken are left alone, or updated where update names columns."""
    rows = [{"word": "a", "n": 1}, {"word": "b", "n": 1}]
    with database.write() as connection:
        assert database.upsert(connection, NOTE, rows[:1], ("word",)) == 1
        assert database.upsert(connection, NOTE, rows, ("word",)) == 1
        assert database.upsert(connection, NOTE, [{"word": "a", "n": 7}], ("word",), ("n",)) == 1
        assert database.upsert(connection, NOTE, [], ("word",)) == 0
        assert dict(connection.execute(sa.select(NOTE.c.word, NOTE.c.n)).all()) == {"a": 7, "b": 1}


def test_threads_share_a_database(database: Database) -> None:
    """Writes of several threads wait for each other instead of failing."""
    threads = [
        threading.Thread(target=lambda start=start: [put(database, f"{start}-{i}") for i in range(10)])
        for start in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(words(database)) == 60


def test_a_forked_child_gets_connections_of_its_own(database: Database) -> None:
    """Parent and child both write after a fork, and neither spoils the other's connection."""
    put(database, "before")
    child = os.fork()
    if child == 0:
        try:
            put(database, "child")
        except BaseException:  # noqa: BLE001 - a child of a fork must never return into pytest
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    put(database, "parent")
    assert words(database) == ["before", "child", "parent"]


def test_many_processes_make_one_store(store_address: str) -> None:
    """Processes that open the same empty database at once all find a store."""
    code = f"from flywheel.store.open import open_store; open_store({store_address!r})"
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, errors


@pytest.mark.parametrize(
    ("address", "error", "words_in_it"),
    [
        ("postgresql://joe:secret@127.0.0.1:1/none", StoreUnreachable, "cannot be reached"),
        ("postgresql+pg8000://127.0.0.1/none", StoreUnreachable, r"pip install 'flywheel\[postgres\]'"),
        ("mysql://127.0.0.1/none", InputError, "'mysql'"),
        ("sqlite:////proc/none/store.db", StoreUnreachable, "Nothing was written"),
    ],
)
def test_an_unusable_address_is_named(address: str, error: type[Exception], words_in_it: str) -> None:
    """The error names the address without its password and says what to do."""
    with pytest.raises(error, match=words_in_it) as caught:
        open_store(address)
    assert "secret" not in str(caught.value)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """A path below an ordinary file cannot be a store, and the file stays as it was."""
    (tmp_path / "file").write_text("hello")
    with pytest.raises(StoreUnreachable, match="cannot be made"):
        open_store(str(tmp_path / "file" / "store.db"))
    assert (tmp_path / "file").read_text() == "hello"


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    """A binary file that is no database is refused, byte for byte as it was."""
    path = tmp_path / "picture.db"
    path.write_bytes(bytes(range(256)) * 64)
    with pytest.raises(StoreUnreachable, match="is not a SQLite database"):
        open_store(str(path))
    assert path.read_bytes() == bytes(range(256)) * 64


def test_no_store_is_made_when_none_is_wanted(tmp_path: Path) -> None:
    """With create=False a missing file stays missing, an empty one empty."""
    with pytest.raises(StoreUnreachable, match="flywheel init"):
        open_store(str(tmp_path / "none.db"), create=False)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreUnreachable, match="flywheel init"):
        open_store(str(tmp_path / "empty.db"), create=False)


def test_a_read_only_store_can_be_read(tmp_path: Path) -> None:
    """Reading works without write permission; writing says that the store is read-only."""
    path = tmp_path / "store.db"
    writable = open_store(str(path))
    writable.executions.write([Execution(execution_id="a", outcome="passed")])
    store = open_store(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert store.executions.watermark("default") == 1
    with pytest.raises(StoreUnreachable, match="is read-only"):
        store.executions.write([Execution(execution_id="b", outcome="passed")])
    writable.close()


def test_a_full_disk_keeps_what_was_there(tmp_path: Path) -> None:
    """A batch that does not fit is undone whole, and the store stays usable."""
    path = tmp_path / "store.db"
    store = open_store(str(path))
    store.executions.write([Execution(execution_id="a", outcome="passed")])
    store.close()
    event.listen(store.database.engine, "connect", _allow_few_pages)
    large = (Execution(execution_id=f"x{i}", outcome="passed", comment="c" * 1000) for i in range(2000))
    with pytest.raises(StoreUnreachable, match="no space left"):
        store.executions.write(large)
    assert store.executions.watermark("default") == 1
    store.close()
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_store_locked_too_long_is_named(tmp_path: Path) -> None:
    """A writer that cannot get the lock within its time says who to wait for."""
    path = tmp_path / "store.db"
    open_store(str(path)).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = open_store(f"sqlite:///{path}?timeout=0.05")
    with pytest.raises(StoreUnreachable, match="locked by another process"):
        store.cases.add(Suite(suite="s"), [])
    other.execute("ROLLBACK")
    store.cases.add(Suite(suite="s"), [])
    assert [suite.suite for suite in store.cases.suites("default")] == ["s"]


def test_missing_tables_are_named(database: Database) -> None:
    """A query on a table that is not there asks for an upgrade."""
    with pytest.raises(MigrationNeeded, match="flywheel upgrade"), database.read() as connection:
        connection.execute(sa.select(SUITE))


def test_other_refusals_keep_the_words_of_the_database(database: Database) -> None:
    """What has no plain words of ours still becomes a StoreError, never a driver's exception."""
    with pytest.raises(StoreError, match="refused"), database.read() as connection:
        connection.exec_driver_sql("SELECT nonsense(1)")


def test_a_value_no_database_keeps_is_refused(store: SqlStore) -> None:
    """Half a character names the execution; nothing is stored."""
    bad: list[Callable[[], Execution]] = [
        lambda: Execution(execution_id="half", outcome="passed", comment="\ud800"),
        lambda: Execution(execution_id="half", outcome="passed", metadata={"text": "\udfff"}),
    ]
    for make in bad:
        with pytest.raises(InputError):
            store.executions.write([Execution(execution_id="fine", outcome="passed"), make()])
    assert store.executions.watermark("default") == 0


@pytest.mark.parametrize("tokens", [2**63, 2**70])
def test_a_number_beyond_64_bits_is_refused_at_the_door(tokens: int) -> None:
    """The record itself refuses what no database column holds."""
    with pytest.raises(ValueError, match="less than 9223372036854775808"):
        Execution(execution_id="huge", outcome="passed", input_tokens=tokens)


def test_nul_in_a_plain_text_is_kept_or_refused(store: SqlStore) -> None:
    """SQLite keeps a NUL character; PostgreSQL cannot, says so, and stores nothing of the batch."""
    rows = [Execution(execution_id="fine", outcome="passed"), Execution(execution_id="nul", outcome="passed")]
    rows[1] = rows[1].model_copy(update={"comment": "a\u0000b"})
    if store.database.dialect == "sqlite":
        store.executions.write(rows)
        assert store.executions.passes(Scope(), 2) == rows
        return
    with pytest.raises(InputError, match="NUL"):
        store.executions.write(rows)
    assert store.executions.watermark("default") == 0


def _allow_few_pages(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA max_page_count = 60")


def test_a_store_opened_for_reading_only_can_be_read(tmp_path: Path) -> None:
    """`?mode=ro` changes nothing, not even how the file keeps its journal, and refuses to write."""
    path = tmp_path / "runs.db"
    written = open_store(str(path))
    written.executions.write([Execution(execution_id="r1", outcome="passed")])
    written.close()
    plain = sqlite3.connect(path)
    plain.execute("PRAGMA journal_mode = DELETE")
    plain.close()
    before = path.read_bytes()

    store = open_store(f"sqlite:///file:{path}?mode=ro&uri=true", create=False)

    assert store.executions.counts(Scope()).stored == 1
    with pytest.raises(StoreUnreachable):
        store.executions.write([Execution(execution_id="r2", outcome="passed")])
    store.close()
    assert path.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_without_permission_to_write_can_be_read(tmp_path: Path) -> None:
    """Neither the file nor its folder may be written: reports still work, writing says why not."""
    path = tmp_path / "shared" / "runs.db"
    written = open_store(str(path))
    written.executions.write([Execution(execution_id="r1", outcome="passed")])
    written.close()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        store = open_store(str(path), create=False)
        assert store.executions.counts(Scope()).stored == 1
        with pytest.raises(StoreUnreachable):
            store.executions.write([Execution(execution_id="r2", outcome="passed")])
        store.close()
    finally:
        path.parent.chmod(0o755)
