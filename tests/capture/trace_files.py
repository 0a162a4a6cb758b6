"""Files of other tools, whole and spoilt, on their way into a store."""

from __future__ import annotations

import copy
import json
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st

from flywheel.capture.foreign import Item
from flywheel.capture.importing import ImportReport, ImportSettings, import_file
from flywheel.capture.source_files import SourceFile, opened
from flywheel.errors import InputError
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.open import SqlStore

DATA = Path(__file__).resolve().parents[1] / "data"
"""Files that real tools wrote; a README beside them says how."""

_WORKSPACES = count()


def _nest(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([1e308, -1, 0, 2**63, 10**400, -0.0, 1795264840513619100, float("nan"), float("inf")]),
    st.sampled_from(["", "\0", "\ud800", "NaN", "1e999", "soon", "9999-12-31T23:59:59+00:00", "x" * 400]),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.integers(min_value=1, max_value=400).map(_nest),
)
"""Values that stand where a tool would not put them."""

CHANGES = st.lists(st.tuples(st.integers(min_value=0, max_value=10**6), ODD), min_size=1, max_size=4)
"""Places of a document with what stands there instead."""

CUTS = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=1),
        st.integers(min_value=0, max_value=50),
        st.one_of(
            st.binary(max_size=6), st.sampled_from([b"{", b"]", b'"', b"\\", b"\xff\xfe", b"\n", b"\0"])
        ),
    ),
    max_size=4,
)
"""Places of a file in shares of its length, bytes that are lost there, bytes that come instead."""


def imported(path: Path, store: SqlStore, file_format: str, **settings: Any) -> ImportReport:
    """Import one file; what is rejected goes to a folder beside it."""
    folder = path.parent / "quarantine"
    if not path.is_relative_to(DATA):
        return import_file(
            path, store, ImportSettings(format=file_format, quarantine_folder=folder, **settings)
        )
    with tempfile.TemporaryDirectory() as elsewhere:
        quarantine = Path(elsewhere)
        return import_file(
            path, store, ImportSettings(format=file_format, quarantine_folder=quarantine, **settings)
        )


def stored(store: SqlStore, workspace: str = "default") -> list[dict[str, Any]]:
    """What is stored, in the order of its start."""
    query = sa.select(EXECUTION).where(EXECUTION.c.workspace == workspace)
    with store.executions.database.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
    for row in rows:
        for name in ("inputs", "output", "expected", "metadata_json", "models"):
            row[name.removesuffix("_json")] = json.loads(row[name]) if row[name] is not None else None
    return sorted(rows, key=lambda row: (row["started_at_us"] or 0, row["execution_id"]))


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    """Read, stored, replaced, unchanged, rejected."""
    return (report.read, report.stored, report.replaced, report.unchanged, report.rejected)


def check_survival(content: bytes, store: SqlStore, file_format: str) -> ImportReport | None:
    """A file that is spoilt is refused in words or read: all is accounted for, twice changes nothing."""
    workspace = f"w{next(_WORKSPACES)}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(content)
        try:
            first = imported(path, store, file_format, workspace=workspace)
            again = imported(path, store, file_format, workspace=workspace)
        except InputError:
            return None
    assert first.read == first.stored + first.replaced + first.unchanged + first.rejected
    assert counts(again) == (first.read, 0, 0, first.read - first.rejected, first.rejected)
    return first


def peak_of(read: Callable[[SourceFile], Iterator[Item]], path: Path) -> tuple[int, int]:
    """How many items a file has, and the most memory that reading them took."""
    tracemalloc.start()
    try:
        with opened(path, decoded=(b"PK",)) as source:
            items = sum(isinstance(item.line, dict) for item in read(source))
        return items, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def changed(document: Any, changes: list[tuple[int, Any]]) -> Any:
    """A document with other values in some places."""
    document = copy.deepcopy(document)
    for where, value in changes:
        places = list(_places(document))
        if places:
            holder, key = places[where % len(places)]
            holder[key] = value
    return document


def cut(content: bytes, cuts: list[tuple[float, int, bytes]]) -> bytes:
    """A file with bytes lost and others put in."""
    for share, lost, put in cuts:
        at = int(share * len(content))
        content = content[:at] + put + content[at + lost :]
    return content


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in pairs:
        yield value, key
        yield from _places(part)
