"""Secrets of machines in a text: keys, tokens, passwords."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from flywheel.learn.redaction_findings import Finding
from flywheel.learn.redaction_policy import Private
from flywheel.learn.redaction_trigger import AFTER_NAME

_PEM: Final = re.compile(
    r"-----BEGIN (?P<name>[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:.{0,20000}?-----END (?P=name)-----|[A-Za-z0-9+/=\s\\:,-]{0,20000})",
    re.DOTALL,
)
_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]+){1,3}")

# A letter before a key makes it another word, save that of an escape: \nsk-... in a repr, %3Dsk-... in a URL.
_EDGE: Final = (
    r"(?:(?<![A-Za-z0-9]{0})|(?<=\\[nrtbfv]{0})|(?<=%[0-9A-Fa-f]{{2}}{0})"
    r"|(?<=\\u[0-9A-Fa-f]{{4}}{0})|(?<=\\x[0-9A-Fa-f]{{2}}{0}))"
)
_LONG: Final = "[A-Za-z0-9_-]{20,}"
_OWN: Final = (
    "hf",
    "gsk",
    "npm",
    "r8",
    "pplx",
    "xai",
    "tvly",
    "dop_v1",
    "shpat",
    "dckr_pat",
    "nvapi",
    "pypi",
)


def _starting(letters: str) -> str:
    """A word that no letter comes before; it starts with its letters, which makes it quick to look for."""
    return letters + _EDGE.format("." * len(letters))


# Every branch starts with a plain character, so that text without any of these is skipped fast.
_TOKEN: Final = re.compile(
    "|".join(
        (
            r"sk-(?:ant|proj|svcacct|admin|or|lf|None)-[A-Za-z0-9_-]{16,}",
            *(
                _starting(word) + "[-_](?:live_|test_)?" + _LONG
                for word in ("sk", "pk", "rk", "sess", "lsv2_pt", "lsv2_sk", *_OWN)
            ),
            r"AKIA[A-Z2-7]{16}(?![A-Z0-9])",
            r"ASIA[A-Z2-7]{16}(?![A-Z0-9])",
            *(f"gh{kind}_[A-Za-z0-9]{{20,}}" for kind in "pousr"),
            "github_pat_[A-Za-z0-9_]{20,}",
            *(f"gl{kind}-[A-Za-z0-9_-]{{18,}}" for kind in ("pat", "dt", "rt", "ptt", "soat")),
            r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}",
            "xapp-[0-9]-[A-Za-z0-9-]{10,}",
            r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_/-]{20,}",
            "AIza[A-Za-z0-9_-]{35}",
            r"ya29\.[A-Za-z0-9_-]{20,}",
            "GOCSPX-[A-Za-z0-9_-]{20,}",
            r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        )
    )
)
_SCHEME: Final = re.compile(r"(?:[bB]earer|BEARER|[bB]asic|BASIC)(?:\s|%20|\+){1,3}([A-Za-z0-9._~+/=-]{8,})")
_USERINFO: Final = re.compile(r"://[^\s:/@\"'<>]{0,100}:([^\s/@\"'<>]{1,200})@")

_STRONG: Final = (
    r"pass(?:word|wd|phrase)|pwd|secret|"
    r"(?:api|access|secret|private|account|encryption|signing)[_\- ]?key|"
    r"(?:access|refresh|auth|api|id|session|bearer|client|security)[_\- ]?token"
)
_WEAK: Final = r"key|token|auth|authorization"
_SEPARATOR: Final = re.compile(f":(?:{AFTER_NAME})|={AFTER_NAME}|%3[dD]|=>")
_NAME: Final = re.compile(rf"({_STRONG}|{_WEAK})s?(?:\\?[\"'])?\s{{0,3}}:?$", re.IGNORECASE)
_VALUE: Final = re.compile(
    r"[=>]?\s{0,3}(?P<quote>\\?[\"'])?(?P<value>[^\s\"'`<>,;&|(){}\[\]\\]{4,512})", re.IGNORECASE
)
_LONGEST_NAME: Final = 40
_IS_STRONG: Final = re.compile(_STRONG, re.IGNORECASE).match
_CODE: Final = re.compile(
    r"[A-Za-z_]+(?:[.:/-][A-Za-z_]+)*[.:/-]?|[*xX.•_-]+|\$.*|%[a-z]|%\(\w+\)s|%[a-z_]+%|(?:self|os|env|config|settings)\..*|none|null|true|false",
    re.IGNORECASE,
).fullmatch

MARKS_OF_NOTHING: Final = frozenset(
    {"", "none", "null", "true", "false", "changeit", "redacted", "hidden", "[redacted]"}
)
"""What stands where a secret would, but is none."""


def private_keys(text: str) -> Iterator[Finding]:
    """Private keys in PEM armour, also cut off ones."""
    if "-----BEGIN" in text:
        for found in _PEM.finditer(text):
            yield Finding(found.start(), found.end(), Private.PRIVATE_KEY, "".join(found[0].split()))


def tokens(text: str) -> Iterator[Finding]:
    """Keys that name their issuer, JSON web tokens, tokens behind Bearer or Basic."""
    if "eyJ" in text:
        for found in _JWT.finditer(text):
            yield Finding(found.start(), found.end(), Private.JWT, found[0])
    for found in _TOKEN.finditer(text):
        if _is_random(found[0][3:], 2.5):
            yield Finding(found.start(), found.end(), Private.API_KEY, found[0])
    for found in _SCHEME.finditer(text):
        value = found[1]
        is_word = value.rstrip(".").isalpha() and value[1:].rstrip(".").islower()
        if not is_word or len(value) >= 24:
            yield Finding(*found.span(1), Private.BEARER_TOKEN, value)


def passwords(text: str) -> Iterator[Finding]:
    """Passwords in addresses; values behind `password=`, `api_key:` or, when they look random, `key=`."""
    if "://" in text:
        for found in _USERINFO.finditer(text):
            yield Finding(*found.span(1), Private.PASSWORD, found[1])
    for separator in _SEPARATOR.finditer(text):
        start, end = separator.span()
        name = _NAME.search(text[max(0, start - _LONGEST_NAME) : start])
        behind = _VALUE.match(text, end) if name is not None else None
        if name is None or behind is None:
            continue
        value, start = behind["value"].rstrip(".!?:"), behind.start("value")
        kind = _kind_of(name[1], value, quoted=behind["quote"] is not None)
        if kind is not None:
            yield Finding(start, start + len(value), kind, value)


def _kind_of(name: str, value: str, *, quoted: bool) -> Private | None:
    if value.lower() in MARKS_OF_NOTHING:
        return None
    if _IS_STRONG(name):
        is_word = _CODE(value) is not None
        plain = name.lower().startswith(("pass", "pwd", "secret"))
        if (quoted and plain and value.isalpha() and len(value) >= 6) or not is_word:
            return Private.PASSWORD if name.lower().startswith(("pass", "pwd")) else Private.SECRET
        return Private.SECRET if _is_random(value, 3.5) and not value.islower() else None
    return Private.SECRET if len(value) >= 16 and not _CODE(value) and _is_random(value, 3.0) else None


def _is_random(text: str, least_bits: float) -> bool:
    """Letters mixed with digits or cases, of so many bits a character (Shannon)."""
    mixed = any(c.isdigit() for c in text) or not (text.islower() or text.isupper())
    return mixed and entropy_bits(text) >= least_bits


def entropy_bits(text: str) -> float:
    """Shannon entropy of the characters, in bits a character.

    Examples:
        >>> entropy_bits("aabb"), entropy_bits("aaaa") == 0
        (1.0, True)
    """
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values()) if size else 0.0
