"""A scope as a condition on executions."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from flywheel.records.columns import Scope
from flywheel.store.encoding import to_us
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.prompts import LABEL

VERSION_KEY: Final[sa.ColumnElement[str]] = sa.func.coalesce(EXECUTION.c.version_hash, EXECUTION.c.version)
"""Content hash where it is known, else the label."""

MOMENT_US: Final[sa.ColumnElement[int]] = sa.func.coalesce(
    EXECUTION.c.started_at_us, EXECUTION.c.stored_at_us
)
"""When the execution started, or was stored where it has no start."""


def within(scope: Scope) -> sa.ColumnElement[bool]:
    """Condition that holds for the executions of a scope."""
    row = EXECUTION.c
    conditions: list[sa.ColumnElement[bool]] = [row.workspace == scope.workspace]
    conditions += [
        row[name] == wanted
        for name, wanted in (
            ("prompt", scope.prompt),
            ("suite", scope.suite),
            ("slice", scope.slice),
            ("model", scope.model),
            ("session_id", scope.session_id),
        )
        if wanted is not None
    ]
    if scope.version is not None:
        conditions.append(_of_version(scope.workspace, scope.prompt, scope.version))
    if scope.since is not None:
        conditions.append(to_us(scope.since) <= MOMENT_US)
    if scope.until is not None:
        conditions.append(to_us(scope.until) > MOMENT_US)
    if scope.watermark is not None:
        conditions.append(row.seq <= scope.watermark)
    if scope.after is not None:
        conditions.append(row.seq > scope.after)
    if scope.exclude_sources:
        conditions.append(row.source.not_in(scope.exclude_sources))
    return sa.and_(*conditions)


def hashes_of_label(workspace: str, prompt: str | None, label: str) -> sa.Select[tuple[str]]:
    """Content hashes a label points at: one, or one per prompt when prompt is None."""
    found = sa.select(LABEL.c.version).where(LABEL.c.workspace == workspace, LABEL.c.label == label)
    return found if prompt is None else found.where(LABEL.c.prompt == prompt)


def _of_version(workspace: str, prompt: str | None, version: str) -> sa.ColumnElement[bool]:
    row = EXECUTION.c
    return sa.or_(
        row.version_hash == version,
        row.version_hash.in_(hashes_of_label(workspace, prompt, version)),
        sa.and_(row.version_hash.is_(None), row.version == version),
    )
