"""Any value as plain JSON, without running code of the value's class where that can be avoided."""

from __future__ import annotations

import hashlib
import math
import re
import reprlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

MAX_DEPTH: Final = 40
"""Nesting that is kept; importers read 255 levels, nobody reads 40."""

NAME_LENGTH: Final = 300
"""Longest name an `Execution` takes."""

UNREADABLE: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What looking into a stranger's object raises; each of them makes it a short text instead."""

_LARGEST: Final = 2**63
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_SHORT = reprlib.Repr()
_SHORT.maxother = _SHORT.maxstring = 200
_AS_TEXT = (PurePath, UUID, Decimal, datetime, date, time)


def plain(value: object, depth: int = 0) -> Any:  # noqa: ANN401 (JSON has no name of its own in typing)
    """A value as JSON knows it: a copy, so that later changes of the original do not show.

    Texts, numbers, lists and dictionaries stay what they are. Dataclasses and Pydantic
    models become dictionaries of their fields, times and paths become text, NaN and
    infinity become None. Everything else becomes its shortened `repr`.

    Args:
        value: anything.
        depth: level of nesting; below `MAX_DEPTH` a short text stands for the rest.

    Returns:
        None, bool, int, float, str, list or dict, all the way down.

    Examples:
        >>> plain({"at": PurePath("a") / "b", 3: (1, float("nan"))})
        {'at': 'a/b', '3': [1, None]}
        >>> plain(object())
        '<object object>'
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | int | float):
        return _atom(value)
    if depth < MAX_DEPTH:
        with suppress(*UNREADABLE):
            return _compound(value, depth)
    return shortened(value)


def shortened(value: object) -> str:
    """The `repr` of an object, at most 200 characters, without its address in memory.

    Examples:
        >>> shortened(object())
        '<object object>'
    """
    return _ADDRESS.sub("", _SHORT.repr(value))


def name(value: object) -> str | None:
    """A name of at most `NAME_LENGTH` characters; a longer one ends in a hash, so that it stays unique.

    Examples:
        >>> name("triage"), name(""), name(None)
        ('triage', None, None)
        >>> len(name("x" * 1000))
        300
    """
    if value is None:
        return None
    text = (value if type(value) is str else str(plain(value))).replace("\0", "")
    if len(text) <= NAME_LENGTH:
        return text or None
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{text[: NAME_LENGTH - 17]}~{digest}"


def text(value: object, limit: int = 10_000) -> str:
    """A text for a text column: no NUL, and cut with a mark where it is longer than `limit`.

    Examples:
        >>> text("a" * 12, limit=10)
        'aaaaaaaaaa ... (12 characters)'
    """
    whole = (value if isinstance(value, str) else shortened(value)).replace("\0", "")
    return whole if len(whole) <= limit else f"{whole[:limit]} ... ({len(whole)} characters)"


def _atom(value: str | float) -> str | float | None:
    if isinstance(value, Enum):
        return _atom(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value) if -_LARGEST <= value < _LARGEST else int.__repr__(value)[:1000]
    return float(value) if math.isfinite(value) else None


def _compound(value: object, depth: int) -> object:
    if isinstance(value, Enum):
        return plain(value.value, depth + 1)
    if isinstance(value, Mapping):
        return {key if type(key) is str else _key(key): plain(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part, depth + 1) for part in value]
    if isinstance(value, _AS_TEXT):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return _fields(value, depth)


def _key(key: object) -> str:
    return _key(key.value) if isinstance(key, Enum) else str(plain(key, MAX_DEPTH))


def _fields(value: object, depth: int) -> object:
    kind = type(value)
    if isinstance(value, type):
        return shortened(value)
    if hasattr(kind, "__dataclass_fields__"):
        return {field: plain(getattr(value, field), depth + 1) for field in kind.__dataclass_fields__}
    if hasattr(kind, "model_fields"):
        # Reading __dict__ runs no validator, serializer or property of the model.
        return {field: plain(part, depth + 1) for field, part in vars(value).items()}
    if hasattr(kind, "tolist") and hasattr(kind, "dtype"):
        return plain(value.tolist(), depth + 1)  # type: ignore[attr-defined]
    return shortened(value)
