"""What kind of answer a question asks for, what kind an option holds.

`When` asks for a date, `how many` for a count; a name that ends in `_dt` or a
description that begins with `Day on which` holds a date.
"""

from __future__ import annotations

import re

_ASKED: tuple[tuple[str, str], ...] = (
    ("reason", r"\bwhy\b|\breasons?\b|\bgrounds\b|\bhow come\b|what went wrong|what caused"),
    ("duration", r"\bhow long\b|how many (?:seconds|minutes|hours|days|weeks|months|years)\b|\bhow old\b"),
    ("count", r"\bhow many\b|\bhow often\b|\bnumber of\b|\bhow frequently\b"),
    ("share", r"\bpercent\w*\b|\bpct\b|\bshare of\b|\bratio\b|what part\b|\bproportion\b|\brate\b|%"),
    ("date", r"\bwhen\b|(?:what|which) (?:day|date)\b|\buntil what\b|\bsince\b.*\?|\bdate\b"),
    ("amount", r"\bhow much\b|what (?:sum|amount)\b|\bcosts?\b|\bprice\b|\bworth\b|\bamount\b|\bhow big\b"),
    ("person", r"\bwho\b|\bwhose\b|\bwhom\b|which (?:agent|colleague|company|person|merchant|team|shop)\b"),
    ("place", r"\bwhere\b|(?:what|which) (?:street|city|town|branch|country|county|place|state|address)\b"),
    ("flag", r"^(?:is|are|was|were|does|did|do|has|have|had|can|could|will|would|should|may|any)\b"),
)
_ENDINGS: dict[str, str] = {
    "date": "dt date dob day",
    "count": "cnt count num nbr",
    "amount": "amt bal balance pmt fee total value limit cost price spend",
    "share": "pct rate ratio share",
    "reason": "rsn reason cause",
    "flag": "flag ind is has",
    "duration": "dur len age d s yrs",
    "person": "agt owner merch payee name",
    "place": "addr city country ctry street branch",
}
_NAMED = {part: kind for kind, parts in _ENDINGS.items() for part in parts.split()}
_AMOUNT = (
    r"(?:\w+ ){0,2}?(?:sum|amount|money|balance|principal|charges|costs?|value|price|spending|payment|fees?"
    r"|income|limits?|interest credited|installment)\b"
)
_DESCRIBED: tuple[tuple[str, str], ...] = (
    ("flag", r"whether\b|true if\b|yes if\b"),
    ("reason", r"(?:main |the )*reason\b|why\b"),
    ("date", r"(?:the )*(?:day|date|month|year)\b(?! of the week)"),
    ("count", r"(?:total |the )*number of\b|how many\b|how often\b|count of\b"),
    ("share", r"(?:mean |largest |the )*(?:share|percentage|rate|ratio|part|proportion|probability)\b"),
    ("amount", _AMOUNT),
    ("duration", r"(?:mean |total |the )*(?:time|length|duration|age|days by which|how old|hours|minutes)\b"),
    ("place", r"(?:\w+ ){0,2}?(?:address|city|town|street|country|county|state|place|region|branch)\b"),
    ("person", r"(?:the )*(?:agent|person|team|company|merchant|employer|who\b|name\b|colleague|recipient)"),
)
KINDS: tuple[str, ...] = tuple(kind for kind, _ in _ASKED)
_ASKED_RE = tuple((kind, re.compile(pattern)) for kind, pattern in _ASKED)
_DESCRIBED_RE = tuple((kind, re.compile(pattern)) for kind, pattern in _DESCRIBED)


def asked_kinds(question: str) -> frozenset[str]:
    """Kinds of answer a question asks for; empty when its words do not tell.

    Examples:
        >>> sorted(asked_kinds("How many minutes did she wait?")), sorted(asked_kinds("fico?"))
        (['count', 'duration'], [])
    """
    lower = question.lower()
    return frozenset(kind for kind, pattern in _ASKED_RE if pattern.search(lower))


def held_kinds(name: str, description: str) -> frozenset[str]:
    """Kinds of answer an option holds, by the parts of its name or the start of its description.

    Examples:
        >>> held_kinds("call_last_dt", ""), held_kinds("x1", "Number of calls.")
        (frozenset({'date'}), frozenset({'count'}))
    """
    parts = re.split(r"[^a-z]+", name.lower())
    kinds = {_NAMED[part] for part in parts if part in _NAMED}
    lower = description.lower()
    kinds.update(kind for kind, pattern in _DESCRIBED_RE if pattern.match(lower))
    return frozenset(kinds)
