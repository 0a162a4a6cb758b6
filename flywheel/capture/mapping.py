"""Which column of a foreign file gives which field of a line of evidence."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from flywheel.capture.reasons import FIELDS, JSON_FIELDS, NUMBER_FIELDS, nearest_field, shown
from flywheel.errors import MappingError

EVERY_OTHER: Final = "*"
"""Stands for the columns that nothing else names, as in `*=metadata`."""

_TABLES: Final = ("fields", "scale", "values", "constants", "defaults")
_KEYS: Final = ("description", "rest", "ignore", *_TABLES)
_RESTS: Final = ("metadata", "reject")
_PAIR: Final = re.compile(
    r"(?P<source>.+?)(?:\*(?P<factor>[0-9]+(?:\.[0-9]+)?))?=(?P<target>[^=]+)", re.DOTALL
)
_SECONDS: Final = ("_s", "_sec", "_secs", "_seconds")


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Columns to fields.

    A column that nothing names and that has the name of a field gives that
    field. A target such as `inputs.question` puts the value under that key; a
    target `metadata` puts it under the name of its column.

    Attributes:
        fields: column to field.
        scale: column to the factor its numbers are multiplied by.
        values: column to a table from its values, as text, to those of the field.
        constants: field to a value that every line gets, whatever it says.
        defaults: field to a value for lines without one.
        ignore: columns that are left out.
        rest: what happens to all other columns: `metadata` or `reject`.
        required: columns the user named by hand, so that a typing error is noticed.

    Examples:
        >>> parse_pairs(["task_id=case_id"]).fields
        {'task_id': 'case_id'}
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    rest: str = "reject"
    required: frozenset[str] = frozenset()

    def __or__(self, other: ColumnMapping) -> ColumnMapping:
        """Both; where they differ the other one counts."""
        return ColumnMapping(
            fields={**self.fields, **other.fields},
            scale={**{c: f for c, f in self.scale.items() if c not in other.fields}, **other.scale},
            values={**{c: v for c, v in self.values.items() if c not in other.fields}, **other.values},
            constants={**self.constants, **other.constants},
            defaults={**self.defaults, **other.defaults},
            ignore=(self.ignore - other.fields.keys()) | other.ignore,
            rest=other.rest if other.rest != "reject" else self.rest,
            required=self.required | other.required,
        )

    def factor(self, column: str, target: str) -> float | None:
        """What numbers of a column are multiplied by; seconds become milliseconds by their names."""
        if column not in self.scale and column.endswith(_SECONDS) and target.endswith("_ms"):
            return 1000.0
        return self.scale.get(column)


def shipped_mappings() -> tuple[str, ...]:
    """Names of the mappings that come with flywheel.

    Examples:
        >>> shipped_mappings()
        ('recorded-runs',)
    """
    folder = files("flywheel.capture").joinpath("mappings")
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    )


def load_mapping(name: str) -> ColumnMapping:
    """A shipped mapping by its name, or one of a TOML file by its path.

    Raises:
        MappingError: there is none, it is not TOML, or it names a field that does not exist.

    Examples:
        >>> load_mapping("recorded-runs").fields["run_id"]
        'execution_id'
    """
    if name in shipped_mappings():
        text = files("flywheel.capture").joinpath("mappings", f"{name}.toml").read_text("utf-8")
        return mapping_of(name, tomllib.loads(text))
    try:
        content = tomllib.loads(Path(name).read_bytes().decode("utf-8"))
    except OSError as error:
        msg = (
            f"Mapping {name!r} cannot be read: {error.strerror or error}. Nothing was imported. "
            f"Give the path of a TOML file, or a shipped name: {', '.join(shipped_mappings())}."
        )
        raise MappingError(msg) from error
    except ValueError as error:
        msg = f"Mapping {name!r} is not TOML: {error}. Nothing was imported. Correct the file."
        raise MappingError(msg) from error
    return mapping_of(name, content)


def mapping_of(name: str, content: Mapping[str, Any]) -> ColumnMapping:
    """A mapping of the tables of a TOML file; docs/evidence.md lists them.

    Raises:
        MappingError: a key, a field or a value does not exist.
    """
    unknown = sorted(set(content) - set(_KEYS))
    if unknown:
        raise _wrong(name, f"has the keys {unknown!r}; it may have {', '.join(_KEYS)}")
    tables: dict[str, dict[str, Any]] = {key: content.get(key, {}) for key in _TABLES}
    for key, table in tables.items():
        if not isinstance(table, dict):
            raise _wrong(name, f"has {key} = {shown(table)}, need a table [{key}]")
    rest, ignored = content.get("rest", "reject"), content.get("ignore", [])
    if rest not in _RESTS:
        raise _wrong(name, f"has rest = {shown(rest)}, need one of {', '.join(_RESTS)}")
    if not (isinstance(ignored, list) and all(isinstance(column, str) for column in ignored)):
        raise _wrong(name, f"has ignore = {shown(ignored)}, need a list of columns")
    mapping = ColumnMapping(
        fields=tables["fields"],
        scale=tables["scale"],
        values=tables["values"],
        constants={key: _as_json(value) for key, value in tables["constants"].items()},
        defaults={key: _as_json(value) for key, value in tables["defaults"].items()},
        ignore=frozenset(ignored),
        rest=rest,
    )
    _check(name, mapping)
    return mapping


def parse_pairs(pairs: Iterable[str]) -> ColumnMapping:
    """The mapping of `SOURCE=FIELD` pairs of a command line.

    `SOURCE*1000=FIELD` multiplies, `*=metadata` keeps all other columns.

    Raises:
        MappingError: a pair has no `=`, or names a field that does not exist.

    Examples:
        >>> parse_pairs(["wait*60000=latency_ms", "*=metadata"]).scale
        {'wait': 60000.0}
    """
    mapping = ColumnMapping()
    for pair in pairs:
        match = _PAIR.fullmatch(pair)
        if pair == f"{EVERY_OTHER}=metadata":
            mapping = replace(mapping, rest="metadata")
            continue
        if pair.startswith(f"{EVERY_OTHER}="):
            raise _wrong(
                f"--map {pair}", f"sends all other columns to one field; need {EVERY_OTHER}=metadata"
            )
        if match is None:
            raise _wrong(f"--map {pair}", "is no SOURCE=FIELD")
        source, target, factor = match["source"], match["target"], match["factor"]
        scale = {} if factor is None else {source: float(factor)}
        one = ColumnMapping(fields={source: target}, scale=scale, required=frozenset({source}))
        _check(f"--map {pair}", one)
        mapping = mapping | one
    return mapping


def _check(name: str, mapping: ColumnMapping) -> None:
    targets = [*mapping.fields.values(), *mapping.constants, *mapping.defaults]
    for target in targets:
        _check_target(name, target)
    for column, factor in mapping.scale.items():
        target = mapping.fields.get(column, column)
        if isinstance(factor, bool) or not isinstance(factor, int | float):
            raise _wrong(name, f"scales {column!r} by {shown(factor)}, need a number")
        if target.partition(".")[0] not in NUMBER_FIELDS | JSON_FIELDS:
            raise _wrong(name, f"scales {column!r}, which gives {target!r}; that is no number")
    for column, table in mapping.values.items():
        if not isinstance(table, dict):
            raise _wrong(name, f"has values.{column} = {shown(table)}, need a table [values.{column}]")


def _check_target(name: str, target: object) -> None:
    if not isinstance(target, str):
        raise _wrong(name, f"names the field {shown(target)}, need its name as a text")
    base, dot, key = target.partition(".")
    if base not in FIELDS:
        guess = nearest_field(base)
        hint = f"did you mean {guess!r}?" if guess else f"there are {', '.join(FIELDS)}"
        raise _wrong(name, f"names the field {target!r}, which does not exist; {hint}")
    if dot and (base not in JSON_FIELDS or not key):
        raise _wrong(name, f"names {target!r}; only {', '.join(sorted(JSON_FIELDS))} have keys inside")


def _as_json(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _wrong(name: str, fault: str) -> MappingError:
    return MappingError(f"Mapping {name!r} {fault}. Nothing was imported. Correct it and repeat.")
