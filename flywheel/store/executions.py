"""Executions: bulk in, columns out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

import numpy as np
import sqlalchemy as sa

from flywheel.ports import WindowCounts, WriteCounts
from flywheel.records.analysis import DroppedCount
from flywheel.records.columns import (
    AgentColumns,
    ConfidenceColumns,
    ExecutionColumns,
    QualityColumns,
    Scope,
    ScoreTable,
)
from flywheel.records.execution import Execution, Outcome
from flywheel.records.voices import Voices
from flywheel.store.agent_columns import agent_columns_of
from flywheel.store.confidence_columns import confidence_columns_of
from flywheel.store.execution_columns import chunks, columns_of, digest_of
from flywheel.store.execution_page import ExecutionPage, PageAsked, page_of
from flywheel.store.execution_rows import EXECUTION, ROW_COLUMNS, record_of, row_of
from flywheel.store.execution_sample import spread
from flywheel.store.execution_scope import VERSION_KEY, within
from flywheel.store.execution_write import Row, write_batch
from flywheel.store.quality_columns import quality_columns_of
from flywheel.store.score_table import score_table_of
from flywheel.store.session import Database
from flywheel.store.voices import voices_of

BATCH_ROWS = 10_000
"""Rows of one transaction of `write`: large enough that the commit does not count, small in memory."""

FETCH_ROWS = 1_000
"""Rows asked for by number at once; databases bound the values of one statement."""

_RECORD = [EXECUTION.c[name] for name in ROW_COLUMNS[:-1]]
_FAILURES = (Outcome.FAILED.value, Outcome.ERROR.value)


class SqlExecutions:
    """Executions kept in a database; `flywheel.ports.ExecutionStore`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def write(self, executions: Iterable[Execution]) -> WriteCounts:
        """Store in bulk; equal ones are left alone, changed ones replace and keep the old in history.

        Each batch of 10,000 is one transaction: when the process is killed the
        batches before it are there, and handing all in again adds the rest.

        Raises:
            InputError: an execution holds a value no database keeps; its batch was not stored.
            StoreUnreachable: no connection, no permission, or no space.
        """
        total = WriteCounts()
        for batch in _batches(map(row_of, executions), BATCH_ROWS):
            total += self.write_rows(batch)
        return total

    def write_rows(self, rows: Sequence[Row]) -> WriteCounts:
        """Store rows in the order of `ROW_COLUMNS`, in one transaction; see `write_batch`."""
        return write_batch(self.database, rows)

    def watermark(self, workspace: str) -> int:
        """Largest sequence number stored, 0 when empty."""
        query = sa.select(sa.func.max(EXECUTION.c.seq)).where(EXECUTION.c.workspace == workspace)
        with self.database.read() as connection:
            return connection.execute(query).scalar() or 0

    def digest(self, scope: Scope) -> str:
        """Hash of the content of the executions in the scope, independent of their order of storing."""
        with self.database.read() as connection:
            return digest_of(connection, scope)

    def counts(self, scope: Scope) -> WindowCounts:
        """Counts of a scope, by one grouped query.

        Skipped executions and those without a version are dropped; `versions`,
        `rated` and `retried` are of those that count.
        """
        row = EXECUTION.c
        query = (
            sa.select(
                row.outcome,
                VERSION_KEY.label("key"),
                sa.func.count(),
                sa.func.count(row.rating),
                sa.func.count(sa.case((row.retries > 0, 1))),
            )
            .where(within(scope))
            .group_by(row.outcome, sa.text("key"))
        )
        by_outcome: Counter[Outcome] = Counter()
        dropped: Counter[str] = Counter()
        versions: Counter[str] = Counter()
        rated = retried = 0
        with self.database.read() as connection:
            for name, version, count, rated_here, retried_here in connection.execute(query):
                outcome = Outcome(name)
                if outcome is Outcome.SKIPPED:
                    dropped["skipped"] += count
                elif version is None:
                    dropped["no version"] += count
                else:
                    by_outcome[outcome] += count
                    versions[version] += count
                    rated += rated_here
                    retried += retried_here
        return WindowCounts(
            stored=by_outcome.total() + dropped.total(),
            by_outcome=dict(by_outcome),
            dropped=tuple(DroppedCount(reason=reason, count=n) for reason, n in sorted(dropped.items())),
            versions=tuple(sorted(versions, key=lambda name: (-versions[name], name))),
            rated=rated,
            retried=retried,
        )

    def outcomes(self, scope: Scope) -> dict[str, dict[str, dict[Outcome, int]]]:
        """Counts by prompt, version and outcome, by one grouped query.

        Executions without a prompt or a version, and skipped ones, are left out.
        """
        row = EXECUTION.c
        query = (
            sa.select(row.prompt, VERSION_KEY.label("key"), row.outcome, sa.func.count())
            .where(within(scope), row.prompt.is_not(None), row.outcome != Outcome.SKIPPED.value)
            .group_by(row.prompt, sa.text("key"), row.outcome)
        )
        found: dict[str, dict[str, dict[Outcome, int]]] = {}
        with self.database.read() as connection:
            for prompt, version, outcome, count in connection.execute(query):
                if version is not None:
                    found.setdefault(prompt, {}).setdefault(version, {})[Outcome(outcome)] = count
        return found

    def columns(self, scope: Scope) -> ExecutionColumns:
        """All executions of the scope as arrays, in the order they were stored.

        Scores are as recorded: NaN for an error without one, unlike in `score_table`.
        """
        with self.database.read() as connection:
            return columns_of(connection, scope)

    def quality_columns(self, scope: Scope) -> QualityColumns:
        """What watching quality needs of the executions of the scope, in the order they were stored."""
        with self.database.read() as connection:
            return quality_columns_of(connection, scope)

    def confidence_columns(self, scope: Scope) -> ConfidenceColumns:
        """Confidence beside the outcome of what passed or failed in the scope, in the order of storing."""
        with self.database.read() as connection:
            return confidence_columns_of(connection, scope)

    def voices(self, scope: Scope) -> Voices:
        """Ratings, comments, retries and slow answers of the scope, counted."""
        with self.database.read() as connection:
            return voices_of(connection, scope)

    def agent_columns(self, scope: Scope) -> AgentColumns:
        """What trust needs of the executions of the scope that name an agent, in the order of time."""
        with self.database.read() as connection:
            return agent_columns_of(connection, scope)

    def failures(self, scope: Scope, limit: int) -> list[Execution]:
        """Failed and errored executions of the scope with their texts, oldest first.

        Where there are more than limit, a stable choice spread over all of them, see `spread`.
        """
        return self._spread(sa.and_(within(scope), EXECUTION.c.outcome.in_(_FAILURES)), limit)

    def passes(self, scope: Scope, limit: int) -> list[Execution]:
        """Passed executions of the scope with their texts, chosen and ordered as failures are."""
        return self._spread(sa.and_(within(scope), EXECUTION.c.outcome == Outcome.PASSED.value), limit)

    def page(self, scope: Scope, asked: PageAsked) -> ExecutionPage:
        """A page of executions with their texts, see `page_of`."""
        with self.database.read() as connection:
            return page_of(connection, scope, asked)

    def in_session(self, workspace: str, prompt: str, session_id: str) -> list[Execution]:
        """Executions of one session of a prompt, so that a resumed experiment repeats no call."""
        row = EXECUTION.c
        mine = sa.and_(row.workspace == workspace, row.session_id == session_id, row.prompt == prompt)
        query = sa.select(*_RECORD).where(mine).order_by(EXECUTION.c.seq)
        with self.database.read() as connection:
            return [record_of(row) for row in connection.execute(query)]

    def score_table(
        self, scope: Scope, arms: Sequence[str], by: Literal["version", "model", "agent"]
    ) -> ScoreTable:
        """Mean score per case and arm; an error without a score counts 0, see `score_table_of`."""
        with self.database.read() as connection:
            return score_table_of(connection, scope, arms, by)

    def _spread(self, condition: sa.ColumnElement[bool], limit: int) -> list[Execution]:
        row = EXECUTION.c
        with self.database.read() as connection:
            query = sa.select(row.seq).where(condition).order_by(row.seq)
            parts = [np.array(chunk, dtype=np.int64)[:, 0] for chunk in chunks(connection, query)]
            chosen = spread(np.concatenate(parts), limit) if parts else np.empty(0, np.int64)
            found: list[Execution] = []
            for start in range(0, chosen.size, FETCH_ROWS):
                wanted = chosen[start : start + FETCH_ROWS].tolist()
                texts = sa.select(*_RECORD).where(row.seq.in_(wanted)).order_by(row.seq)
                found.extend(map(record_of, connection.execute(texts)))
        return found


def _batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, size)):
        yield batch
