"""Prompts: their immutable versions, with the labels that point at them."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlmodel import Field

from flywheel.errors import InputError
from flywheel.records.prompt import HASH_LENGTH, PromptVersion
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_json, from_us, to_json, to_us
from flywheel.store.execution_rows import EXECUTION, SEQUENCE
from flywheel.store.session import Database, lock_writers, table_of

PREFIX_LENGTH = 8
"""Digits of a hash that are enough to name a version."""

_PREFIX = re.compile(rf"[0-9a-f]{{{PREFIX_LENGTH},{HASH_LENGTH}}}")

Reference = tuple[Any, Any, Any]
"""Workspace, prompt, version as an execution gives it."""


class PromptVersionRow(StoreTable, table=True):
    """One immutable text; kept as UTF-8 bytes, so that it survives to the byte."""

    __tablename__ = "prompt_version"
    __table_args__ = (sa.UniqueConstraint("workspace", "prompt", "version", name="uq_prompt_version"),)

    seq: int | None = Field(default=None, sa_column=sa.Column(SEQUENCE, primary_key=True, autoincrement=True))
    workspace: str
    prompt: str
    version: str
    text: bytes = Field(sa_type=sa.LargeBinary)
    variables: str = Field(sa_type=sa.Text)
    origin: str
    created_at_us: int = Field(sa_type=sa.BigInteger)


class PromptLabelRow(StoreTable, table=True):
    """What a label of a prompt points at."""

    __tablename__ = "prompt_label"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["workspace", "prompt", "version"],
            ["prompt_version.workspace", "prompt_version.prompt", "prompt_version.version"],
            name="fk_prompt_label_version",
        ),
    )

    workspace: str = Field(primary_key=True)
    prompt: str = Field(primary_key=True)
    label: str = Field(primary_key=True)
    version: str


VERSION = table_of(PromptVersionRow)
LABEL = table_of(PromptLabelRow)


class SqlPrompts:
    """Prompts kept in a database; `flywheel.ports.PromptStore`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, version: PromptVersion, *, move: bool = False) -> bool:
        """Keep a version with its labels; executions that carry one of them are tied to it.

        Args:
            version: with text.
            move: let a label that points at another version point at this one.

        Returns:
            False when the text was there already; new labels are added all the same.

        Raises:
            InputError: the version has no text, or a label points at another version.
        """
        if version.text is None:
            msg = (
                f"Version {version.version!r} of prompt {version.prompt!r} has no text to keep. "
                "Nothing was changed. Add it with its text: flywheel prompt add"
            )
            raise InputError(msg)
        row = {
            "workspace": version.workspace,
            "prompt": version.prompt,
            "version": version.version,
            "text": version.text.encode("utf-8", "surrogatepass"),
            "variables": to_json(list(version.variables)),
            "origin": version.origin,
            "created_at_us": to_us(version.created_at) if version.created_at else time.time_ns() // 1000,
        }
        with self.database.write() as connection:
            lock_writers(connection)
            added = self.database.upsert(connection, VERSION, [row], ("workspace", "prompt", "version")) == 1
            labelled = self._label(connection, version, move=move)
            if added or labelled:
                _tie_executions(connection, version)
        return added

    def get(self, workspace: str, prompt: str, ref: str) -> PromptVersion | None:
        """A version by content hash, by label, or by a unique prefix of at least 8 digits.

        A label that only executions carry gives a version without text.

        Raises:
            InputError: several versions begin with the prefix.
        """
        mine = _of_prompt(VERSION, workspace, prompt)
        by_label = sa.select(LABEL.c.version).where(
            _of_prompt(LABEL, workspace, prompt), LABEL.c.label == ref
        )
        with self.database.read() as connection:
            for found in (VERSION.c.version == ref, VERSION.c.version == by_label.scalar_subquery()):
                exact = _versions(connection, sa.and_(mine, found))
                if exact:
                    return exact[0]
            if _PREFIX.fullmatch(ref):
                begun = _versions(connection, sa.and_(mine, VERSION.c.version.startswith(ref)))
                if begun:
                    return _only(begun, ref)
            carried = sa.select(sa.literal(1)).where(
                _of_prompt(EXECUTION, workspace, prompt), EXECUTION.c.version == ref
            )
            if connection.execute(carried.limit(1)).first() is None:
                return None
        return PromptVersion(workspace=workspace, prompt=prompt, version=ref, text=None, origin="recorded")

    def versions(self, workspace: str, prompt: str) -> list[PromptVersion]:
        """All versions with text, oldest first."""
        with self.database.read() as connection:
            return _versions(connection, _of_prompt(VERSION, workspace, prompt))

    def recorded(self, workspace: str, prompt: str) -> list[str]:
        """Versions that executions of the prompt carry, sorted: content hash where known, else label."""
        version = sa.func.coalesce(EXECUTION.c.version_hash, EXECUTION.c.version)
        query = (
            sa.select(version)
            .distinct()
            .where(_of_prompt(EXECUTION, workspace, prompt), EXECUTION.c.version.is_not(None))
        )
        with self.database.read() as connection:
            return sorted(connection.execute(query).scalars())

    def names(self, workspace: str) -> list[str]:
        """Prompts that have a version or an execution, sorted."""
        written = sa.select(VERSION.c.prompt).where(VERSION.c.workspace == workspace)
        carried = sa.select(EXECUTION.c.prompt).where(
            EXECUTION.c.workspace == workspace, EXECUTION.c.prompt.is_not(None)
        )
        with self.database.read() as connection:
            return sorted(connection.execute(written.union(carried)).scalars())

    def _label(self, connection: Connection, version: PromptVersion, *, move: bool) -> bool:
        """Point the labels at the version; whether any pointed elsewhere or nowhere before."""
        held = sa.select(LABEL.c.label, LABEL.c.version).where(
            _of_prompt(LABEL, version.workspace, version.prompt), LABEL.c.label.in_(version.labels)
        )
        before = {row.label: row.version for row in connection.execute(held)}
        for label, target in before.items():
            if target != version.version and not move:
                msg = (
                    f"Label {label!r} of prompt {version.prompt!r} points at {target[:12]!r}, "
                    f"not at {version.short!r}; a label keeps its version. Nothing was changed. "
                    "Choose another label, or move this one on purpose with move=True."
                )
                raise InputError(msg)
        fresh = [label for label in dict.fromkeys(version.labels) if before.get(label) != version.version]
        shared = {"workspace": version.workspace, "prompt": version.prompt, "version": version.version}
        rows = [{**shared, "label": label} for label in fresh]
        self.database.upsert(connection, LABEL, rows, ("workspace", "prompt", "label"), ("version",))
        return bool(fresh)


def known_versions(connection: Connection, references: Collection[Reference]) -> Mapping[Reference, str]:
    """Content hashes of references that name a version with text: by hash, label or prefix.

    Args:
        connection: of the transaction that writes the executions.
        references: distinct (workspace, prompt, version) of a batch.
    """
    workspaces = {workspace for workspace, _, _ in references}
    if not workspaces:
        return {}
    labels = sa.select(LABEL.c.workspace, LABEL.c.prompt, LABEL.c.label, LABEL.c.version)
    hashes = sa.select(VERSION.c.workspace, VERSION.c.prompt, VERSION.c.version)
    known: dict[Reference, str] = {}
    prefixes: dict[Reference, str] = {}
    for workspace, prompt, version in connection.execute(hashes.where(VERSION.c.workspace.in_(workspaces))):
        known[workspace, prompt, version] = version
        prefixes[workspace, prompt, version[:PREFIX_LENGTH]] = version
    for workspace, prompt, label, version in connection.execute(
        labels.where(LABEL.c.workspace.in_(workspaces))
    ):
        known.setdefault((workspace, prompt, label), version)
    for reference in references:
        workspace, prompt, version = reference
        whole = prefixes.get((workspace, prompt, version[:PREFIX_LENGTH]))
        if whole and len(version) >= PREFIX_LENGTH and whole.startswith(version):
            known.setdefault(reference, whole)
    return known


def _tie_executions(connection: Connection, version: PromptVersion) -> None:
    """Give the hash to executions stored before their label was known."""
    given = EXECUTION.c.version
    names_it = sa.or_(
        given.in_([version.version, *version.labels]),
        sa.and_(
            sa.func.length(given) >= PREFIX_LENGTH,
            given == sa.func.substr(version.version, 1, sa.func.length(given)),
        ),
    )
    connection.execute(
        sa.update(EXECUTION)
        .where(
            _of_prompt(EXECUTION, version.workspace, version.prompt),
            EXECUTION.c.version_hash.is_(None),
            names_it,
        )
        .values(version_hash=version.version)
    )


def _of_prompt(table: sa.Table, workspace: str, prompt: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.workspace == workspace, table.c.prompt == prompt)


def _versions(connection: Connection, condition: sa.ColumnElement[bool]) -> list[PromptVersion]:
    rows = connection.execute(sa.select(VERSION).where(condition).order_by(VERSION.c.seq)).all()
    if not rows:
        return []
    labels: dict[tuple[str, str, str], list[str]] = {}
    wanted = sa.and_(
        LABEL.c.workspace == rows[0].workspace,
        LABEL.c.prompt == rows[0].prompt,
    )
    for row in connection.execute(sa.select(LABEL).where(wanted).order_by(LABEL.c.label)):
        labels.setdefault((row.workspace, row.prompt, row.version), []).append(row.label)
    return [_record(row, labels.get((row.workspace, row.prompt, row.version), [])) for row in rows]


def _record(row: Row[Any], labels: list[str]) -> PromptVersion:
    return PromptVersion(
        workspace=row.workspace,
        prompt=row.prompt,
        version=row.version,
        text=bytes(row.text).decode("utf-8", "surrogatepass"),
        labels=tuple(labels),
        variables=tuple(str(name) for name in from_json(row.variables) or ()),  # type: ignore[union-attr]
        created_at=from_us(row.created_at_us),
        origin=row.origin,
    )


def _only(versions: list[PromptVersion], ref: str) -> PromptVersion:
    if len(versions) > 1:
        names = ", ".join(repr(version.version[: len(ref) + 4]) for version in versions)
        prompt = versions[0].prompt
        msg = f"{len(versions)} versions of prompt {prompt!r} begin with {ref!r}: {names}. Give more digits."
        raise InputError(msg)
    return versions[0]
