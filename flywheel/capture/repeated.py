"""Names that stand twice in one object, which readers of JSON take in different ways."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

from flywheel.capture.reasons import Refusal

# A plain name with a colon behind it.
_KEYS: Final = re.compile(rb'"(\w+)"\s*:').findall
_BLANKS: Final = b" \t\r\n"


def repeated(line: bytes) -> Refusal | None:
    """Why a line is refused in which a field, or a field of a model's use, stands twice.

    Inside of `inputs` and other fields of any JSON nobody looks: what stands
    there is kept as a reader of JSON gives it.

    Args:
        line: JSON of an object; it is read again where a name comes twice at any depth.

    Examples:
        >>> repeated(b'{"score": 1, "score": 0}').reason
        'stands twice on the line, need it once'
        >>> repeated(b'{"score": 1, "inputs": {"score": 0, "score": 1}}') is None
        True
    """
    keys = _KEYS(line)
    if len(keys) == len(set(keys)):
        return None
    # Objects become tuples of pairs, which arrays, being lists, never are.
    pairs: tuple[tuple[str, object], ...] = json.loads(line, object_pairs_hook=tuple)
    found = _twice(pairs)
    if found is None:
        for key, uses in pairs:
            for number, use in enumerate(uses if key == "models" and isinstance(uses, list) else ()):
                inner = _twice(use) if isinstance(use, tuple) else None
                found = found or (inner and f"models[{number}].{inner}")
    return None if found is None else Refusal(found, "stands twice on the line, need it once")


def told_once(line: bytes, keys: int) -> bool:
    """Whether surely no name stands twice: as many colons behind a quote as what was read has keys.

    A text may hold such a colon too; then the answer is False, which says nothing.

    Args:
        line: JSON of an object.
        keys: of what was read from it, or fewer, at all depths.

    Examples:
        >>> told_once(b'{"a": {"b" : 1}}', 2), told_once(b'{"a": 1, "a": 2}', 1)
        (True, False)
    """
    return line.translate(None, _BLANKS).count(b'":') == keys


def keys_in(value: object) -> int:
    """Keys of a value as JSON has it, at all depths.

    Examples:
        >>> keys_in({"a": [{"b": 1}, 2], "c": None})
        3
    """
    inner: Iterable[object]
    if isinstance(value, dict):
        keys, inner = len(value), value.values()
    elif isinstance(value, list):
        keys, inner = 0, value
    else:
        return 0
    for one in inner:
        if one.__class__ is dict or one.__class__ is list:
            keys += keys_in(one)
    return keys


def _twice(pairs: Iterable[tuple[str, object]]) -> str | None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    return None
