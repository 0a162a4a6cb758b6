"""Notices as rows: which channel is to be told of which alert, what came of it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.learn.alerting import Admission
from flywheel.records.alert import Notice, NoticeState
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_us, to_us
from flywheel.store.journal import is_orphan
from flywheel.store.session import Database, table_of

MOST_TRIES = 3
"""Begun attempts after which a notice that failed is left alone."""

PAUSE = timedelta(minutes=1)
"""Between two of them."""

LEFT = (NoticeState.WAITING.value, NoticeState.FAILED.value)


class NoticeRow(StoreTable, table=True):
    """One notice; `pid`, `host` and `intent_us` (of the wall clock) say who sends it since when."""

    __tablename__ = "alert_notice"
    __table_args__ = (
        sa.Index("ix_alert_notice_alert", "workspace", "alert_id"),
        sa.Index("ix_alert_notice_state", "workspace", "state"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    workspace: str
    alert_id: str
    channel: str
    reason: str
    severity: str
    state: str
    created_us: int = Field(sa_type=sa.BigInteger)
    tries: int
    error: str = Field(sa_type=sa.Text)
    intent_us: int | None = Field(default=None, sa_type=sa.BigInteger)
    pid: int | None = None
    host: str | None = None
    done_us: int | None = Field(default=None, sa_type=sa.BigInteger)


NOTICE = table_of(NoticeRow)


def put_notices(connection: Connection, admission: Admission, channels: Sequence[str]) -> None:
    """One waiting notice for each channel, in the transaction that keeps the alert."""
    alert, reason = admission.alert, admission.reason
    if reason is None or alert.told_at is None or not channels:
        return
    shared = {
        "workspace": alert.workspace,
        "alert_id": alert.alert_id,
        "reason": reason.value,
        "severity": alert.severity.value,
        "state": NoticeState.WAITING.value,
        "created_us": to_us(alert.told_at),
        "tries": 0,
        "error": "",
    }
    connection.execute(sa.insert(NOTICE), [{**shared, "channel": name} for name in channels])


class SqlNotices:
    """Notices of all workspaces in one database.

    A process takes a notice before it sends it. One that ends in between
    leaves the notice to nobody: it is never sent again, and says that it may
    or may not have arrived.

    Args:
        db: where they are kept.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> open_store("sqlite://").notices.take("default", ["console"])
        []
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def of_alert(self, workspace: str, alert_id: str) -> list[Notice]:
        """Notices of one alert, oldest first."""
        return self._read(NOTICE.c.workspace == workspace, NOTICE.c.alert_id == alert_id)

    def not_delivered(self, workspace: str) -> list[Notice]:
        """Notices that did not arrive, as far as is known, oldest first."""
        done = (NoticeState.DELIVERED.value, NoticeState.DROPPED.value)
        return self._read(NOTICE.c.workspace == workspace, NOTICE.c.state.not_in(done))

    def take(self, workspace: str, channels: Sequence[str]) -> list[Notice]:
        """Notices of these channels that are to be sent by this process now, oldest first.

        A failed one is tried again after a pause, up to three times in all.
        One whose process ended while it sent becomes unknown.
        """
        now = datetime.now(UTC)
        if not self._read(NOTICE.c.workspace == workspace, NOTICE.c.state.in_(_UNDONE)):
            return []
        with self._db.write() as connection:
            self._give_up_orphans(connection, workspace, now)
            paused = to_us(now - PAUSE)
            again = sa.and_(
                NOTICE.c.state == NoticeState.FAILED.value,
                NOTICE.c.tries < MOST_TRIES,
                NOTICE.c.intent_us <= paused,
            )
            ready = sa.or_(NOTICE.c.state == NoticeState.WAITING.value, again)
            query = (
                sa.select(NOTICE)
                .where(NOTICE.c.workspace == workspace, NOTICE.c.channel.in_(channels), ready)
                .order_by(NOTICE.c.seq)
                .with_for_update(skip_locked=True)
            )
            rows = connection.execute(query).all()
            mine = {
                "state": NoticeState.SENDING.value,
                "intent_us": time.time_ns() // 1000,
                "pid": os.getpid(),
                "host": socket.gethostname(),
            }
            connection.execute(
                sa.update(NOTICE)
                .where(NOTICE.c.seq.in_([row.seq for row in rows]))
                .values(tries=NOTICE.c.tries + 1, **mine)
            )
        return [_record(row) for row in rows]

    def settle(self, number: int, state: NoticeState, error: str = "", *, again: bool = True) -> None:
        """Say how sending a notice ended; one that is not being sent any more stays as it is.

        Args:
            number: of the notice.
            state: it ended in.
            error: why.
            again: whether a failed one is worth another try.
        """
        tries: Any = NOTICE.c.tries if again else sa.literal(MOST_TRIES)
        ended = None if state is NoticeState.WAITING else to_us(datetime.now(UTC))
        with self._db.write() as connection:
            connection.execute(
                sa.update(NOTICE)
                .where(NOTICE.c.seq == number, NOTICE.c.state == NoticeState.SENDING.value)
                .values(state=state.value, error=error, tries=tries, done_us=ended)
            )

    def drop(self, workspace: str, alert_id: str, why: str) -> None:
        """Nobody is told of an alert any more; what was told stays told."""
        with self._db.write() as connection:
            connection.execute(
                sa.update(NOTICE)
                .where(
                    NOTICE.c.workspace == workspace,
                    NOTICE.c.alert_id == alert_id,
                    NOTICE.c.state.in_(LEFT),
                )
                .values(
                    state=NoticeState.DROPPED.value,
                    error=sa.case((NOTICE.c.error == "", why), else_=NOTICE.c.error),
                    done_us=to_us(datetime.now(UTC)),
                )
            )

    def _give_up_orphans(self, connection: Connection, workspace: str, now: datetime) -> None:
        sending = (NOTICE.c.workspace == workspace, NOTICE.c.state == NoticeState.SENDING.value)
        for row in connection.execute(sa.select(NOTICE).where(*sending)).all():
            if is_orphan(row, now):
                why = f"process {row.pid} of {row.host} ended while it sent; it may or may not have arrived"
                connection.execute(
                    sa.update(NOTICE)
                    .where(NOTICE.c.seq == row.seq)
                    .values(state=NoticeState.UNKNOWN.value, error=why, done_us=to_us(now))
                )

    def _read(self, *wanted: sa.ColumnElement[bool]) -> list[Notice]:
        with self._db.read() as connection:
            query = sa.select(NOTICE).where(*wanted).order_by(NOTICE.c.seq)
            return [_record(row) for row in connection.execute(query)]


_UNDONE = (*LEFT, NoticeState.SENDING.value)


def _record(row: sa.Row[Any]) -> Notice:
    return Notice(
        number=row.seq,
        workspace=row.workspace,
        alert_id=row.alert_id,
        channel=row.channel,
        reason=row.reason,
        severity=row.severity,
        state=row.state,
        created_at=from_us(row.created_us),
        tries=row.tries,
        error=row.error,
        done_at=None if row.done_us is None else from_us(row.done_us),
    )
