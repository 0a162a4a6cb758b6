"""Executions of a scope as arrays, fetched in chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from flywheel.records.columns import OUTCOMES, Coded, ExecutionColumns, Scope
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.execution_scope import VERSION_KEY, within

CHUNK_ROWS = 1_000
"""Small enough for the processor's cache: chunks of 20,000 take half as long again."""

_NUMBERS: Final = ("score", "confidence", "latency_ms", "cost_usd", "input_tokens", "output_tokens")
_STORED: Final = (*_NUMBERS, "started_at_us")
_TEXTS: Final = ("slice", "model", "agent", "case_id", "error_type")

OUTCOME_CODES: Final = {name: code for code, name in enumerate(OUTCOMES)}
"""Position in OUTCOMES of each name."""


class Codes(dict[str | None, int]):
    """Code of each text, given in order of first appearance; None is -1."""

    def __init__(self) -> None:
        super().__init__({None: -1})

    def __missing__(self, text: str | None) -> int:
        code = self[text] = len(self) - 1
        return code

    def of(self, texts: Sequence[str | None]) -> NDArray[np.int32]:
        """Codes of texts, new ones for new texts."""
        return np.fromiter(map(self.__getitem__, texts), np.int32, len(texts))

    def names(self) -> tuple[str, ...]:
        """Text of each code from 0 on."""
        return tuple(text for text in self if text is not None)


def columns_of(connection: Connection, scope: Scope) -> ExecutionColumns:
    """All executions of a scope as arrays, in the order they were stored.

    About 100 bytes a row are held besides the distinct texts.
    """
    row = EXECUTION.c
    query = (
        sa.select(row.seq, row.outcome, *(row[name] for name in (*_STORED, *_TEXTS)), VERSION_KEY)
        .where(within(scope))
        .order_by(row.seq)
    )
    coded = [Codes() for _ in (*_TEXTS, "version")]
    parts: list[list[NDArray[Any]]] = []
    for chunk in chunks(connection, query):
        seq, outcome, *rest = zip(*chunk, strict=True)
        parts.append(
            [
                np.array(seq, dtype=np.int64),
                np.fromiter(map(OUTCOME_CODES.__getitem__, outcome), np.int8, len(seq)),
                *map(floats, rest[: len(_STORED)]),
                *map(Codes.of, coded, rest[len(_STORED) :]),
            ]
        )
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return _columns(joined or _nothing(), [codes.names() for codes in coded])


def floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Numbers of a column; None becomes NaN."""
    # Columns nobody fills are common, and numpy is slow at turning None into NaN.
    if values.count(None) == len(values):
        return np.full(len(values), np.nan)
    return np.array(values, dtype=np.float64)


def _nothing() -> list[NDArray[Any]]:
    numbers = [np.empty(0) for _ in _STORED]
    codes = [np.empty(0, np.int32) for _ in (*_TEXTS, "version")]
    return [np.empty(0, np.int64), np.empty(0, np.int8), *numbers, *codes]


def _columns(arrays: Sequence[NDArray[Any]], names: Sequence[tuple[str, ...]]) -> ExecutionColumns:
    seq, outcome, *rest = arrays
    numbers = dict(zip(_NUMBERS, rest[: len(_NUMBERS)], strict=True))
    started_us, *codes = rest[len(_NUMBERS) :]
    slice_, model, agent, case, error_type, version = map(Coded, codes, names)
    return ExecutionColumns(
        seq=seq,
        outcome=outcome,
        started_at=started_us / 1e6,
        slice=slice_,
        model=model,
        agent=agent,
        case=case,
        error_type=error_type,
        version=version,
        **numbers,
    )


def digest_of(connection: Connection, scope: Scope) -> str:
    """Hash of the contents of a scope: their number with the sum of their digests.

    A sum does not depend on the order. It tells apart sets that differ by
    accident; it is no protection against somebody who builds a collision.
    """
    count = 0
    total = np.zeros(2, np.uint64)
    for chunk in chunks(connection, sa.select(EXECUTION.c.content_hash).where(within(scope))):
        joined = b"".join(content_hash for (content_hash,) in chunk)
        count += len(chunk)
        total += np.frombuffer(joined, dtype="<u8").reshape(-1, 2).sum(axis=0, dtype=np.uint64)
    return hashlib.sha256(count.to_bytes(8, "big") + total.astype("<u8").tobytes()).hexdigest()


def chunks(connection: Connection, query: sa.Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
    """Rows of a query, a chunk at a time; PostgreSQL keeps the rest on the server."""
    if connection.dialect.name == "sqlite":
        # The driver's own tuples save a fifth of the time; nothing read this way needs a conversion.
        cursor = connection.execute(query).cursor
        while chunk := cursor.fetchmany(CHUNK_ROWS):
            yield chunk
        return
    with connection.execute(query, execution_options={"yield_per": CHUNK_ROWS}) as result:
        yield from result.partitions()
