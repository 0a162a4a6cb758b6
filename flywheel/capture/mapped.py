"""Columns of a foreign file read as the fields of a line of evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from flywheel.capture.careful import decoded
from flywheel.capture.conversions import Convert, of_cell, of_json, of_table, scaled
from flywheel.capture.lines import DECODE_ERRORS, LineReader, Row, is_suspicious
from flywheel.capture.mapping import ColumnMapping
from flywheel.capture.reasons import FIELDS, Refusal, shown, unknown_keys
from flywheel.capture.repeated import keys_in, repeated, told_once

_DECODE: Final = msgspec.json.Decoder(dict[str, Any]).decode
_BRACES: Final = re.compile(r"\{([^{}]+)\}")


class _Step(NamedTuple):
    """What becomes of one column.

    Attributes:
        target: the field it gives.
        key: where inside a JSON field, None for all of it.
        convert: into the type of the field, None when it has it.
        is_mapped: False when the column merely has the name of a field.
    """

    target: str
    key: str | None
    convert: Convert | None
    is_mapped: bool


class MappedReader:
    """Reads lines whose columns have other names.

    Args:
        mapping: columns to fields.
        reader: what reads the fields.
        prompt: name of the prompt where a line gives none; columns in braces, as
            in `bbh/{slice}`, are filled in.
        from_cells: the values are cells of CSV, texts that stand for numbers too.

    Examples:
        >>> from flywheel.capture.mapping import load_mapping
        >>> reader = MappedReader(load_mapping("recorded-runs"), LineReader(), prompt="bbh/{slice}")
        >>> row = reader.row(b'{"run_id": "r1", "passed": true, "slice": "dates", "latency_s": 0.5}')
        >>> row[1:3], row[14]
        (('r1', 'bbh/dates'), 500.0)
    """

    def __init__(
        self,
        mapping: ColumnMapping,
        reader: LineReader,
        *,
        prompt: str | None = None,
        from_cells: bool = False,
    ) -> None:
        self.mapping = mapping
        self.reader = reader
        self.prompt = prompt
        self.from_cells = from_cells
        self.unseen = set(mapping.required)
        """Columns that the user named and no line had so far."""
        self._steps = {name: self._step(name, name, is_mapped=False) for name in FIELDS}
        for column, target in mapping.fields.items():
            self._steps[column] = self._step(column, target, is_mapped=True)
        self._prompt_columns = tuple(dict.fromkeys(_BRACES.findall(prompt or "")))

    def row(self, line: bytes) -> Row | Refusal:
        """The row of a line of JSON."""
        try:
            columns = _DECODE(line)
            twice = None if told_once(line, keys_in(columns)) else repeated(line)
        except DECODE_ERRORS:
            data = decoded(line)
            if isinstance(data, Refusal):
                return data
            return repeated(line) or self.columns_row(data)
        return twice or self.columns_row(columns, suspicious=is_suspicious(line))

    def columns_row(self, columns: Mapping[str, Any], *, suspicious: bool = True) -> Row | Refusal:
        """The row of the columns of a line, by their names."""
        if self.unseen:
            self.unseen -= columns.keys()
        fields = self._fields(columns)
        if isinstance(fields, Refusal):
            return fields
        row = self.reader.fields_row(fields, suspicious=suspicious)
        return self._naming_column(row, columns) if isinstance(row, Refusal) else row

    def unknown(self, columns: Iterable[str]) -> list[str]:
        """Columns that the mapping rejects."""
        if self.mapping.rest != "reject":
            return []
        return [c for c in columns if c not in self._steps and c not in self.mapping.ignore]

    def gives(self, field: str, columns: Iterable[str]) -> bool:
        """Whether lines with these columns can have a field."""
        given = {self._steps[column].target for column in columns if column in self._steps}
        return field in given | self.mapping.constants.keys() | self.mapping.defaults.keys()

    def _step(self, column: str, target: str, *, is_mapped: bool) -> _Step:
        field, _, key = target.partition(".")
        if field == "metadata" and column != "metadata" and not key:
            key = column
        read = (of_cell if self.from_cells else of_json)(field)
        factor = self.mapping.factor(column, field)
        if factor is not None:
            read = scaled(field, factor, from_cells=self.from_cells)
        if column in self.mapping.values:
            read = of_table(field, self.mapping.values[column], read)
        return _Step(field, key or None, read, is_mapped)

    def _fields(self, columns: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        fields: dict[str, Any] = {}
        by_name: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        find, ignored = self._steps.get, self.mapping.ignore
        for column, value in columns.items():
            step = find(column)
            if step is None or column in ignored:
                if column not in ignored:
                    rest[column] = value
                continue
            if value is None:
                continue
            given = value if step.convert is None else step.convert(value)
            if type(given) is Refusal:
                return Refusal(given.field, f"{given.reason} (column {column!r})")
            if not step.is_mapped:
                by_name[column] = given
                continue
            refusal = _put(step, given, fields)
            if refusal is not None:
                return refusal
        return self._join(fields, by_name, rest) or self._completed(fields, columns)

    def _join(self, fields: dict[str, Any], by_name: dict[str, Any], rest: dict[str, Any]) -> Refusal | None:
        """Add the columns that nobody mapped; those that were mapped come first."""
        for name, value in by_name.items():
            if name not in fields:
                fields[name] = value
            elif name == "metadata" and isinstance(value, dict) and isinstance(fields[name], dict):
                fields[name] = {**value, **fields[name]}
            else:
                rest[name] = value
        if not rest:
            return None
        if self.mapping.rest == "reject":
            twice = next((name for name in rest if name in by_name), None)
            if twice is None:
                return unknown_keys(list(rest))
            return Refusal(twice, f"comes from another column too; use --map {twice}=metadata to keep both")
        kept = fields.get("metadata", {})
        if not isinstance(kept, dict):
            return Refusal("metadata", f"got {shown(kept)}, need an object, since other columns go there")
        fields["metadata"] = {**rest, **kept}
        return None

    def _completed(self, fields: dict[str, Any], columns: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        if self.mapping.defaults:
            fields = {**self.mapping.defaults, **fields}
        if self.mapping.constants:
            fields |= self.mapping.constants
        if self.prompt is None or "prompt" in fields:
            return fields
        name = self.prompt
        for column in self._prompt_columns:
            value = columns.get(column, fields.get(column))
            if isinstance(value, bool) or not isinstance(value, str | int):
                return Refusal("prompt", f"is named {self.prompt!r} and column {column!r} is {shown(value)}")
            name = name.replace(f"{{{column}}}", str(value))
        return {**fields, "prompt": name}

    def _naming_column(self, refusal: Refusal, columns: Mapping[str, Any]) -> Refusal:
        given = [c for c in columns if c in self._steps and self._steps[c].target == refusal.field]
        if not given or refusal.field in given:
            return refusal
        return Refusal(refusal.field, f"{refusal.reason} (column {given[0]!r})")


def _put(step: _Step, value: object, fields: dict[str, Any]) -> Refusal | None:
    """Set a field, or a key inside of it."""
    target, key = step.target, step.key
    if key is None:
        if target in fields:
            return Refusal(target, f"comes from two columns with {shown(fields[target])} and {shown(value)}")
        fields[target] = value
        return None
    inside = fields.setdefault(target, {})
    if not isinstance(inside, dict):
        return Refusal(target, f"got {shown(inside)}, need an object, since other columns go there")
    inside[key] = value
    return None
