"""Executions that a program hands over in one piece of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from flywheel.capture.careful import decoded
from flywheel.capture.lines import DECODE_ERRORS, LineReader, Row
from flywheel.capture.reasons import Refusal, shown
from flywheel.capture.redacting import Redaction
from flywheel.errors import InputError
from flywheel.ports import WriteCounts
from flywheel.records.intake import Intake, RejectedItem
from flywheel.store.execution_rows import ROW_COLUMNS
from flywheel.store.open import SqlStore

SOURCE: Final = "http"
"""Source of executions that name none."""

BATCH_ROWS: Final = 10_000
"""Rows of one transaction."""

SHOWN_REJECTIONS: Final = 50
"""Rejections with their reasons in one answer; the others are counted."""

_WORKSPACE: Final = ROW_COLUMNS.index("workspace")
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def take_posted(body: bytes, store: SqlStore, workspace: str, *, by_line: bool = False) -> Intake:
    """Judge, redact and store what one request carries, as `flywheel import jsonl` does with lines.

    What is stored already is left alone, so that the same request twice
    changes nothing the second time. Each 10,000 executions are one
    transaction: a request that broke off is sent again as it was.

    Args:
        body: one object, or a list of them; with `by_line` one object a line.
        store: where executions go.
        workspace: whose they are; an item that names another is rejected.
        by_line: the body is JSON lines.

    Raises:
        InputError: the body is no JSON, or neither an object nor a list.
        StoreUnreachable: the store cannot be written.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> store = open_store("sqlite://")
        >>> body = b'[{"execution_id": "r1", "outcome": "passed"}, {"outcome": "good"}]'
        >>> first, again = (take_posted(body, store, "default") for _ in range(2))
        >>> (first.stored, first.rejected, again.unchanged, first.rejections[0].position)
        (1, 1, 1, 2)
    """
    reader = LineReader(workspace, None, SOURCE)
    redaction = Redaction(store.workspaces.policy)
    refused: list[tuple[int, Refusal]] = []
    counts, taken = WriteCounts(), 0
    rows = _rows(body.split(b"\n") if by_line else _items(body), reader, refused)
    while batch := list(islice(rows, BATCH_ROWS)):
        taken += len(batch)
        counts += store.executions.write_rows(redaction.rows(batch))
    return Intake(
        read=taken + len(refused),
        stored=counts.stored,
        replaced=counts.replaced,
        unchanged=counts.unchanged,
        rejected=len(refused),
        rejections=_told(refused, redaction, workspace),
    )


def _items(body: bytes) -> Sequence[bytes]:
    """The items of a body, each as the bytes it came in."""
    if body.lstrip(b" \t\r\n")[:1] == b"[":
        try:
            return [bytes(item) for item in _ITEMS(body)]
        except DECODE_ERRORS as error:
            raise InputError(_no_json(str(error))) from error
    found = decoded(body)
    if isinstance(found, Refusal):
        raise InputError(_no_json(found.reason))
    return [body]


def _no_json(why: str) -> str:
    return (
        f"The body cannot be read as executions: {why}. Nothing was stored. Send one JSON object, a JSON "
        "list of objects, or one object a line as application/x-ndjson."
    )


def _rows(items: Iterable[bytes], reader: LineReader, refused: list[tuple[int, Refusal]]) -> Iterator[Row]:
    for position, item in enumerate(items, start=1):
        if not item or item.isspace():
            continue
        row = reader.row(item)
        if isinstance(row, Refusal):
            refused.append((position, row))
        elif row[_WORKSPACE] != reader.workspace:
            reason = f"got {shown(row[_WORKSPACE])}, need {shown(reader.workspace)}, or leave it out"
            refused.append((position, Refusal("workspace", reason)))
        else:
            yield row


def _told(
    refused: Sequence[tuple[int, Refusal]], redaction: Redaction, workspace: str
) -> tuple[RejectedItem, ...]:
    """The first rejections, without what is private."""
    return tuple(
        RejectedItem(
            position=position,
            field=None if refusal.field is None else redaction.text(refusal.field, workspace),
            reason=redaction.text(_without_options(refusal.reason), workspace),
        )
        for position, refusal in refused[:SHOWN_REJECTIONS]
    )


def _without_options(reason: str) -> str:
    """A reason without the options of the command line that help with a file."""
    return reason.partition(" Use --map")[0].partition("; use --map")[0]
