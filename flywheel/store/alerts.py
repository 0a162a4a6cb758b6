"""Alerts as rows: what was raised, what is still open, what was said lately."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from flywheel.errors import UnknownName
from flywheel.records.alert import Alert
from flywheel.store.encoding import from_us, to_us
from flywheel.store.session import Database, table_of

HISTORY_LIMIT = 10_000
"""Alerts kept per workspace; of more, the oldest resolved ones go first."""


class AlertRow(SQLModel, table=True):
    """One alert; open while resolved_us is NULL."""

    __tablename__ = "alert"
    __table_args__ = (
        sa.UniqueConstraint("workspace", "alert_id", name="uq_alert"),
        sa.Index("ix_alert_subject", "workspace", "subject", "raised_us"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    workspace: str
    alert_id: str
    severity: str
    subject: str
    message: str = Field(sa_type=sa.Text)
    raised_us: int = Field(sa_type=sa.BigInteger)
    resolved_us: int | None = Field(default=None, sa_type=sa.BigInteger)


ALERT = table_of(AlertRow)


class SqlAlerts:
    """Alerts of all workspaces in one database; an AlertChannel that remembers.

    Args:
        db: where they are kept.
        limit: alerts kept per workspace. Open ones are never dropped.

    Examples:
        >>> from datetime import UTC
        >>> from flywheel.store.open import open_store
        >>> alerts = open_store("sqlite://").alerts
        >>> alerts.send(
        ...     Alert(alert_id="a1", severity="high", subject="triage", message="85 % < 90 %",
        ...           raised_at=datetime.now(UTC))
        ... )
        >>> [alert.subject for alert in alerts.open("default")]
        ['triage']
    """

    def __init__(self, db: Database, limit: int = HISTORY_LIMIT) -> None:
        self._db = db
        self._limit = limit

    def send(self, alert: Alert) -> None:
        """Keep an alert; the same id again changes nothing."""
        row = {
            "workspace": alert.workspace,
            "alert_id": alert.alert_id,
            "severity": alert.severity.value,
            "subject": alert.subject,
            "message": alert.message,
            "raised_us": to_us(alert.raised_at),
            "resolved_us": None if alert.resolved_at is None else to_us(alert.resolved_at),
        }
        with self._db.write() as connection:
            if self._db.upsert(connection, ALERT, [row], key=("workspace", "alert_id")):
                self._drop_oldest(connection, alert.workspace)

    def resolve(self, workspace: str, alert_id: str, now: datetime) -> Alert:
        """Mark an alert resolved; a resolved one keeps its first time.

        Raises:
            UnknownName: no such alert.
        """
        this = (ALERT.c.workspace == workspace, ALERT.c.alert_id == alert_id)
        with self._db.write() as connection:
            connection.execute(
                sa.update(ALERT).where(*this, ALERT.c.resolved_us.is_(None)).values(resolved_us=to_us(now))
            )
            row = connection.execute(sa.select(ALERT).where(*this)).one_or_none()
        if row is None:
            msg = (
                f"No alert {alert_id!r} in workspace {workspace!r}. Nothing was changed. "
                "The open ones: flywheel status"
            )
            raise UnknownName(msg)
        return _record(row)

    def open(self, workspace: str) -> list[Alert]:
        """Alerts nobody resolved yet, newest first."""
        return self._read(ALERT.c.workspace == workspace, ALERT.c.resolved_us.is_(None), limit=None)

    def recent(self, workspace: str, limit: int) -> list[Alert]:
        """The last alerts, newest first, resolved ones too."""
        return self._read(ALERT.c.workspace == workspace, limit=limit)

    def last(self, workspace: str, subject: str) -> Alert | None:
        """The newest alert about a subject, for a cooldown that survives restarts."""
        found = self._read(ALERT.c.workspace == workspace, ALERT.c.subject == subject, limit=1)
        return found[0] if found else None

    def _read(self, *wanted: sa.ColumnElement[bool], limit: int | None) -> list[Alert]:
        query = sa.select(ALERT).where(*wanted).order_by(ALERT.c.raised_us.desc(), ALERT.c.seq.desc())
        with self._db.read() as connection:
            return [_record(row) for row in connection.execute(query.limit(limit))]

    def _drop_oldest(self, connection: Connection, workspace: str) -> None:
        beyond = (
            sa.select(ALERT.c.seq)
            .where(ALERT.c.workspace == workspace)
            .order_by(ALERT.c.seq.desc())
            .offset(self._limit)
            .limit(1)
        )
        connection.execute(
            sa.delete(ALERT).where(
                ALERT.c.workspace == workspace,
                ALERT.c.resolved_us.is_not(None),
                ALERT.c.seq <= beyond.scalar_subquery(),
            )
        )


def _record(row: sa.Row[Any]) -> Alert:
    return Alert(
        alert_id=row.alert_id,
        workspace=row.workspace,
        severity=row.severity,
        subject=row.subject,
        message=row.message,
        raised_at=from_us(row.raised_us),
        resolved_at=None if row.resolved_us is None else from_us(row.resolved_us),
    )
