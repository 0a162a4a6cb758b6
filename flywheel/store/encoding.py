"""Values as columns keep them: microseconds since 1970 for moments, text for JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from pydantic import JsonValue

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware moment, exact.

    Examples:
        >>> to_us(datetime(1970, 1, 2, tzinfo=UTC))
        86400000000
    """
    return (moment - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The moment in UTC.

    Examples:
        >>> from_us(86400000000).isoformat()
        '1970-01-02T00:00:00+00:00'
    """
    return _EPOCH + timedelta(microseconds=microseconds)


def to_json(value: JsonValue) -> str | None:
    """Compact JSON with keys in their given order; None stays SQL NULL.

    Examples:
        >>> to_json({"b": 1, "a": "é"})
        '{"b":1,"a":"é"}'
        >>> to_json(None) is None
        True
    """
    return None if value is None else _ENCODE(value).decode()


def from_json(text: str | None) -> JsonValue:
    """What `to_json` was given; whole numbers of any length stay exact.

    Examples:
        >>> from_json('{"b":1}')
        {'b': 1}
    """
    value: JsonValue = None if text is None else _DECODE(text)
    return value
