"""Messages with their changing parts as a star, so that equal causes meet."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

MAX_LENGTH = 160
MIN_SIBLINGS = 3
"""So many values at one place make it a changing part; two may be two causes."""

PASSES = 4

_CHANGING = re.compile(
    r"https?://\S+|[\w.+-]+@[\w-]+\.[\w.]+"
    r"|0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{12,}\b"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.,]*(?:Z|[+-]\d\d:?\d\d)?"
    r"|\d+(?:[.:]\d+)*|(?<!\w)[bruf]?'[^']*'|(?<!\w)[bruf]?\"[^\"]*\"",
    re.IGNORECASE,
)
_RUN = re.compile(r"\*(?:[\s,:=.()\[\]{}-]{0,2}\*)+")
_TOKEN = re.compile(r"[^\s\w*]|[\w*]+|\s+")


def message_template(message: str) -> str:
    """The first line of a message with its changing parts as `*`.

    Examples:
        >>> message_template("timed out after 30.5 s on 'GET /a' (id 7)")
        'timed out after * s on * (id *)'
    """
    first = message.lstrip().partition("\n")[0].rstrip()[: 4 * MAX_LENGTH]
    return _RUN.sub("*", _CHANGING.sub("*", first))[:MAX_LENGTH]


def merge_siblings(templates: Iterable[str]) -> Mapping[str, str]:
    """Templates that differ in one word join when that word takes many values.

    The result depends on the set of templates alone, never on their order,
    unlike a tree that grows line by line.

    Args:
        templates: as `message_template` gives them.

    Returns:
        The merged template of each one.

    References:
        He et al. (2017), Drain, ICWS 33-40 (templates by position of words).

    Examples:
        >>> merged = merge_siblings(["no user anna", "no user bert", "no user carl", "disk full"])
        >>> sorted(set(merged.values()))
        ['disk full', 'no user *']
    """
    current = {text: tuple(_TOKEN.findall(text)) for text in sorted(set(templates))}
    for _ in range(PASSES):
        joined = _join_once(set(current.values()))
        if not joined:
            break
        current = {text: joined.get(tokens, tokens) for text, tokens in current.items()}
    return {text: _RUN.sub("*", "".join(tokens)) for text, tokens in current.items()}


def _join_once(templates: set[tuple[str, ...]]) -> dict[tuple[str, ...], tuple[str, ...]]:
    siblings: dict[tuple[int, tuple[str, ...]], list[tuple[str, ...]]] = defaultdict(list)
    for tokens in templates:
        for place, token in enumerate(tokens):
            if token[0].isalnum() or token[0] in "_*":
                siblings[place, (*tokens[:place], "*", *tokens[place + 1 :])].append(tokens)
    joined: dict[tuple[str, ...], tuple[str, ...]] = {}
    for (_, star), members in sorted(siblings.items(), key=lambda item: (-len(item[1]), item[0])):
        free = [tokens for tokens in members if tokens not in joined]
        if len(free) >= MIN_SIBLINGS and _says_enough(star):
            joined.update(dict.fromkeys(free, star))
    return joined


def _says_enough(tokens: tuple[str, ...]) -> bool:
    """Whether two words stay that name the cause; `* error` would swallow everything."""
    return sum(token[0].isalpha() for token in tokens) >= 2
