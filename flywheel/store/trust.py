"""Trust of agents as it was computed, one row per agent each time."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from flywheel.records.trust import AgentTrust, TrustReport
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_us, to_us
from flywheel.store.session import Database, table_of


class TrustRow(StoreTable, table=True):
    """The scores of one agent at one time, as JSON."""

    __tablename__ = "trust_score"

    workspace: str = Field(primary_key=True)
    agent: str = Field(primary_key=True)
    updated_us: int = Field(sa_column=sa.Column(sa.BigInteger, primary_key=True, autoincrement=False))
    payload: str = Field(sa_type=sa.Text)


TRUST = table_of(TrustRow)


class SqlTrust:
    """Trust as it was computed, so that a router reads a row in place of all evidence.

    Args:
        database: where it is kept.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> open_store("sqlite://").trust.latest("default")
        []
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def keep(self, report: TrustReport) -> int:
        """Keep the scores of a report under its time; the same time again changes nothing.

        Returns:
            How many rows were written.
        """
        moment = to_us(report.computed_at)
        rows = [
            {
                "workspace": report.workspace,
                "agent": one.agent,
                "updated_us": moment,
                "payload": one.model_dump_json(),
            }
            for one in report.agents
        ]
        with self.database.write() as connection:
            return self.database.upsert(connection, TRUST, rows, ("workspace", "agent", "updated_us"))

    def latest(self, workspace: str) -> list[AgentTrust]:
        """The newest scores of each agent, the highest first."""
        newest = self._newest(workspace).subquery()
        query = sa.select(TRUST.c.payload).join(
            newest,
            sa.and_(
                TRUST.c.workspace == workspace,
                TRUST.c.agent == newest.c.agent,
                TRUST.c.updated_us == newest.c.updated_us,
            ),
        )
        with self.database.read() as connection:
            found = [AgentTrust.model_validate_json(payload) for (payload,) in connection.execute(query)]
        return sorted(found, key=lambda one: (one.score is None, -(one.score or 0.0), one.agent))

    def past(self, workspace: str, agent: str, limit: int) -> list[tuple[datetime, AgentTrust]]:
        """The last scores of an agent, newest first."""
        query = (
            sa.select(TRUST.c.updated_us, TRUST.c.payload)
            .where(TRUST.c.workspace == workspace, TRUST.c.agent == agent)
            .order_by(TRUST.c.updated_us.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            return [
                (from_us(moment), AgentTrust.model_validate_json(payload))
                for moment, payload in connection.execute(query)
            ]

    def delete_before(self, workspace: str, moment: datetime) -> int:
        """Delete what was computed before a moment; the newest of each agent stays.

        Returns:
            How many rows were deleted.
        """
        newest = self._newest(workspace).subquery()
        kept = sa.exists().where(newest.c.agent == TRUST.c.agent, newest.c.updated_us == TRUST.c.updated_us)
        with self.database.write() as connection:
            done = connection.execute(
                sa.delete(TRUST).where(
                    TRUST.c.workspace == workspace, TRUST.c.updated_us < to_us(moment), ~kept
                )
            )
        return done.rowcount

    def _newest(self, workspace: str) -> sa.Select[tuple[str, int]]:
        return (
            sa.select(TRUST.c.agent, sa.func.max(TRUST.c.updated_us).label("updated_us"))
            .where(TRUST.c.workspace == workspace)
            .group_by(TRUST.c.agent)
        )
