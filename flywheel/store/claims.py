"""One process at a time at a piece of work, also where several were started for the same one.

A claim is a row for each thing that is worked on. Who holds it renews it; a
claim that nobody renews any more stands for LEASE_S.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.errors import StoreUnreachable
from flywheel.store.base import StoreTable
from flywheel.store.processes import lives
from flywheel.store.session import Database, lock_writers, table_of

LEASE_S: Final = 30.0
"""How long a claim stands that is not renewed. On its own machine a dead process is known at once."""

RENEWALS: Final = 3
"""Renewals within that time."""

POLL_S: Final = 0.25
"""How often one who waits looks again."""


class ClaimRow(StoreTable, table=True):
    """Who works on something, and until when that is believed without a renewal."""

    __tablename__ = "claim"

    workspace: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    holder_json: str = Field(sa_type=sa.Text)
    until_us: int = Field(sa_type=sa.BigInteger)


CLAIM = table_of(ClaimRow)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one or several things: on all of them, or on none.

    Attributes:
        db: where it is kept.
        workspace: whose work.
        names: of what is claimed.
        what: the same in words, for those who wait.
        lease_s: how long it stands without being renewed.
    """

    db: Database
    workspace: str
    names: tuple[str, ...]
    what: str
    lease_s: float = LEASE_S
    holder: str = field(
        default_factory=lambda: json.dumps(
            {"host": socket.gethostname(), "pid": os.getpid(), "token": uuid.uuid4().hex}
        )
    )

    @contextmanager
    def held(self, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the claim for the time of the block, as soon as nobody else does.

        Args:
            waiting: told once, in words, when there is somebody to wait for.

        Raises:
            StoreUnreachable: no connection.
        """
        told = False
        while (other := self._taken()) is not None:
            if not told:
                waiting(f"waiting for process {other}, which works on {self.what}")
                told = True
            time.sleep(POLL_S)
        ended = threading.Event()
        renewal = threading.Thread(target=self._renew, args=(ended,), name="claim", daemon=True)
        renewal.start()
        try:
            yield
        finally:
            ended.set()
            renewal.join()
            # What was done is kept by now; a claim that cannot be given back ends by itself.
            with suppress(StoreUnreachable), self.db.write() as connection:
                connection.execute(sa.delete(CLAIM).where(self._is_own()))

    def _taken(self) -> str | None:
        """Take the claim; gives in words who holds a part of it where that is somebody else."""
        mine = (CLAIM.c.workspace == self.workspace, CLAIM.c.name.in_(self.names))
        with self.db.write() as connection:
            # So that of two who find nobody one comes first.
            lock_writers(connection, "flywheel claims")
            now_us = _now_us(connection)
            for row in connection.execute(sa.select(CLAIM).where(*mine)):
                other = json.loads(row.holder_json)
                is_dead = other["host"] == socket.gethostname() and not lives(other["pid"])
                if not is_dead and row.until_us >= now_us:
                    return f"{other['pid']} of {other['host']!r}"
            until_us = self._until(connection)
            rows = [
                {
                    "workspace": self.workspace,
                    "name": name,
                    "holder_json": self.holder,
                    "until_us": until_us,
                }
                for name in self.names
            ]
            self.db.upsert(
                connection, CLAIM, rows, key=("workspace", "name"), update=("holder_json", "until_us")
            )
        return None

    def _renew(self, ended: threading.Event) -> None:
        while not ended.wait(self.lease_s / RENEWALS):
            try:
                with self.db.write() as connection:
                    connection.execute(
                        sa.update(CLAIM).where(self._is_own()).values(until_us=self._until(connection))
                    )
            except StoreUnreachable:
                # The work itself meets the same store, which says so there; the next renewal may pass.
                continue

    def _is_own(self) -> sa.ColumnElement[bool]:
        return CLAIM.c.holder_json == self.holder

    def _until(self, connection: Connection) -> int:
        return _now_us(connection) + int(self.lease_s * 1e6)


def _now_us(connection: Connection) -> int:
    """Microseconds since 1970 by the one clock that all who share the database see."""
    if connection.dialect.name == "postgresql":
        told = connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one()
        return int(told * 1_000_000)
    return time.time_ns() // 1000
