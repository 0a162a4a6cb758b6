"""When groups of failures were seen first, seen last, from all rows instead of those read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from flywheel.records.columns import OUTCOMES, Coded, ExecutionColumns
from flywheel.records.execution import Execution

MIN_PURE = 20
"""Failures of one signature that were read, all of one group, before the unread ones count as that group."""

_BAD = tuple(OUTCOMES.index(name) for name in ("failed", "error"))
_Signature = tuple[str | None, str | None, str | None]
Span = tuple[datetime, datetime]


def seen_in_all(
    columns: ExecutionColumns, failures: Sequence[Execution], groups: Sequence[Sequence[int]]
) -> list[Span | None]:
    """First and last moment of each group among all failures of the columns.

    A failure that was not read belongs to a group when its error type, slice
    and model were read at least 20 times in that group, never in another one.

    Args:
        columns: all executions.
        failures: those that were read.
        groups: positions of the members of each group among the failures.

    Returns:
        One span per group; None where no signature is the group's alone.
    """
    signatures = _pure(failures, groups)
    spans: list[Span | None] = [None] * len(groups)
    bad = np.isin(columns.outcome, _BAD) & ~np.isnan(columns.started_at)
    if not signatures or not bad.any():
        return spans
    joint = _joint(columns, bad)
    moments = columns.started_at[bad]
    codes = {_code_of(columns, s): group for s, group in signatures.items()}
    known = np.array(sorted(codes), dtype=np.int64)
    place = np.searchsorted(known, joint).clip(max=known.size - 1)
    mine = known[place] == joint
    owner = np.array([codes[int(code)] for code in known], dtype=np.int64)[place[mine]]
    first, last = np.full(len(groups), np.inf), np.full(len(groups), -np.inf)
    np.minimum.at(first, owner, moments[mine])
    np.maximum.at(last, owner, moments[mine])
    for group in np.flatnonzero(np.isfinite(first)):
        spans[group] = (_moment(float(first[group])), _moment(float(last[group])))
    return spans


def _pure(failures: Sequence[Execution], groups: Sequence[Sequence[int]]) -> dict[_Signature, int]:
    """Signatures that one group has to itself, often enough."""
    counts: dict[_Signature, dict[int, int]] = {}
    for group, members in enumerate(groups):
        for position in members:
            failure = failures[position]
            here = counts.setdefault((failure.error_type, failure.slice, failure.model), {})
            here[group] = here.get(group, 0) + 1
    return {
        signature: next(iter(here))
        for signature, here in counts.items()
        if len(here) == 1 and next(iter(here.values())) >= MIN_PURE
    }


def _joint(columns: ExecutionColumns, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    found = np.zeros(int(rows.sum()), dtype=np.int64)
    for coded in (columns.error_type, columns.slice, columns.model):
        found = found * (len(coded.names) + 1) + coded.codes[rows] + 1
    return found


def _code_of(columns: ExecutionColumns, signature: _Signature) -> int:
    found = 0
    for coded, name in zip((columns.error_type, columns.slice, columns.model), signature, strict=True):
        code = _code(coded, name)
        if code is None:
            return -1
        found = found * (len(coded.names) + 1) + code + 1
    return found


def _code(coded: Coded, name: str | None) -> int | None:
    if name is None:
        return -1
    return coded.names.index(name) if name in coded.names else None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
