"""Values of other tools in the words of an execution."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from flywheel.capture.conversions import of_cell
from flywheel.capture.plain import name, text
from flywheel.capture.reasons import FIELDS
from flywheel.capture.source_files import opened

OWN: Final = "flywheel."
"""Properties and attributes of other tools that begin so give the field they name."""

PASS_MARK: Final = 0.5
"""A score from here on counts as passed where a tool gives a score without saying what it means."""

_TYPED: Final = re.compile(
    r"(?P<kind>(?:[A-Za-z_][\w$]*\.)*[\w$]*(?:Error|Exception|Failure|Timeout|Exit|Interrupt|Warning))"
    r"(?: \[\w+\])?(?:: |:?$|(?P<call>\())",
    re.MULTILINE,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def kind_and_message(whole: str) -> tuple[str | None, str]:
    r"""The class of an error that begins a text, with what follows it.

    Examples:
        >>> kind_and_message("ValueError: no amount\n  at pay.js:3")
        ('ValueError', 'no amount\n  at pay.js:3')
        >>> kind_and_message("ValueError('no amount')")
        ('ValueError', 'no amount')
        >>> kind_and_message("no amount")
        (None, 'no amount')
    """
    match = _TYPED.match(whole)
    if match is None:
        return None, whole
    rest = whole[match.end() :]
    if match["call"] is not None:
        inside, _, after = rest.partition(")")
        rest = inside.removesuffix(",").strip("'\"") + after
    return name(match["kind"]), rest.strip() or whole


def outcome_of_score(score: object) -> str:
    """The outcome of a score that nothing explains.

    Examples:
        >>> outcome_of_score(0.8), outcome_of_score(0), outcome_of_score(None), outcome_of_score(True)
        ('passed', 'failed', 'unscored', 'passed')
    """
    if not isinstance(score, int | float) or math.isnan(score):
        return "unscored"
    return "passed" if score >= PASS_MARK else "failed"


def moment(value: object) -> object:
    """An RFC 3339 time; one without an offset is read as UTC, other things stay what they are.

    Examples:
        >>> moment("2026-11-21T12:32:21"), moment("2026-11-21 12:32:21.5+02:00"), moment("soon")
        ('2026-11-21T12:32:21+00:00', '2026-11-21T12:32:21.500000+02:00', 'soon')
    """
    if not isinstance(value, str):
        return value
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        return value
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).isoformat()


def moment_of_seconds(value: object) -> object:
    """An RFC 3339 time of seconds since 1970; what is no such number stays what it is.

    Examples:
        >>> moment_of_seconds(1795264371.5)
        '2026-11-21T12:32:51.500000+00:00'
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    try:
        return (_EPOCH + timedelta(seconds=value)).isoformat()
    except (OverflowError, ValueError):
        return str(value)


def milliseconds(start: object, end: object) -> float | None:
    """Between two times as `moment` gives them; None where one of them is no time.

    Examples:
        >>> milliseconds("2026-11-21T12:00:00+00:00", "2026-11-21T12:00:01.5+00:00")
        1500.0
    """
    try:
        first, last = (datetime.fromisoformat(str(value)) for value in (start, end))
        return round((last - first) / timedelta(milliseconds=1), 3)
    except (ValueError, TypeError, OverflowError):
        return None


def number(value: object) -> object:
    """A number that a tool wrote as text; what is none stays what it is.

    Examples:
        >>> number("12"), number("0.5"), number("a dozen"), number(3)
        (12, 0.5, 'a dozen', 3)
    """
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def text_or_json(value: object) -> object:
    """What a text holds that may be JSON.

    Examples:
        >>> text_or_json('{"a": 1}'), text_or_json("Paris")
        ({'a': 1}, 'Paris')
    """
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def own_fields(given: Mapping[str, object]) -> dict[str, object]:
    """Fields of a line that a user put into another tool's properties, as `flywheel.prompt`.

    Examples:
        >>> own_fields({"flywheel.prompt": "triage", "flywheel.score": "0.5", "tokens": "12"})
        {'prompt': 'triage', 'score': 0.5}
    """
    fields: dict[str, object] = {}
    for key, value in given.items():
        field = key.removeprefix(OWN)
        if not key.startswith(OWN) or field not in FIELDS:
            continue
        convert = of_cell(field) if isinstance(value, str) else None
        fields[field] = value if convert is None else convert(value)
    return {field: value for field, value in fields.items() if value is not None}


def named(value: object) -> str | None:
    """A name of at most 300 characters, of a text or a whole number.

    Examples:
        >>> named(7), named(""), named(True)
        ('7', None, None)
    """
    return name(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def explained(value: object) -> str | None:
    """A text for people, cut where it is very long."""
    if value is None or value == "":
        return None
    return text(value if isinstance(value, str) else json.dumps(value, default=str))


def known(line: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are known.

    Examples:
        >>> known({"score": 0, "model": None, "metadata": {}})
        {'score': 0}
    """
    return {key: value for key, value in line.items() if value is not None and value not in ({}, "")}


def digest(*parts: object) -> str:
    """16 hex digits that stand for some values.

    Examples:
        >>> digest("a", 1) == digest("a", 1) != digest("a", 2)
        True
    """
    whole = "\0".join(str(part) for part in parts)
    return hashlib.blake2b(whole.encode("utf-8", "replace"), digest_size=8).hexdigest()


def file_digest(path: Path) -> str | None:
    """16 hex digits that stand for the content of a file; None for a pipe, which can be read only once."""
    if not path.is_file():
        return None
    state = hashlib.blake2b(digest_size=8)
    with opened(path, decoded=b"") as source:
        while block := source.stream.read(2**20):
            state.update(block)
    return state.hexdigest()
