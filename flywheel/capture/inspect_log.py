"""Executions of the logs of Inspect, as documents of JSON or packed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flywheel.capture.foreign import Item, LeftOut
from flywheel.capture.inspect_sample import sample_line
from flywheel.capture.inspect_zip import Archive, Damaged, opened_archive
from flywheel.capture.json_items import ENTERED, Part, Path, json_parts
from flywheel.capture.reasons import Refusal, shown
from flywheel.capture.source_files import SourceFile

BEGINS: Final = b"PK"
"""How a packed log begins."""

FIELDS: Final = (
    "id",
    "uuid",
    "epoch",
    "input",
    "choices",
    "target",
    "output",
    "score",
    "scores",
    "metadata",
    "model_usage",
    "started_at",
    "total_time",
    "working_time",
    "error",
    "error_retries",
    "limit",
)
"""What is read of a sample; its events, the greater part of it by far, are passed over."""

_EVAL: Final = ("eval",)
_SAMPLE: Final = ("samples", "*")
_HEADERS: Final = ("header.json", "_journal/start.json")
_FOLDER: Final = "samples/"
_NONE: Final = LeftOut("logs without samples")


def inspect_items(source: SourceFile) -> Iterator[Item]:
    """One item for each sample in each epoch.

    Positions count samples.
    """
    if source.stream.peek(2)[:2] == BEGINS:
        with opened_archive(source) as archive:
            yield from _packed_items(archive)
    else:
        yield from _document_items(source)


def _document_items(source: SourceFile) -> Iterator[Item]:
    evaluation: dict[str, Any] = {}
    samples = _Samples(_SAMPLE)
    parts = json_parts(source, (_EVAL, *((*_SAMPLE, field) for field in FIELDS)), (_SAMPLE,))
    is_log = False
    for part in parts:
        if part.path == _EVAL:
            is_log = True
            evaluation = part.value if isinstance(part.value, dict) else {}
        elif part.path == () and not isinstance(part.value, Refusal):
            fault = f"got {shown(part.value)}, need a log of Inspect with eval and samples"
            yield from samples.fault(Refusal(None, fault), part.raw, part.line)
        elif isinstance(part.value, Refusal) and part.path == ():
            yield from samples.fault(part.value, part.raw, part.line)
        else:
            yield from samples.take(part, evaluation)
    yield from samples.rest(evaluation)
    if is_log and not samples.position:
        yield Item(0, _NONE)


def _packed_items(archive: Archive) -> Iterator[Item]:
    evaluation = _evaluation(archive)
    names = [name for name in archive.members if name.startswith(_FOLDER) and name.endswith(".json")]
    samples = _Samples(())
    for name in names:
        try:
            yield from _member_items(archive, name, samples, evaluation)
        except Damaged as damage:
            yield from samples.fault(
                Refusal(None, f"member {name!r} {damage}"), json.dumps({"member": name}).encode()
            )
    if archive.fault is not None:
        reason = f"the archive is cut or damaged: {archive.fault}; the samples found before that are stored"
        yield from samples.fault(Refusal(None, reason), json.dumps({"archive": archive.fault}).encode())
    elif not names:
        yield Item(0, _NONE)


def _member_items(
    archive: Archive, name: str, samples: _Samples, evaluation: dict[str, Any]
) -> Iterator[Item]:
    before = samples.position
    for part in json_parts(archive.member(name), [(field,) for field in FIELDS], ((),)):
        if part.path == () and part.value is not ENTERED:
            reason = part.value.reason if isinstance(part.value, Refusal) else f"got {shown(part.value)}"
            yield from samples.fault(Refusal(None, f"member {name!r} {reason}"), part.raw)
        else:
            yield from samples.take(part, evaluation)
    yield from samples.rest(evaluation)
    if samples.position == before:
        yield from samples.fault(Refusal(None, f"member {name!r} is empty, need a sample"), b"")


def _evaluation(archive: Archive) -> dict[str, Any]:
    """What the header says of the eval; that of a log whose eval was killed is in its journal."""
    for name in _HEADERS:
        if name not in archive.members:
            continue
        try:
            for part in json_parts(archive.member(name), (_EVAL,)):
                if part.path == _EVAL and isinstance(part.value, dict):
                    return part.value
        except Damaged:
            continue
    return {}


class _Samples:
    """Puts the parts of samples together."""

    def __init__(self, begin: Path) -> None:
        self.begin = begin
        self.position = 0
        self._open: dict[str, Any] | None = None
        self._fault: Refusal | None = None
        self._raw = b""
        self._line: int | None = None

    def take(self, part: Part, evaluation: Mapping[str, Any]) -> Iterator[Item]:
        """What is complete when a part comes."""
        if part.path == self.begin:
            yield from self.rest(evaluation)
            self.position += 1
            self._open, self._line = {}, part.line if self.begin else None
            if part.value is not ENTERED:
                self._fault = _wrong(part.value)
                self._raw = part.raw or json.dumps(part.value, default=str).encode()
        elif isinstance(part.value, Refusal):
            self._fault, self._raw = Refusal(part.path[-1], part.value.reason), part.raw
        elif self._open is not None:
            self._open[part.path[-1]] = part.value

    def rest(self, evaluation: Mapping[str, Any]) -> Iterator[Item]:
        """The sample that is open."""
        sample, fault, raw = self._open, self._fault, self._raw
        self._open, self._fault, self._raw = None, None, b""
        if sample is None:
            return
        if fault is None and sample.get("id") is None:
            fault, raw = _wrong(sample), json.dumps(sample, default=str).encode()
        yield Item(self.position, fault or sample_line(sample, evaluation), raw, self._line)

    def fault(self, refusal: Refusal, raw: bytes, line: int | None = None) -> Iterator[Item]:
        """The sample that is open cannot be completed."""
        if self._open is None:
            self.position += 1
        self._open, self._fault, self._raw = None, None, b""
        yield Item(self.position, refusal, raw, line)


def _wrong(value: object) -> Refusal:
    told = value.reason if isinstance(value, Refusal) else f"got {shown(value)}"
    return Refusal(None, f"{told}, need a sample with an id")
