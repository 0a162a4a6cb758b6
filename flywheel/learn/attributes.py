"""Attributes of executions as codes, for searches over their combinations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from flywheel.records.columns import OUTCOMES, Coded, ExecutionColumns
from flywheel.records.execution import Execution, Outcome

PASSED, FAILED, ERROR = (OUTCOMES.index(name) for name in ("passed", "failed", "error"))
MAX_TAG_VALUES = 40
MAX_TAGS = 12
MAX_DAYS = 45
DAY_S = 86_400
BUCKETS = (0.25, 0.5, 0.75)
"""Numbers are cut at their quartiles."""

_NAMES = ("prompt", "model", "version", "slice", "agent", "suite", "source")
_NOT_TAGS = ("answer", "passed", "passed_strict", "score")


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """Scored executions with their attributes, n rows.

    Attributes:
        columns: each attribute with codes of shape (n,), -1 unknown.
        failed: bool, shape (n,); failed or errored.
    """

    columns: Mapping[str, Coded]
    failed: NDArray[np.bool_]


def attributes_of_columns(columns: ExecutionColumns) -> AttributeTable:
    """Names, bucketed input tokens, times of all scored executions."""
    scored = np.isin(columns.outcome, (PASSED, FAILED, ERROR))
    found = {
        name: Coded(coded.codes[scored], coded.names)
        for name, coded in (
            ("model", columns.model),
            ("version", columns.version),
            ("slice", columns.slice),
            ("agent", columns.agent),
        )
    }
    found["input_tokens"] = bucketed(columns.input_tokens[scored])
    found.update(times_of(columns.started_at[scored]))
    return AttributeTable(found, columns.outcome[scored] != PASSED)


def attributes_of(executions: Sequence[Execution]) -> AttributeTable:
    """Names, times, input length, features of the input, tags of executions with their texts."""
    rows = [e for e in executions if e.outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.ERROR)]
    found = {name: coded([getattr(row, name) for row in rows]) for name in _NAMES}
    moments = [np.nan if e.started_at is None else e.started_at.timestamp() for e in rows]
    found.update(times_of(np.array(moments, dtype=float)))
    texts = [_input_text(e) for e in rows]
    found["input_length"] = bucketed(np.array([np.nan if t is None else len(t) for t in texts], dtype=float))
    found["input_tokens"] = bucketed(
        np.array([np.nan if e.input_tokens is None else e.input_tokens for e in rows], dtype=float)
    )
    for name, feature in _FEATURES.items():
        found[name] = coded([None if t is None else feature(t) for t in texts])
    found.update(_tags(rows))
    return AttributeTable(found, np.array([e.outcome is not Outcome.PASSED for e in rows], dtype=bool))


def times_of(seconds: NDArray[np.float64]) -> dict[str, Coded]:
    """Hour of the day, with the day; the month where there are more days than a person tells apart.

    Args:
        seconds: since 1970 in UTC; NaN is unknown.

    Examples:
        >>> times_of(np.array([0.0, 90_000.0, np.nan]))["day"].names
        ('1970-01-01', '1970-01-02')
    """
    known = ~np.isnan(seconds)
    days = seconds[known] // DAY_S
    found = {"hour": _numbered(known, seconds[known] % DAY_S // 3600, lambda hour: f"{int(hour):02}h UTC")}
    if np.unique(days).size <= MAX_DAYS:
        return {**found, "day": _numbered(known, days, lambda day: str(np.datetime64(int(day), "D")))}
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.float64)
    return {**found, "month": _numbered(known, months, lambda month: str(np.datetime64(int(month), "M")))}


def _numbered(known: NDArray[np.bool_], values: NDArray[np.float64], name: Callable[[float], str]) -> Coded:
    """Values of the known rows as codes in ascending order."""
    codes = np.full(known.size, -1, dtype=np.int32)
    distinct, codes[known] = np.unique(values, return_inverse=True)
    return Coded(codes, tuple(name(float(value)) for value in distinct))


def coded(values: Sequence[str | None]) -> Coded:
    """Texts as codes in order of first appearance; None is -1."""
    codes: dict[str | None, int] = {None: -1}
    row = np.fromiter((codes.setdefault(v, len(codes) - 1) for v in values), np.int32, len(values))
    return Coded(row, tuple(v for v in codes if v is not None))


def bucketed(values: NDArray[np.float64]) -> Coded:
    """Numbers cut at their quartiles; NaN is unknown.

    Examples:
        >>> bucketed(np.array([1.0, 2.0, 3.0, 4.0, np.nan])).names
        ('up to 1.75', '1.75 to 2.5', '2.5 to 3.25', 'above 3.25')
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return Coded(np.full(values.size, -1, dtype=np.int32), ())
    cuts = np.unique(np.quantile(known, BUCKETS))
    codes = np.searchsorted(cuts, values, side="left").astype(np.int32)
    codes[np.isnan(values)] = -1
    words = [f"{cut:,.6g}" for cut in cuts]
    between = [f"{a} to {b}" for a, b in pairwise(words)]
    return Coded(codes, (f"up to {words[0]}", *between, f"above {words[-1]}"))


def _input_text(execution: Execution) -> str | None:
    inputs = execution.inputs
    if isinstance(inputs, dict):
        return " ".join(str(v) for v in inputs.values())
    return None if inputs is None else str(inputs)


def _tags(rows: Sequence[Execution]) -> dict[str, Coded]:
    """Short texts in the metadata that take few values."""
    keys: dict[str, set[str]] = {}
    for row in rows:
        if isinstance(row.metadata, dict):
            for key, value in row.metadata.items():
                if isinstance(value, str | bool) and key not in _NOT_TAGS:
                    keys.setdefault(key, set()).add(str(value))
    few = [key for key in sorted(keys) if 1 < len(keys[key]) <= MAX_TAG_VALUES][:MAX_TAGS]
    return {f"metadata.{key}": coded([_tag(row, key) for row in rows]) for key in few}


def _tag(row: Execution, key: str) -> str | None:
    value = row.metadata.get(key) if isinstance(row.metadata, dict) else None
    return str(value) if isinstance(value, str | bool) else None


def _numbers_in(text: str) -> str:
    count = len(re.findall(r"\d+", text))
    return "none" if count == 0 else "1 or 2" if count <= 2 else "3 or more"


_FEATURES: dict[str, Callable[[str], str]] = {
    "numbers in the input": _numbers_in,
    "question mark": lambda text: "with" if "?" in text else "without",
    "lines of the input": lambda text: "one" if "\n" not in text.strip() else "several",
    "letters beyond ASCII": lambda text: "none" if text.isascii() else "some",
}

COMPUTED = frozenset({"hour", "day", "month", "input_length", "input_tokens", *_FEATURES})
"""Attributes that nobody named: they are computed from the input, or the clock."""
