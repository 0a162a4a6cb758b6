"""Files of other tools on their way into a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from flywheel.capture.importing import ImportReport, ImportSettings, import_file
from flywheel.store.execution_rows import EXECUTION, EXECUTION_HISTORY
from flywheel.store.open import SqlStore

DATA = Path(__file__).parents[1] / "data"
"""Files that the tools themselves wrote; the README there says how."""


def sample(name: str) -> Path:
    """A file that a tool wrote."""
    return DATA / ("junit" if name.endswith(".xml") else "reportlog") / name


def format_of(path: Path) -> str:
    """The format of a sample, by its folder."""
    return "junit" if path.suffix == ".xml" else "reportlog"


def imported(path: Path, store: SqlStore, kind: str | None = None, **settings: Any) -> ImportReport:
    """Import a file; its quarantine lies beside the store or in memory's case in the given folder."""
    return import_file(path, store, ImportSettings(kind or format_of(path), **settings))


def kept(store: SqlStore, workspace: str = "default") -> list[dict[str, Any]]:
    """Executions in the order of storing, JSON decoded."""
    with store.executions.database.read() as connection:
        query = sa.select(EXECUTION).where(EXECUTION.c.workspace == workspace).order_by(EXECUTION.c.seq)
        rows = [dict(row._mapping) for row in connection.execute(query)]
    return [row | {"metadata": json.loads(row["metadata_json"] or "{}")} for row in rows]


def history(store: SqlStore) -> int:
    """How many contents were replaced."""
    with store.executions.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(EXECUTION_HISTORY)).scalar_one()


def added_up(report: ImportReport) -> bool:
    """Whether the counts of a report tell of everything that was read."""
    return report.read == report.stored + report.replaced + report.unchanged + report.rejected
