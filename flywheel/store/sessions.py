"""Sessions of executions: what each captured, counted in one pass."""

from __future__ import annotations

import sqlalchemy as sa

from flywheel.learn.completeness import SessionCounts
from flywheel.records.execution import Outcome
from flywheel.store.encoding import from_us
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.session import Database

_ROW = EXECUTION.c
_SKIPPED = _ROW.outcome == Outcome.SKIPPED.value
_FAILED = _ROW.outcome.in_((Outcome.FAILED.value, Outcome.ERROR.value))


def _model_says(key: str) -> sa.ColumnElement[bool]:
    """Whether one of several models came with a number; the column is compact JSON."""
    return _ROW.models.contains(f'"{key}":')


_EXPLAINED = sa.or_(
    _ROW.error_type.is_not(None),
    _ROW.error_message.is_not(None),
    sa.and_(_ROW.output.is_not(None), _ROW.expected.is_not(None)),
)
_CONTRADICTORY = sa.or_(
    sa.and_(_ROW.outcome == Outcome.PASSED.value, _ROW.error_type.is_not(None)),
    sa.and_(_ROW.outcome == Outcome.FAILED.value, _ROW.score >= 1),
    sa.and_(_ROW.outcome == Outcome.PASSED.value, _ROW.score <= 0),
    _ROW.latency_ms <= 0,
)
_FULFILS: dict[str, sa.ColumnElement[bool]] = {
    "outcome": sa.or_(_ROW.outcome != Outcome.UNSCORED.value, _ROW.score.is_not(None)),
    **{
        name: _ROW[name].is_not(None)
        for name in ("prompt", "version", "case_id", "inputs", "output", "expected")
    },
    "model": sa.or_(_ROW.model.is_not(None), _ROW.models.is_not(None)),
    "latency_ms": sa.or_(_ROW.latency_ms.is_not(None), _model_says("latency_ms")),
    "tokens": sa.or_(
        sa.and_(_ROW.input_tokens.is_not(None), _ROW.output_tokens.is_not(None)),
        sa.and_(_model_says("input_tokens"), _model_says("output_tokens")),
    ),
    "cost_usd": sa.or_(_ROW.cost_usd.is_not(None), _model_says("cost_usd")),
    "confidence": sa.or_(_ROW.confidence.is_not(None), _model_says("confidence")),
    "explained": sa.and_(_FAILED, _EXPLAINED),
    # A comparison with NULL is NULL, which is no contradiction.
    "consistent": sa.not_(sa.func.coalesce(_CONTRADICTORY, sa.false())),
}
"""What fulfils each criterion of `flywheel.learn.completeness`."""


class SqlSessions:
    """Sessions of all workspaces in one database.

    Args:
        db: where executions are kept.

    Examples:
        >>> from flywheel.records.execution import Execution
        >>> from flywheel.store.open import open_store
        >>> store = open_store("sqlite://")
        >>> _ = store.executions.write(
        ...     [Execution(execution_id="r1", session_id="s1", prompt="triage", outcome="passed")]
        ... )
        >>> found = store.sessions.counts("default")[0]
        >>> found.session_id, found.executions, found.known["prompt"], found.known["version"]
        ('s1', 1, 1, 0)
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def counts(
        self,
        workspace: str,
        *,
        prompt: str | None = None,
        session_id: str | None = None,
        begins: str = "",
        limit: int = 20,
    ) -> list[SessionCounts]:
        """Counts of the last sessions, newest first; executions without a session are one of them.

        Args:
            workspace: of the sessions.
            prompt: only executions of this prompt.
            session_id: only this session.
            begins: only sessions whose name begins like this.
            limit: sessions at most.
        """
        mine = [_ROW.workspace == workspace]
        if prompt is not None:
            mine.append(_ROW.prompt == prompt)
        if session_id is not None:
            mine.append(_ROW.session_id == session_id)
        if begins:
            mine.append(_ROW.session_id.startswith(begins, autoescape=True))
        last = sa.func.max(_ROW.stored_at_us).label("last_us")
        query = (
            sa.select(
                _ROW.session_id,
                _count(sa.not_(_SKIPPED)).label("executions"),
                _count(_SKIPPED).label("skipped"),
                _count(_ROW.outcome == Outcome.PASSED.value).label("passed"),
                _count(_FAILED).label("failures"),
                sa.func.min(_ROW.stored_at_us).label("first_us"),
                last,
                *(
                    _count(sa.and_(sa.not_(_SKIPPED), fulfils)).label(f"has_{n}")
                    for n, fulfils in _FULFILS.items()
                ),
            )
            .where(*mine)
            .group_by(_ROW.session_id)
            .order_by(last.desc(), _ROW.session_id)
            .limit(limit)
        )
        with self._db.read() as connection:
            return [
                SessionCounts(
                    session_id=row["session_id"],
                    executions=row["executions"],
                    skipped=row["skipped"],
                    passed=row["passed"],
                    failures=row["failures"],
                    known={name: row[f"has_{name}"] for name in _FULFILS},
                    first_at=from_us(row["first_us"]),
                    last_at=from_us(row["last_us"]),
                )
                for row in connection.execute(query).mappings()
            ]


def _count(holds: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.count(sa.case((holds, 1)))
