"""Suites on their way from files into the store: every line checked before the first is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from flywheel.capture.object_lines import objects
from flywheel.capture.reasons import shown
from flywheel.cli.text_files import read_utf8
from flywheel.errors import InputError, MappingError, RejectedLine
from flywheel.records.case import AnswerOption, Case

CASE_FIELDS = ("case_id", "inputs", "expected", "slice", "metadata")

OTHER_NAMES = {"task_id": "case_id", "id": "case_id", "input": "inputs", "question": "inputs"}
"""Column names that other tools use for a field of a case."""


def read_cases(path: Path, suite: str, workspace: str, mapping: Mapping[str, str]) -> tuple[Case, ...]:
    """Cases of a JSONL file, one a line.

    A text as inputs becomes `{"input": text}`. A missing id is derived from
    the inputs, so that the same case keeps its id. Columns that are no field of
    a case go to its metadata.

    Args:
        path: UTF-8, one JSON object a line; empty lines are skipped.
        suite: name of the suite.
        workspace: of the suite.
        mapping: columns of the file to fields of a case, before the names known by default.

    Raises:
        RejectedLine: a line cannot be a case.
        InputError: the file has no case, or two cases share an id.
        MappingError: the mapping names a field that does not exist.
    """
    unknown = sorted(set(mapping.values()) - set(CASE_FIELDS))
    if unknown:
        raise MappingError(
            f"--map names {unknown!r}; a case has {', '.join(CASE_FIELDS)}. Nothing was stored."
        )
    found: dict[str, Case] = {}
    for position, line in objects(path):
        case = _case(path, position, _fields(line, {**OTHER_NAMES, **mapping}), (suite, workspace))
        if case.case_id in found and found[case.case_id] != case:
            raise RejectedLine(
                str(path),
                position,
                "case_id",
                f"{case.case_id!r} names another case already. Nothing was stored.",
            )
        found[case.case_id] = case
    if not found:
        raise InputError(f"{str(path)!r} holds no case. Nothing was stored. Give one JSON object a line.")
    return tuple(found.values())


def read_options(path: Path) -> tuple[AnswerOption, ...]:
    """Permitted answers of a JSON array: names alone, or objects with name, description, slice.

    Raises:
        InputError: the file is something else.
        ValidationError: an option is something else.
    """
    try:
        listed = json.loads(read_utf8(path))
    except json.JSONDecodeError as error:
        listed = error
    if not isinstance(listed, list):
        raise InputError(
            f"{str(path)!r} is no JSON array ({shown(listed)}). Nothing was stored. "
            'Give ["a", "b"], or [{"name": "a", "description": "what it means"}].'
        )
    rows = [{"name": row} if isinstance(row, str) else row for row in listed]
    return tuple(TypeAdapter(list[AnswerOption]).validate_python(rows))


def parse_mapping(pairs: list[str]) -> dict[str, str]:
    """`SOURCE=FIELD` pairs of the command line.

    Raises:
        MappingError: a pair has no `=`.

    Examples:
        >>> parse_mapping(["task_id=case_id"])
        {'task_id': 'case_id'}
    """
    wrong = [pair for pair in pairs if not all(pair.partition("="))]
    if wrong:
        raise MappingError(f"--map {wrong[0]!r} is no SOURCE=FIELD. Nothing was stored.")
    return {source: field for source, _, field in (pair.partition("=") for pair in pairs)}


def id_of(inputs: object) -> str:
    """Id of a case that has none: the same inputs keep it.

    Examples:
        >>> id_of({"q": "a"}) == id_of({"q": "a"}) != id_of({"q": "b"})
        True
    """
    canonical = json.dumps(inputs, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()


def _fields(row: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for column, value in row.items():
        field = names.get(column, column)
        target = fields if field in CASE_FIELDS and field not in fields else rest
        target[field if target is fields else column] = value
    if isinstance(fields.get("inputs"), str):
        fields["inputs"] = {"input" if "question" not in row else "question": fields["inputs"]}
    if rest:
        kept = fields.get("metadata")
        fields["metadata"] = {**(kept if isinstance(kept, dict) else {}), **rest}
    return fields


def _case(path: Path, position: int, fields: dict[str, Any], belongs: tuple[str, str]) -> Case:
    suite, workspace = belongs
    if "case_id" not in fields:
        fields["case_id"] = id_of(fields.get("inputs"))
    try:
        return Case.model_validate({**fields, "suite": suite, "workspace": workspace})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or None
        raise RejectedLine(
            str(path), position, where, f"{first['msg']}, got {first['input']!r:.80}. Nothing was stored."
        ) from error
