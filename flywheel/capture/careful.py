"""The careful reading of what the fast one refused: `Execution` decides, a refusal says why."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from flywheel.capture.reasons import (
    JSON_FIELDS,
    NUMBER_FIELDS,
    Refusal,
    first_field_where,
    got_and_need,
    refusal_of,
    shown,
)
from flywheel.learn.redaction_trigger import may_hold_private
from flywheel.records.execution import Execution

_CALENDAR_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d.").match


def decoded(line: bytes) -> dict[str, Any] | Refusal:
    r"""The object on a line that msgspec may have refused, or why there is none.

    Examples:
        >>> decoded(b'{"score": .5}').reason
        'is not JSON: Expecting value at character 11, near \'{"score": .5}\''
        >>> decoded(b'[1]').reason
        'got [1], need a JSON object'
    """
    try:
        data = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Refusal(None, f"byte {error.start} of the line is {line[error.start]:#04x}, need UTF-8 text")
    except RecursionError:
        return Refusal(None, "is nested too deeply, need JSON of at most 255 levels")
    except json.JSONDecodeError as error:
        # A piece of a line with something private could be a piece of just that.
        near = error.doc[max(0, error.pos - 20) : error.pos + 20].strip()
        place = "" if may_hold_private(error.doc) else f", near {shown(near)}"
        return Refusal(None, f"is not JSON: {error.msg} at character {error.pos + 1}{place}")
    except ValueError:
        return Refusal(None, "holds a whole number of more than 4300 digits, need shorter ones")
    if not isinstance(data, dict):
        return Refusal(None, f"got {shown(data)}, need a JSON object")
    return data


def careful(data: Mapping[str, Any]) -> Execution | Refusal:
    """An execution of the fields of a line, or why there is none.

    Stricter than `Execution` alone where a file could not mean it: a number
    is a number of JSON rather than a text or a truth value, a time is a text
    with date and offset, a text column has no NUL.

    Args:
        data: as decoded, with all defaults of the import filled in.

    Examples:
        >>> careful({"execution_id": "r1", "outcome": "passed", "latency_ms": "12"}).reason
        "got '12', need a finite number of 0 or more, or null"
    """
    for check in (_unfit_number, _unfit_text, _unfit_time):
        refusal = check(data)
        if refusal is not None:
            return refusal
    try:
        return Execution.model_validate(data)
    except ValidationError as error:
        return refusal_of(error)
    except OverflowError:
        # Raised by Pydantic for a moment that has no UTC within the years 1 to 9999.
        return got_and_need("started_at", data.get("started_at"))


def _unfit_number(data: Mapping[str, Any]) -> Refusal | None:
    field = first_field_where(data, lambda part: isinstance(part, float) and not math.isfinite(part))
    if field is not None:
        return Refusal(field, "got NaN, Infinity or a number beyond 1.8e308, need finite numbers")
    for name in NUMBER_FIELDS & data.keys():
        if isinstance(data[name], bool | str):
            return got_and_need(name, data[name])
    uses = data.get("models")
    for position, use in enumerate(uses if isinstance(uses, list) else ()):
        for name, value in use.items() if isinstance(use, dict) else ():
            if name != "model" and isinstance(value, bool | str):
                return Refusal(f"models[{position}].{name}", f"got {shown(value)}, need a number, or null")
    return None


def _unfit_text(data: Mapping[str, Any]) -> Refusal | None:
    field = first_field_where(data, is_half)
    if field is not None:
        return Refusal(field, "got half a character (a lone surrogate), need whole ones")
    for name, value in data.items():
        if isinstance(value, str) and "\0" in value and name not in JSON_FIELDS:
            return Refusal(name, "got a text with the character NUL, which no text column keeps; take it out")
    return None


def _unfit_time(data: Mapping[str, Any]) -> Refusal | None:
    moment = data.get("started_at")
    if moment is not None and not (isinstance(moment, str) and _CALENDAR_TIME(moment)):
        return got_and_need("started_at", moment)
    return None


def is_half(part: object) -> bool:
    r"""Whether a text holds a lone surrogate, which no encoding of text takes.

    Examples:
        >>> is_half("\ud83d"), is_half("\U0001f600")
        (True, False)
    """
    if not isinstance(part, str) or part.isascii():
        return False
    try:
        part.encode()
    except UnicodeEncodeError:
        return True
    return False
