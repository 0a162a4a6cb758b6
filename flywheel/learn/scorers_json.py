"""Answers that must be JSON of a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend, validator_for
from pydantic import JsonValue

from flywheel.errors import InputError
from flywheel.learn.scorers_patterns import LONGEST_TEXT, limited_pattern
from flywheel.learn.scorers_result import Scored, Scoring, failed, graded, passed, shortened, unscored
from flywheel.learn.scorers_text import no_expectation
from flywheel.records.case import Case
from flywheel.records.scorer import SchemaRules

PATTERN_S = 1.0
"""Longest search of one `pattern` of a schema."""

_FENCE = re.compile(r"^```[\w+-]*[ \t]*\r?\n(.*?)\r?\n?```$", re.DOTALL)


def json_scoring(rules: SchemaRules) -> Scoring:
    """Scoring by a JSON Schema.

    Raises:
        InputError: the schema is none, or refers to something outside of itself.
    """
    validator = _validator(rules.json_schema)

    def score(case: Case, answer_text: str) -> Scored:
        expected = case.expected
        if rules.match == "fields" and not isinstance(expected, dict):
            return no_expectation(answer_text)
        read = json_in(answer_text, fenced=rules.fenced)
        if isinstance(read, Scored):
            return read
        value = read[0]
        try:
            fault = best_match(validator.iter_errors(value))
        except (TimeoutError, RecursionError) as error:
            return unscored(answer_text, "schema_timeout", f"the schema found no end: {type(error).__name__}")
        if fault is not None:
            where = f"at {fault.json_path}: " if fault.json_path != "$" else ""
            return failed(None, "schema_violation", shortened(f"{where}{fault.message}"))
        if rules.match == "fields" and isinstance(expected, dict):
            return _fields(value, expected, rules.pass_at)
        return passed(_said(value))

    return score


def json_in(answer_text: str, *, fenced: bool) -> tuple[JsonValue] | Scored:
    """The one JSON value an answer is, in a tuple, or why it is none.

    Examples:
        >>> json_in('{"a": 1}', fenced=False)
        ({'a': 1},)
        >>> json_in("Sure: {}", fenced=True).error_type
        'not_json'
    """
    text = answer_text.strip()
    fence = _FENCE.match(text)
    if fence and not fenced:
        return failed(None, "format_violation", "the JSON is in a code fence; need it alone")
    try:
        return (json.loads(fence[1] if fence else text, parse_constant=_refuse),)
    except (ValueError, RecursionError) as error:
        return failed(None, "not_json", f"{shortened(text)!r} is not JSON: {error}")


def _refuse(name: str) -> JsonValue:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)


def _fields(value: JsonValue, expected: Mapping[str, JsonValue], pass_at: float) -> Scored:
    got = value if isinstance(value, dict) else {}
    wrong = sorted(key for key in expected if key not in got or not _same(got[key], expected[key]))
    score = 1.0 - len(wrong) / len(expected) if expected else 1.0
    return graded(
        score, pass_at, _said(value), f"wrong or missing: {', '.join(wrong)}", {"wrong": list(wrong)}
    )


def _same(got: JsonValue, expected: JsonValue) -> bool:
    """Equal as JSON: 1 is 1.0, and neither is true."""
    if isinstance(got, bool) or isinstance(expected, bool):
        return got is expected
    if isinstance(got, list) and isinstance(expected, list):
        return len(got) == len(expected) and all(map(_same, got, expected))
    if isinstance(got, dict) and isinstance(expected, dict):
        return got.keys() == expected.keys() and all(_same(got[key], expected[key]) for key in got)
    return got == expected


def _said(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)[:1000]


def _validator(schema: dict[str, JsonValue]) -> Any:  # noqa: ANN401 - the library makes its classes at run time
    kind: Any = validator_for(schema, default=None) if "$schema" in schema else Draft202012Validator
    if kind is None:
        msg = f"$schema {schema['$schema']!r} is unknown. Nothing was run. Name a published draft, or none."
        raise InputError(msg)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        msg = f"The schema is no JSON Schema, at {error.json_path}: {shortened(error.message)}."
        raise InputError(f"{msg} Nothing was run. Correct it.") from error
    for key, value in _inside(schema):
        if key in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
            msg = f"{key} {value!r} leads out of the schema; need '#/...'. Nothing was run or fetched."
            raise InputError(f"{msg} Put it under $defs.")
        if key == "pattern" and isinstance(value, str):
            limited_pattern(value)
        if key == "patternProperties" and isinstance(value, dict):
            for pattern in value:
                limited_pattern(pattern)
    limited: Any = extend(kind, {"pattern": _pattern, "patternProperties": _pattern_properties})
    return limited(schema)


def _inside(schema: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    stack = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            yield from part.items()
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)


def _pattern(_validator: object, pattern: str, value: object, _schema: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and not _searched(pattern, value):
        yield ValidationError(f"{shortened(value)!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any,  # noqa: ANN401 - as above
    patterns: dict[str, Any],
    value: object,
    _schema: object,
) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for pattern, schema in patterns.items():
            for key, part in value.items():
                if _searched(pattern, key):
                    yield from validator.descend(part, schema, path=key, schema_path=pattern)


def _searched(pattern: str, text: str) -> bool:
    if len(text) > LONGEST_TEXT:
        raise TimeoutError
    return limited_pattern(pattern).search(text, timeout=PATTERN_S) is not None
