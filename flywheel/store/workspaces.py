"""Workspaces as rows: what each wants taken out of its evidence."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from flywheel.learn.redaction_policy import CustomPattern, Private, RedactionMode, RedactionPolicy
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_json, to_json
from flywheel.store.session import Database, table_of


class WorkspacePolicyRow(StoreTable, table=True):
    """The redaction policy of one workspace; a workspace without a row has the default one."""

    __tablename__ = "workspace_policy"

    workspace: str = Field(primary_key=True)
    mode: str
    salt: str
    patterns_json: str | None = Field(default=None, sa_type=sa.Text)
    kept_json: str | None = Field(default=None, sa_type=sa.Text)
    calling_code: str


POLICY = table_of(WorkspacePolicyRow)


class SqlWorkspaces:
    """Policies of all workspaces in one database.

    Args:
        db: where they are kept.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> workspaces = open_store("sqlite://").workspaces
        >>> workspaces.policy("team").mode.value
        'mask'
        >>> workspaces.set_policy(RedactionPolicy(workspace="team", mode="off"))
        >>> workspaces.policy("team").mode.value
        'off'
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def policy(self, workspace: str) -> RedactionPolicy:
        """The policy of a workspace; the default one where none was set."""
        with self._db.read() as connection:
            row = connection.execute(sa.select(POLICY).where(POLICY.c.workspace == workspace)).one_or_none()
        return RedactionPolicy(workspace=workspace) if row is None else _record(row)

    def set_policy(self, policy: RedactionPolicy) -> None:
        """Keep the policy of a workspace in place of the one before; what is stored already stays."""
        row = {
            "workspace": policy.workspace,
            "mode": policy.mode.value,
            "salt": policy.salt,
            "patterns_json": to_json([pattern.model_dump() for pattern in policy.patterns] or None),
            "kept_json": to_json([*sorted(kind.value for kind in policy.kept)] or None),
            "calling_code": policy.calling_code,
        }
        others = [name for name in row if name != "workspace"]
        with self._db.write() as connection:
            self._db.upsert(connection, POLICY, [row], key=("workspace",), update=others)


def _record(row: sa.Row[Any]) -> RedactionPolicy:
    patterns: Any = from_json(row.patterns_json) or ()
    kept: Any = from_json(row.kept_json) or ()
    return RedactionPolicy(
        workspace=row.workspace,
        mode=RedactionMode(row.mode),
        salt=row.salt,
        patterns=tuple(CustomPattern.model_validate(pattern) for pattern in patterns),
        kept=frozenset(map(Private, kept)),
        calling_code=row.calling_code,
    )
