"""Recommendations of agents with what judges made of them: bulk in, columns out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flywheel.errors import UnknownName
from flywheel.ports import WriteCounts
from flywheel.records.columns import RecommendationColumns
from flywheel.records.recommendation import Recommendation, RecommendationOutcome
from flywheel.store.encoding import from_us, to_us
from flywheel.store.recommendation_columns import recommendation_columns_of
from flywheel.store.recommendation_rows import (
    ABOUT,
    OUTCOME,
    RECOMMENDATION,
    outcome_of,
    outcome_row,
    recommendation_of,
    recommendation_row,
)
from flywheel.store.session import Database, lock_writers

_BATCH = 500
"""Ids in one question: below the number of parameters either database takes."""

_LOCK = "flywheel recommendations"
"""One writer at a time: no recommendation is replaced or deleted while an outcome of it is kept."""

_KEY = ("workspace", "recommendation_id")
_JUDGED_KEY = (*_KEY, "judged_by")
_CONTENT = (*ABOUT, "content", "reasoning", "evidence", "content_hash")
_JUDGED_CONTENT = (*ABOUT, "status", "overall", "evaluated_us", "qualities", "feedback", "content_hash")


class SqlRecommendations:
    """Recommendations of all workspaces in one database; `flywheel.ports.RecommendationStore`.

    Args:
        database: where they are kept.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> store = open_store("sqlite://").recommendations
        >>> store.add([Recommendation(recommendation_id="r1", agent="ann", content="Retry once.",
        ...                           created_at="2026-11-02T09:00:00Z")]).stored
        1
        >>> store.of_agent("default", "ann", limit=5)[0].content
        'Retry once.'
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, recommendations: Iterable[Recommendation]) -> WriteCounts:
        """Keep in one transaction; equal ones are left alone, changed ones replace.

        Returns:
            Counts that sum to the recommendations handed in; the last of several with one id counts.

        Raises:
            InputError: one holds half a character; nothing was stored.
        """
        handed_in = 0
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        for given in recommendations:
            handed_in += 1
            newest[given.workspace, given.recommendation_id] = recommendation_row(given)
        with self.database.write() as connection:
            lock_writers(connection, _LOCK)
            before = {key: row.content_hash for key, row in _found(connection, RECOMMENDATION, newest)}
            changed = [row for key, row in newest.items() if before.get(key) != row["content_hash"]]
            replaced = [row for row in changed if (row["workspace"], row["recommendation_id"]) in before]
            self.database.upsert(connection, RECOMMENDATION, changed, _KEY, _CONTENT)
            _tell_outcomes(connection, replaced)
        stored = len(changed) - len(replaced)
        return WriteCounts(stored, len(replaced), handed_in - len(changed))

    def get(self, workspace: str, recommendation_id: str) -> Recommendation | None:
        """A recommendation by its id; None when there is none, or when a cleanup took it."""
        this = (
            RECOMMENDATION.c.workspace == workspace,
            RECOMMENDATION.c.recommendation_id == recommendation_id,
        )
        with self.database.read() as connection:
            row = connection.execute(sa.select(RECOMMENDATION).where(*this)).one_or_none()
        return None if row is None else recommendation_of(row)

    def given_at(self, workspace: str, recommendation_ids: Sequence[str]) -> dict[str, datetime]:
        """When recommendations were given, by id; those that are not there are left out."""
        wanted = {(workspace, name): None for name in recommendation_ids}
        with self.database.read() as connection:
            found = _found(connection, RECOMMENDATION, wanted)
            return {name: from_us(row.created_us) for (_workspace, name), row in found}

    def of_agent(self, workspace: str, agent: str, limit: int) -> list[Recommendation]:
        """The newest recommendations of an agent, newest first."""
        row = RECOMMENDATION.c
        query = (
            sa.select(RECOMMENDATION)
            .where(row.workspace == workspace, row.agent == agent)
            .order_by(row.created_us.desc(), row.seq.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            return [recommendation_of(found) for found in connection.execute(query)]

    def of_workflow(self, workspace: str, workflow: str) -> list[Recommendation]:
        """All recommendations of a workflow, oldest first."""
        return self._on(workspace, RECOMMENDATION.c.workflow == workflow)

    def of_correlation(self, workspace: str, correlation_id: str) -> list[Recommendation]:
        """All recommendations on one question, oldest first."""
        return self._on(workspace, RECOMMENDATION.c.correlation_id == correlation_id)

    def evaluate(self, outcomes: Iterable[RecommendationOutcome]) -> WriteCounts:
        """Keep in one transaction what judges made of recommendations; a judge's newer outcome replaces.

        Returns:
            Counts that sum to the outcomes handed in.

        Raises:
            UnknownName: a recommendation is not there; nothing was stored.
            InputError: an outcome holds half a character; nothing was stored.
        """
        handed_in = 0
        newest: dict[tuple[str, str, str], dict[str, Any]] = {}
        for given in outcomes:
            handed_in += 1
            row = outcome_row(given)
            newest[row["workspace"], row["recommendation_id"], row["judged_by"]] = row
        wanted = {(workspace, name): None for workspace, name, _judge in newest}
        with self.database.write() as connection:
            lock_writers(connection, _LOCK)
            about = dict(_found(connection, RECOMMENDATION, wanted))
            _refuse_unknown(wanted, about)
            before = {
                (*key, row.judged_by): row.content_hash for key, row in _found(connection, OUTCOME, wanted)
            }
            changed = [
                {**row, **{name: getattr(about[key[:2]], name) for name in ABOUT}}
                for key, row in newest.items()
                if before.get(key) != row["content_hash"]
            ]
            replaced = sum(tuple(row[name] for name in _JUDGED_KEY) in before for row in changed)
            self.database.upsert(connection, OUTCOME, changed, _JUDGED_KEY, _JUDGED_CONTENT)
        return WriteCounts(len(changed) - replaced, replaced, handed_in - len(changed))

    def outcomes(self, workspace: str, recommendation_ids: Sequence[str]) -> list[RecommendationOutcome]:
        """Outcomes of recommendations, in the order they were judged."""
        wanted = {(workspace, name): None for name in recommendation_ids}
        with self.database.read() as connection:
            rows = [row for _key, row in _found(connection, OUTCOME, wanted)]
        return [outcome_of(row) for row in sorted(rows, key=lambda row: (row.evaluated_us, row.seq))]

    def columns(self, workspace: str, since: datetime | None = None) -> RecommendationColumns:
        """Judgements as arrays in the order of time, those of deleted recommendations too.

        Args:
            workspace: whose.
            since: bounds the time of the judgement, of the recommendation where nobody judged it.
        """
        with self.database.read() as connection:
            return recommendation_columns_of(connection, workspace, None if since is None else to_us(since))

    def delete_before(self, workspace: str, moment: datetime) -> int:
        """Delete recommendations given before a moment, with the words of their judges.

        Marks stay as columns, so trust is what it was before.

        Returns:
            How many recommendations were deleted.
        """
        before = to_us(moment)
        with self.database.write() as connection:
            lock_writers(connection, _LOCK)
            connection.execute(
                sa.update(OUTCOME)
                .where(
                    OUTCOME.c.workspace == workspace,
                    OUTCOME.c.created_us < before,
                    sa.or_(OUTCOME.c.feedback.is_not(None), OUTCOME.c.qualities.is_not(None)),
                )
                .values(feedback=None, qualities=None)
            )
            done = connection.execute(
                sa.delete(RECOMMENDATION).where(
                    RECOMMENDATION.c.workspace == workspace, RECOMMENDATION.c.created_us < before
                )
            )
        return done.rowcount

    def _on(self, workspace: str, condition: sa.ColumnElement[bool]) -> list[Recommendation]:
        row = RECOMMENDATION.c
        query = sa.select(RECOMMENDATION).where(row.workspace == workspace, condition)
        with self.database.read() as connection:
            found = connection.execute(query.order_by(row.created_us, row.seq))
            return [recommendation_of(one) for one in found]


def _found(
    connection: Connection, table: sa.Table, wanted: Mapping[tuple[str, str], object]
) -> Iterator[tuple[tuple[str, str], sa.Row[Any]]]:
    """Rows of a table by workspace and id."""
    by_workspace: dict[str, list[str]] = {}
    for workspace, name in wanted:
        by_workspace.setdefault(workspace, []).append(name)
    for workspace, names in by_workspace.items():
        for start in range(0, len(names), _BATCH):
            some = names[start : start + _BATCH]
            query = sa.select(table).where(
                table.c.workspace == workspace, table.c.recommendation_id.in_(some)
            )
            for row in connection.execute(query):
                yield (row.workspace, row.recommendation_id), row


def _refuse_unknown(
    wanted: Mapping[tuple[str, str], object], known: Mapping[tuple[str, str], object]
) -> None:
    unknown = [key for key in wanted if key not in known]
    if unknown:
        workspace, name = unknown[0]
        others = f" ({len(unknown) - 1:,} others are not there either)" if len(unknown) > 1 else ""
        msg = (
            f"No recommendation {name!r} in workspace {workspace!r}{others}. No outcome was stored. "
            "Record it first: flywheel trust record"
        )
        raise UnknownName(msg)


def _tell_outcomes(connection: Connection, replaced: Sequence[Mapping[str, Any]]) -> None:
    """Put what outcomes carry of their recommendation right, where that was replaced."""
    if not replaced:
        return
    this = (
        OUTCOME.c.workspace == sa.bindparam("of_workspace"),
        OUTCOME.c.recommendation_id == sa.bindparam("of_id"),
    )
    told = sa.update(OUTCOME).where(*this).values({name: sa.bindparam(f"new_{name}") for name in ABOUT})
    connection.execute(
        told,
        [
            {"of_workspace": row["workspace"], "of_id": row["recommendation_id"]}
            | {f"new_{name}": row[name] for name in ABOUT}
            for row in replaced
        ],
    )
