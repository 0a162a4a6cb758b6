"""Suites with their cases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row, RowMapping
from sqlmodel import Field

from flywheel.errors import InputError
from flywheel.ports import WriteCounts
from flywheel.records.case import Case, GateCases, ReflectCases, Role, Suite
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_json, to_json
from flywheel.store.session import Database, table_of

_CONTENT = ("inputs", "expected", "slice", "metadata_json", "role")


class SuiteRow(StoreTable, table=True):
    """A named set of cases with its scorer."""

    __tablename__ = "suite"

    workspace: str = Field(primary_key=True)
    suite: str = Field(primary_key=True)
    scorer: str
    options: str = Field(sa_type=sa.Text)
    description: str = Field(sa_type=sa.Text)


class CaseRow(StoreTable, table=True):
    """One input with its expectation; CASE is a word of SQL."""

    __tablename__ = "eval_case"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["workspace", "suite"], ["suite.workspace", "suite.suite"], name="fk_eval_case_suite"
        ),
    )

    workspace: str = Field(primary_key=True)
    suite: str = Field(primary_key=True)
    case_id: str = Field(primary_key=True)
    role: str
    slice: str | None = None
    inputs: str = Field(sa_type=sa.Text)
    expected: str | None = Field(default=None, sa_type=sa.Text)
    metadata_json: str | None = Field(default=None, sa_type=sa.Text)


SUITE = table_of(SuiteRow)
CASE = table_of(CaseRow)


class SqlCases:
    """Suites and cases kept in a database; `flywheel.ports.CaseStore`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, suite: Suite, cases: Iterable[Case]) -> WriteCounts:
        """Keep a suite and its cases in one transaction; cases it had before stay.

        Args:
            suite: its scorer, options and description replace earlier ones.
            cases: of this suite; the last of several with one id counts.

        Returns:
            Counts of the cases; they sum to the cases handed in.

        Raises:
            InputError: a case names another suite or workspace; nothing was stored.
        """
        handed_in = [_case_row(case, suite) for case in cases]
        newest = {row["case_id"]: row for row in handed_in}
        with self.database.write() as connection:
            self.database.upsert(
                connection,
                SUITE,
                [_suite_row(suite)],
                ("workspace", "suite"),
                ("scorer", "options", "description"),
            )
            before = _contents(connection, suite)
            changed = [row for case_id, row in newest.items() if before.get(case_id) != _content(row)]
            replaced = sum(row["case_id"] in before for row in changed)
            self.database.upsert(connection, CASE, changed, ("workspace", "suite", "case_id"), _CONTENT)
        return WriteCounts(len(changed) - replaced, replaced, len(handed_in) - len(changed))

    def suite(self, workspace: str, name: str) -> Suite | None:
        """A suite by name."""
        found = self._suites(sa.and_(SUITE.c.workspace == workspace, SUITE.c.suite == name))
        return found[0] if found else None

    def suites(self, workspace: str) -> list[Suite]:
        """All suites, by name."""
        return self._suites(SUITE.c.workspace == workspace)

    def cases(self, workspace: str, suite: str, role: Role | None = None) -> list[Case]:
        """Cases of a suite in the order of their ids; all roles when role is None."""
        query = sa.select(CASE).where(CASE.c.workspace == workspace, CASE.c.suite == suite)
        if role is not None:
            query = query.where(CASE.c.role == role.value)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        # Sorted here: databases disagree on the order of texts.
        return sorted(map(_case, rows), key=lambda case: case.case_id)

    def reflect(self, workspace: str, suite: str) -> ReflectCases:
        """The cases a proposer may see."""
        return ReflectCases(cases=tuple(self.cases(workspace, suite, Role.REFLECT)))

    def gate(self, workspace: str, suite: str) -> GateCases:
        """The cases that decide."""
        return GateCases(cases=tuple(self.cases(workspace, suite, Role.GATE)))

    def _suites(self, condition: sa.ColumnElement[bool]) -> list[Suite]:
        with self.database.read() as connection:
            rows = connection.execute(sa.select(SUITE).where(condition)).mappings().all()
        return sorted(map(_suite, rows), key=lambda suite: suite.suite)


def _contents(connection: Connection, suite: Suite) -> dict[str, tuple[object, ...]]:
    query = sa.select(CASE.c.case_id, *(CASE.c[name] for name in _CONTENT)).where(
        CASE.c.workspace == suite.workspace, CASE.c.suite == suite.suite
    )
    return {case_id: tuple(content) for case_id, *content in connection.execute(query)}


def _content(row: dict[str, Any]) -> tuple[object, ...]:
    return tuple(row[name] for name in _CONTENT)


def _suite_row(suite: Suite) -> dict[str, Any]:
    return {
        "workspace": suite.workspace,
        "suite": suite.suite,
        "scorer": _scorer_text(suite),
        "options": to_json([option.model_dump() for option in suite.options]),
        "description": suite.description,
    }


def _suite(row: RowMapping) -> Suite:
    scorer: Any = from_json(row["scorer"]) if row["scorer"].startswith("{") else {"scorer": row["scorer"]}
    return Suite.model_validate({**row, **scorer, "options": from_json(row["options"])})


def _scorer_text(suite: Suite) -> str:
    """The scorer by its name, or as JSON when it has parameters."""
    if not suite.parameters:
        return suite.scorer.value
    return str(to_json({"scorer": suite.scorer.value, "parameters": suite.parameters}))


def _case_row(case: Case, suite: Suite) -> dict[str, Any]:
    if (case.workspace, case.suite) != (suite.workspace, suite.suite):
        msg = (
            f"Case {case.case_id!r} belongs to suite {case.suite!r} of workspace {case.workspace!r}, not to "
            f"{suite.suite!r} of {suite.workspace!r}. Nothing was stored. Add it to its own suite."
        )
        raise InputError(msg)
    try:
        return {
            "workspace": case.workspace,
            "suite": case.suite,
            "case_id": case.case_id,
            "role": case.role.value,
            "slice": case.slice,
            "inputs": to_json(case.inputs),
            "expected": to_json(case.expected),
            "metadata_json": to_json(case.metadata),
        }
    except UnicodeEncodeError as error:
        msg = (
            f"Case {case.case_id!r} holds half a character that no database keeps: {error}. "
            "Nothing was stored. Replace lone surrogates."
        )
        raise InputError(msg) from error


def _case(row: Row[Any]) -> Case:
    return Case(
        case_id=row.case_id,
        suite=row.suite,
        workspace=row.workspace,
        inputs=from_json(row.inputs),
        expected=from_json(row.expected),
        slice=row.slice,
        metadata=from_json(row.metadata_json),
    )
