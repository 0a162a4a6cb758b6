"""Alerts as rows: what was raised, what is still open, what was said lately."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.errors import UnknownName
from flywheel.learn.alerting import Admission
from flywheel.records.alert import Alert
from flywheel.store.alert_notices import NOTICE, put_notices
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_us, to_us
from flywheel.store.session import Database, table_of

HISTORY_LIMIT = 10_000
"""Alerts kept per workspace; of more, the oldest resolved ones go first."""


class AlertRow(StoreTable, table=True):
    """One alert; open while resolved_us is NULL. What stands behind it is NULL in rows of before 0005."""

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
    first_severity: str | None = None
    times: int | None = None
    last_raised_us: int | None = Field(default=None, sa_type=sa.BigInteger)
    last_id: str | None = None
    told_us: int | None = Field(default=None, sa_type=sa.BigInteger)
    told_severity: str | None = None
    told_times: int | None = None
    acknowledged_us: int | None = Field(default=None, sa_type=sa.BigInteger)
    acknowledged_by: str | None = None


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
        with self._db.write() as connection:
            if self._db.upsert(connection, ALERT, [_row(alert)], key=("workspace", "alert_id")):
                self._drop_oldest(connection, alert.workspace)

    def admit(
        self,
        alert: Alert,
        judge: Callable[[Alert, Alert | None], Admission | None],
        channels: Callable[[Alert], Sequence[str]],
    ) -> Admission | None:
        """Keep what becomes of an alert that is raised, with a notice for each channel to be told.

        One transaction that no other process can come between: of two that
        raise the same subject at once, the second sees what the first kept.

        Args:
            alert: as it was raised.
            judge: given the alert and the newest one about its subject.
            channels: to be told of what is kept.

        Returns:
            What was kept, None when there was nothing to keep.
        """
        with self._db.write() as connection:
            _one_at_a_time(connection)
            if self._raised_before(connection, alert):
                return None
            of_subject = (ALERT.c.workspace == alert.workspace, ALERT.c.subject == alert.subject)
            known = connection.execute(
                sa.select(ALERT).where(*of_subject).order_by(ALERT.c.seq.desc()).limit(1)
            ).one_or_none()
            admission = judge(alert, None if known is None else _record(known))
            if admission is not None:
                self._keep(connection, admission, channels(admission.alert))
        return admission

    def rise(
        self,
        workspace: str,
        judge: Callable[[Alert], Admission | None],
        channels: Callable[[Alert], Sequence[str]],
    ) -> list[Alert]:
        """Keep what becomes of open alerts with time, with notices.

        Args:
            workspace: whose alerts.
            judge: given an open alert; None leaves it as it is.
            channels: to be told of it then.

        Returns:
            Alerts that changed.
        """
        if not any(judge(alert) for alert in self.open(workspace)):
            return []
        risen = []
        with self._db.write() as connection:
            _one_at_a_time(connection)
            for alert in self.open(workspace):
                admission = judge(alert)
                if admission is not None:
                    self._keep(connection, admission, channels(admission.alert))
                    risen.append(admission.alert)
        return risen

    def acknowledge(self, workspace: str, alert_id: str, who: str, now: datetime) -> Alert:
        """A person takes an alert on; the first one stays named.

        Raises:
            UnknownName: no such alert.
        """
        fields = {"acknowledged_us": to_us(now), "acknowledged_by": who}
        return self._mark(workspace, alert_id, ALERT.c.acknowledged_us, fields)

    def get(self, workspace: str, alert_id: str) -> Alert | None:
        """One alert, None when there is none."""
        found = self._read(ALERT.c.workspace == workspace, ALERT.c.alert_id == alert_id, limit=1)
        return found[0] if found else None

    def resolve(self, workspace: str, alert_id: str, now: datetime) -> Alert:
        """Mark an alert resolved; a resolved one keeps its first time.

        Raises:
            UnknownName: no such alert.
        """
        return self._mark(workspace, alert_id, ALERT.c.resolved_us, {"resolved_us": to_us(now)})

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

    def _mark(
        self, workspace: str, alert_id: str, unset: sa.ColumnElement[Any], fields: dict[str, object]
    ) -> Alert:
        this = (ALERT.c.workspace == workspace, ALERT.c.alert_id == alert_id)
        with self._db.write() as connection:
            connection.execute(sa.update(ALERT).where(*this, unset.is_(None)).values(**fields))
            row = connection.execute(sa.select(ALERT).where(*this)).one_or_none()
        if row is None:
            msg = (
                f"No alert {alert_id!r} in workspace {workspace!r}. Nothing was changed. "
                "The open ones: flywheel alerts list"
            )
            raise UnknownName(msg)
        return _record(row)

    def _keep(self, connection: Connection, admission: Admission, channels: Sequence[str]) -> None:
        row = _row(admission.alert)
        others = [name for name in row if name not in ("workspace", "alert_id")]
        self._db.upsert(connection, ALERT, [row], key=("workspace", "alert_id"), update=others)
        put_notices(connection, admission, channels)
        self._drop_oldest(connection, admission.alert.workspace)

    def _raised_before(self, connection: Connection, alert: Alert) -> bool:
        same = sa.or_(ALERT.c.alert_id == alert.alert_id, ALERT.c.last_id == alert.alert_id)
        query = sa.select(ALERT.c.seq).where(ALERT.c.workspace == alert.workspace, same).limit(1)
        return connection.execute(query).one_or_none() is not None

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
        gone = (
            ALERT.c.workspace == workspace,
            ALERT.c.resolved_us.is_not(None),
            ALERT.c.seq <= beyond.scalar_subquery(),
        )
        ids = sa.select(ALERT.c.alert_id).where(*gone)
        connection.execute(
            sa.delete(NOTICE).where(NOTICE.c.workspace == workspace, NOTICE.c.alert_id.in_(ids))
        )
        connection.execute(sa.delete(ALERT).where(*gone))


def _one_at_a_time(connection: Connection) -> None:
    """Until the end of the transaction; SQLite has only one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "SELECT pg_advisory_xact_lock(hashtext('flywheel alerts'), hashtext(current_schema()))"
        )


def _row(alert: Alert) -> dict[str, object]:
    first, told = alert.first_severity, alert.told_severity
    return {
        "workspace": alert.workspace,
        "alert_id": alert.alert_id,
        "severity": alert.severity.value,
        "subject": alert.subject,
        "message": alert.message,
        "raised_us": to_us(alert.raised_at),
        "resolved_us": _us(alert.resolved_at),
        "first_severity": first.value if first else None,
        "times": alert.times,
        "last_raised_us": _us(alert.last_raised_at),
        "last_id": alert.last_id,
        "told_us": _us(alert.told_at),
        "told_severity": told.value if told else None,
        "told_times": alert.told_times,
        "acknowledged_us": _us(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
    }


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_us(microseconds)


def _record(row: sa.Row[Any]) -> Alert:
    return Alert(
        alert_id=row.alert_id,
        workspace=row.workspace,
        severity=row.severity,
        subject=row.subject,
        message=row.message,
        raised_at=from_us(row.raised_us),
        resolved_at=_moment(row.resolved_us),
        first_severity=row.first_severity,
        times=1 if row.times is None else row.times,
        last_raised_at=_moment(row.last_raised_us),
        last_id=row.last_id,
        told_at=_moment(row.told_us),
        told_severity=row.told_severity,
        told_times=row.told_times or 0,
        acknowledged_at=_moment(row.acknowledged_us),
        acknowledged_by=row.acknowledged_by,
    )
