"""The front door of the store."""

from __future__ import annotations

from flywheel.errors import StoreUnreachable
from flywheel.store.alert_notices import SqlNotices
from flywheel.store.alerts import SqlAlerts
from flywheel.store.cases import SqlCases
from flywheel.store.cycles import SqlCycles
from flywheel.store.executions import SqlExecutions
from flywheel.store.lineage import SqlLineage
from flywheel.store.model_calls import SqlModelCalls
from flywheel.store.positions import SqlPositions
from flywheel.store.prompts import SqlPrompts
from flywheel.store.recommendations import SqlRecommendations
from flywheel.store.releases import SqlReleases
from flywheel.store.responses import SqlResponses
from flywheel.store.schema import prepare
from flywheel.store.session import Database
from flywheel.store.sessions import SqlSessions
from flywheel.store.strategy_outcomes import SqlStrategyOutcomes
from flywheel.store.trust import SqlTrust
from flywheel.store.workspaces import SqlWorkspaces


class SqlStore:
    """All that is kept in one database, one attribute per noun.

    Args:
        database: with a schema of this program's revision.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.executions = SqlExecutions(database)
        self.prompts = SqlPrompts(database)
        self.cases = SqlCases(database)
        self.cycles = SqlCycles(database)
        self.releases = SqlReleases(database)
        self.lineage = SqlLineage(database)
        self.alerts = SqlAlerts(database)
        self.notices = SqlNotices(database)
        self.workspaces = SqlWorkspaces(database)
        self.sessions = SqlSessions(database)
        self.positions = SqlPositions(database)
        self.strategy_outcomes = SqlStrategyOutcomes(database)
        self.model_calls = SqlModelCalls(database)
        self.responses = SqlResponses(database)
        self.recommendations = SqlRecommendations(database)
        self.trust = SqlTrust(database)

    def close(self) -> None:
        """Give all connections back; the store opens them again when it is used."""
        self.database.close()


def open_store(address: str, *, create: bool = True) -> SqlStore:
    """The store at an address, made when there is none.

    Args:
        address: a SQLAlchemy URL, or a path of a SQLite file.
        create: make the tables in an empty database; False refuses one.

    Returns:
        A store that threads may share.

    Raises:
        InputError: the address is neither SQLite nor PostgreSQL.
        StoreUnreachable: no connection, no permission, or no store there and create is False.
        MigrationNeeded: the schema is older or newer than this program.

    Examples:
        >>> open_store("sqlite://").executions.watermark("default")
        0
    """
    database = Database(address)
    if not create and database.file is not None and not database.file.exists():
        msg = (
            f"There is no store at {database.address!r}. Nothing was made. "
            "Run: flywheel init, or give the address of a store with --store."
        )
        raise StoreUnreachable(msg)
    prepare(database, create=create)
    return SqlStore(database)
