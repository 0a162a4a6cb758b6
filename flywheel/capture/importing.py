"""A file of evidence into the store: read, judge, batch, store, report.

Repeating an import changes nothing. A batch is one transaction, so an import
that was killed leaves whole batches behind; repeating it adds the rest.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from flywheel.capture import csv_rows, foreign, jsonl
from flywheel.capture.formats import COUNTS, FOREIGN, NOT_TEXT
from flywheel.capture.lines import LineReader, Row
from flywheel.capture.mapped import MappedReader
from flywheel.capture.mapping import ColumnMapping
from flywheel.capture.quarantine import Quarantine, Reject, Rejection
from flywheel.capture.reasons import Refusal, need, shown
from flywheel.capture.redacting import Redaction
from flywheel.capture.source_files import LINE_LIMIT, SourceFile, opened
from flywheel.errors import InputError
from flywheel.ports import WriteCounts
from flywheel.records.base import Name
from flywheel.settings import DEFAULT_DIRECTORY
from flywheel.store.open import SqlStore

FORMATS: Final = ("jsonl", "csv", *FOREIGN)
"""Formats that `import_file` reads."""

BATCH_ROWS: Final = 10_000
"""Rows of one transaction."""

BATCH_BYTES: Final = 16 * 2**20
"""Text of one transaction, so that long lines do not fill the memory."""

SHOWN_REJECTIONS: Final = 20
"""Rejections that a report carries; the file of reasons has all of them."""

_TOLD_AFTER: Final = 1_000
"""Rejected lines after which progress is told, since they fill no batch."""

_ESCAPED: Final = re.compile(r"(?<!\\)\\u([0-9A-Fa-f]{4})").sub

_HELD_BACK: Final = 4_096
"""Bytes at the end of a piece that wait for the next one."""

_NAME: Final = TypeAdapter[str](Name)


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """How a file is read.

    Attributes:
        format: one of FORMATS.
        workspace: of lines that name none.
        prompt: of lines that name none; columns in braces are filled in, as in `bbh/{slice}`.
        mapping: None where the columns have the names of the fields.
        dry_run: read and judge everything, write nothing at all.
        quarantine_folder: where rejected lines go.
        line_limit: bytes of the longest line that is read as evidence.
    """

    format: str = "jsonl"
    workspace: str = "default"
    prompt: str | None = None
    mapping: ColumnMapping | None = None
    dry_run: bool = False
    quarantine_folder: Path = Path(DEFAULT_DIRECTORY, "quarantine")
    line_limit: int = LINE_LIMIT


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: read = stored + replaced + unchanged + rejected.

    A dry run stores nothing, so there only read and rejected count.

    Attributes:
        read: lines or rows that are not empty.
        stored: new executions.
        replaced: executions that were there with other content, which is now in the history.
        unchanged: executions that were there already.
        rejected: lines that are no evidence.
        rejections: the first of them.
        quarantine_path: file with all rejected lines as they came, None without any.
        notes: what else a person should know.
        seconds: time taken; two reports are equal without it.
    """

    read: int = 0
    stored: int = 0
    replaced: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejections: tuple[Rejection, ...] = ()
    quarantine_path: Path | None = None
    notes: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)


def import_file(
    path: Path,
    store: SqlStore,
    settings: ImportSettings,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Import one file.

    Args:
        path: a file, packed with gzip or not, or a pipe.
        store: where executions go.
        settings: how the file is read.
        progress: called with the bytes of the file read so far.

    Raises:
        InputError: the file cannot be read, or is no text; what was stored before stays stored.
        MappingError: the file lacks a column that the mapping needs.
        StoreUnreachable: the store or the quarantine folder cannot be written.

    Examples:
        >>> import tempfile
        >>> from flywheel.store.open import open_store
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "runs.jsonl")
        ...     _ = path.write_text('{"execution_id": "r1", "prompt": "triage", "outcome": "passed"}')
        ...     store = open_store("sqlite://")
        ...     first = import_file(path, store, ImportSettings())
        ...     again = import_file(path, store, ImportSettings())
        >>> (first.stored, again.stored, again.unchanged)
        (1, 0, 1)
    """
    started = time.perf_counter()
    _check(settings)
    with opened(path, settings.line_limit, decoded=NOT_TEXT.get(settings.format, ())) as source:
        evidence = _EVIDENCE[settings.format](source, settings)
        quarantine = None if settings.dry_run else _quarantine(path, evidence, settings)
        tell = partial(_tell, source, progress)
        redaction = Redaction(store.workspaces.policy)
        rejections = Rejections(quarantine, tell, partial(redaction.text, workspace=settings.workspace))
        accepted, counts = 0, WriteCounts()
        with quarantine or nullcontext():
            for batch in _batches(source, evidence.rows(rejections)):
                accepted += len(batch)
                if not settings.dry_run:
                    counts += store.executions.write_rows(redaction.rows(batch))
                tell()
        unseen = sorted(evidence.reader.unseen) if evidence.reader is not None else []
    return ImportReport(
        read=accepted + rejections.count,
        stored=counts.stored,
        replaced=counts.replaced,
        unchanged=counts.unchanged,
        rejected=rejections.count,
        rejections=tuple(rejections.first),
        quarantine_path=quarantine.path if quarantine is not None and quarantine.kept else None,
        notes=tuple(_notes(source, accepted + rejections.count, unseen, evidence.left_out)),
        seconds=time.perf_counter() - started,
    )


class Rejections:
    """Counts rejected lines; keeps them redacted in quarantine unless this is a dry run."""

    def __init__(
        self, quarantine: Quarantine | None, tell: Callable[[], None], redact: Callable[[str], str]
    ) -> None:
        self.quarantine = quarantine
        self.tell = tell
        self.redact = redact
        self.count = 0
        self.first: list[Rejection] = []

    def __call__(self, rejection: Rejection, pieces: Iterable[bytes]) -> None:
        """Count a rejected line and keep its bytes."""
        self.count += 1
        at_fault = None if rejection.field is None else self.redact(rejection.field)
        rejection = replace(rejection, field=at_fault, reason=self.redact(rejection.reason))
        if len(self.first) < SHOWN_REJECTIONS:
            self.first.append(rejection)
        if self.count % _TOLD_AFTER == 0:
            self.tell()
        if self.quarantine is not None:
            self.quarantine.keep(rejection, map(self._redacted, _between_commas(pieces)))
            return
        for _ in pieces:
            # The rest of a long line has to be read before the next one can be.
            pass

    def _redacted(self, piece: bytes) -> bytes:
        text = piece.decode("utf-8", "surrogateescape")
        plain = _ESCAPED(_unescaped, text) if "\\u" in text else text
        clean = self.redact(plain)
        return piece if clean is plain else clean.encode("utf-8", "surrogateescape")


def _between_commas(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in other pieces, cut where nothing private is cut in two."""
    held = b""
    for piece in pieces:
        held += piece
        cut = held.rfind(b",", 0, -_HELD_BACK) + 1 or (len(held) if len(held) > LINE_LIMIT else 0)
        if cut:
            yield held[:cut]
            held = held[cut:]
    yield held


def _unescaped(found: re.Match[str]) -> str:
    """A character that JSON allows as itself, so that what it is part of is seen."""
    code = int(found[1], 16)
    is_free = code >= 32 and chr(code) not in '"\\' and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_free else found[0]


@dataclass(frozen=True, slots=True)
class _Evidence:
    """One opened file in its format."""

    rows: Callable[[Reject], Iterator[Row]]
    suffix: str
    heading: bytes
    reader: MappedReader | None
    left_out: Counter[str] = field(default_factory=Counter)


def _jsonl(source: SourceFile, settings: ImportSettings) -> _Evidence:
    if settings.mapping is None and "{" not in (settings.prompt or ""):
        mapped, read = None, LineReader(settings.workspace, settings.prompt, "jsonl").row
    else:
        mapped = _mapped(settings)
        read = mapped.row
    return _Evidence(lambda reject: jsonl.jsonl_rows(source, read, reject), jsonl.SUFFIX, b"", mapped)


def _csv(source: SourceFile, settings: ImportSettings) -> _Evidence:
    mapped = _mapped(settings)
    table = csv_rows.CsvRows(source, mapped)
    return _Evidence(table.rows, csv_rows.SUFFIX, table.heading, mapped)


def _foreign(source: SourceFile, settings: ImportSettings) -> _Evidence:
    if settings.mapping is None and "{" not in (settings.prompt or ""):
        mapped = None
        read: Callable[[dict[str, Any]], Row | Refusal] = LineReader(
            settings.workspace, settings.prompt, settings.format
        ).fields_row
    else:
        mapped = _mapped(settings)
        read = mapped.columns_row
    left_out: Counter[str] = Counter()
    items = FOREIGN[settings.format](source)

    def rows(reject: Reject) -> Iterator[Row]:
        return foreign.rows_of(items, read, reject, left_out, COUNTS[settings.format])

    return _Evidence(rows, foreign.SUFFIX, b"", mapped, left_out)


_EVIDENCE: Final = {"jsonl": _jsonl, "csv": _csv, **dict.fromkeys(FOREIGN, _foreign)}


def _quarantine(path: Path, evidence: _Evidence, settings: ImportSettings) -> Quarantine:
    return Quarantine(settings.quarantine_folder, path, evidence.suffix, evidence.heading)


def _mapped(settings: ImportSettings) -> MappedReader:
    return MappedReader(
        settings.mapping or ColumnMapping(),
        LineReader(settings.workspace, None, settings.format),
        prompt=settings.prompt,
        from_cells=settings.format == "csv",
    )


def _tell(source: SourceFile, progress: Callable[[int], None] | None) -> None:
    if progress is not None:
        progress(source.disk.count)


def _batches(source: SourceFile, rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    bytes_read = source.unpacked
    full_at = BATCH_BYTES
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS or bytes_read.count > full_at:
            yield batch
            batch = []
            full_at = bytes_read.count + BATCH_BYTES
    yield batch


def _check(settings: ImportSettings) -> None:
    if settings.format not in FORMATS:
        msg = f"Format {settings.format!r} is unknown, need one of {', '.join(FORMATS)}. Nothing was read."
        raise InputError(msg)
    for name in ("workspace", "prompt"):
        value = getattr(settings, name)
        try:
            if value is not None and "\0" in _NAME.validate_python(value):
                raise InputError(f"The {name} has the character NUL in it. Nothing was read. Take it out.")
        except ValidationError as error:
            msg = f"The {name} is {shown(value)}, need {need(name)}. Nothing was read. Give another name."
            raise InputError(msg) from error


def _notes(source: SourceFile, read: int, unseen: list[str], left_out: Counter[str]) -> Iterator[str]:
    # A byte-order mark alone is three bytes.
    path, is_empty = source.path, source.unpacked.count <= 3
    for what, count in left_out.items():
        yield f"{count:,} {what} were left out of {str(path)!r}."
    if not read and not left_out:
        what = "is empty" if is_empty else "tells of no execution"
        yield f"{str(path)!r} {what}: nothing was read, nothing was stored."
    elif unseen:
        yield f"--map names {', '.join(map(repr, unseen))}, and no line has such a column."
