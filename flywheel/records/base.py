"""The base of all records: frozen, closed, finite, in UTC."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        msg = f"{moment.isoformat()} lies outside the years 1 to 9999 in UTC"
        raise ValueError(msg) from error


def finite(value: JsonValue) -> JsonValue:
    """The same JSON value; NaN or infinity anywhere inside is refused.

    Raises:
        ValueError: a number is not finite, so it is no JSON.

    Examples:
        >>> finite({"a": [1, 2.5, None]})
        {'a': [1, 2.5, None]}
    """
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, float) and not math.isfinite(part):
            msg = f"{part!r} is no JSON number; leave it out or write null"
            raise ValueError(msg)
        if isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
    return value


FiniteJson = Annotated[JsonValue, AfterValidator(finite)]
"""Any JSON value without NaN or infinity."""


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A moment with an offset, kept in UTC; a naive time is refused."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
"""A fraction in [0, 1]."""

Count = Annotated[int, Field(ge=0, lt=2**63)]
"""A number of things, 0 or more; what a database keeps in eight bytes."""

NonNegative = Annotated[float, Field(ge=0.0)]
"""A finite amount, 0 or more."""

Name = Annotated[str, Field(min_length=1, max_length=300)]
"""A name a user gave: 1 to 300 characters."""


class Record(BaseModel):
    """A fact: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="null")


MOST_DAYS = 36_500
"""Longest window, a hundred years; a longer one may begin before the year 1."""
