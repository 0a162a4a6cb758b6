"""Claims: one process at a time at a piece of work."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from flywheel.store.claims import CLAIM, Claim
from flywheel.store.open import SqlStore

PATIENCE_S = 60.0
HOLDER = """
import sys, threading
from flywheel.store.claims import Claim
from flywheel.store.open import open_store
store = open_store(sys.argv[1])
with Claim(store.database, "default", ("c1 validate",), "the same").held(print):
    print("held", flush=True)
    threading.Event().wait()
"""


def claim(store: SqlStore, *names: str, **settings: float) -> Claim:
    """A claim of some names, of one that is usual where none is given."""
    return Claim(store.database, "default", names or ("c1 validate",), "the same", **settings)


def nobody(told: str) -> None:
    """Nobody is to be waited for."""
    raise AssertionError(told)


@contextmanager
def holding(store: SqlStore, **settings: float) -> Iterator[threading.Event]:
    """Another thread holds the claim until the event it gives is set."""
    has_begun, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with claim(store, **settings).held(nobody):
            has_begun.set()
            may_end.wait(PATIENCE_S)

    thread = threading.Thread(target=hold)
    thread.start()
    assert has_begun.wait(PATIENCE_S)
    try:
        yield may_end
    finally:
        may_end.set()
        thread.join()


def rows(store: SqlStore) -> list[sa.Row]:
    """Claims that are kept."""
    with store.database.read() as connection:
        return list(connection.execute(sa.select(CLAIM)))


def test_who_comes_second_waits_for_the_first(store: SqlStore):
    """The second is told whom it waits for, and goes on when the first has ended."""
    told: list[str] = []
    with holding(store) as may_end:

        def wait(words: str) -> None:
            told.append(words)
            may_end.set()

        with claim(store).held(wait):
            assert len(rows(store)) == 1

    who = f"process {os.getpid()} of {socket.gethostname()!r}"
    assert told == [f"waiting for {who}, which works on the same"]
    assert rows(store) == []


def test_other_work_waits_for_nobody(store: SqlStore):
    """Claims of different things are held at once, and so are those of different workspaces."""
    elsewhere = Claim(store.database, "other", ("c1 validate",), "the same")
    with holding(store), claim(store, "c2 validate", "c1 apply").held(nobody), elsewhere.held(nobody):
        assert len(rows(store)) == 4


def test_several_things_are_claimed_together_or_not_at_all(store: SqlStore):
    """Who needs one thing that is taken waits without holding back the others."""
    told: list[str] = []
    with holding(store) as may_end:

        def wait(words: str) -> None:
            told.append(words)
            assert [row.name for row in rows(store)] == ["c1 validate"]
            with claim(store, "free").held(nobody):
                may_end.set()

        with claim(store, "free", "c1 validate").held(wait):
            assert {row.name for row in rows(store)} == {"free", "c1 validate"}

    assert len(told) == 1
    assert rows(store) == []


def test_of_many_who_come_at_once_one_works_at_a_time(store: SqlStore):
    """Threads with overlapping claims never work together, and all have their turn."""
    at_work, most, done = [0], [0], []
    lock = threading.Lock()

    def work(number: int) -> None:
        with claim(store, "shared", f"own {number}").held(lambda _: None):
            with lock:
                at_work[0] += 1
                most[0] = max(most[0], at_work[0])
            done.append(number)
            with lock:
                at_work[0] -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert (sorted(done), most) == (list(range(6)), [1])


def test_an_error_gives_the_claim_back(store: SqlStore):
    """A phase that fails leaves no claim behind."""
    with pytest.raises(ValueError, match="no answer"), claim(store).held(nobody):
        raise ValueError("no answer")

    assert rows(store) == []


def test_a_killed_process_blocks_nobody(store: SqlStore):
    """After kill -9 the next one of the same machine goes on at once."""
    address = store.database.url.render_as_string(hide_password=False)
    with subprocess.Popen([sys.executable, "-c", HOLDER, address], stdout=subprocess.PIPE, text=True) as dead:
        assert dead.stdout is not None
        assert dead.stdout.readline() == "held\n"
        dead.send_signal(signal.SIGKILL)
        dead.wait()
    assert [json.loads(row.holder_json)["pid"] for row in rows(store)] == [dead.pid]

    with claim(store).held(nobody):
        assert [json.loads(row.holder_json)["pid"] for row in rows(store)] == [os.getpid()]


def test_a_machine_that_is_gone_blocks_until_its_claim_ends(store: SqlStore):
    """The claim of another machine stands until its time has come, then the next one goes on."""
    told: list[str] = []
    with claim(store, lease_s=3600).held(nobody), store.database.write() as connection:
        connection.execute(
            sa.update(CLAIM).values(holder_json='{"host": "elsewhere", "pid": 1, "token": "x"}')
        )

    def time_comes(words: str) -> None:
        told.append(words)
        with store.database.write() as connection:
            connection.execute(sa.update(CLAIM).values(until_us=CLAIM.c.until_us - 3_600_000_000))

    with claim(store).held(time_comes):
        assert len(rows(store)) == 1

    assert [words.split(",")[0] for words in told] == ["waiting for process 1 of 'elsewhere'"]


def test_a_claim_is_renewed_while_it_is_held(store: SqlStore):
    """The end of a held claim moves on."""
    with holding(store, lease_s=0.3):
        first = rows(store)[0].until_us
        moved = threading.Event()
        for _ in range(int(PATIENCE_S / 0.05)):
            if rows(store)[0].until_us > first:
                break
            moved.wait(0.05)

        assert rows(store)[0].until_us > first
