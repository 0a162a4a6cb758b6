"""Ways to reach a person or a machine in a text: e-mail, telephone, IP addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from flywheel.learn.redaction_findings import ALONE, Finding
from flywheel.learn.redaction_policy import Private

_AT: Final = re.compile("@|%40")
_LOCAL: Final = frozenset("!#$&'*+/=?^`{|}~%._-")
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.){1,8}([^\W\d_]{2,24})(?![^\W_])")
_LOCAL_NOT: Final = frozenset({"git"})
# `x@w.shape` multiplies two arrays.
_CODE_NOT: Final = frozenset(
    {
        "shape",
        "dtype",
        "values",
        "mean",
        "sum",
        "dot",
        "copy",
        "reshape",
        "transpose",
        "numpy",
        "weight",
        "py",
    }
)

SEPARATOR: Final = "[ .\u00a0\u2007\u2009\u202f\u2010-\u2015/-]"
"""What stands between groups of digits."""

# Each expression starts with a plain character, so that text without it is skipped fast.
_PLUS: Final = re.compile(
    rf"(?:\+(?:(?<![\w+].)|(?<=\\[nrtfv].)|(?<=%[0-9A-F]{{2}}.))|%2B|0{ALONE}(?<![0-9][.,].)0)"
    rf"(?:\(?1\)?{SEPARATOR}{{0,2}}\(?[2-9][0-9]{{2}}\)?{SEPARATOR}{{0,2}}[0-9]{{3}}{SEPARATOR}?[0-9]{{4}}(?![0-9])"
    rf"|[2-9](?:{SEPARATOR}{{0,2}}(?:\(0\))?{SEPARATOR}?\(?[0-9]\)?){{7,14}}(?![0-9]))"
)
_NO_DATE: Final = "(?<![0-9].)(?<![0-9][-/.,:].)"
_NANP: Final = re.compile(
    "[(2-9](?<![0-9].)(?:(?<![0-9][-/.,:].)|(?<=(?<![0-9])1[-. ].))"
    rf"(?:(?<=\()[2-9][0-9]{{2}}\){SEPARATOR}?|(?<!\()[0-9]{{2}}[-.\u2010-\u2015/])"
    rf"[2-9][0-9]{{2}}{SEPARATOR}[0-9]{{4}}(?![0-9])(?![-.][0-9])"
)
_BEFORE_NANP: Final = re.compile(r"\+?1[ .\u2010-\u2015-]$").search
_TRUNK: Final = re.compile(
    rf"0{_NO_DATE}(?<!\+.)[1-9][0-9]{{0,4}}\)?(?:{SEPARATOR}{{1,3}}[0-9]{{2,8}}){{1,4}}(?![0-9])(?!\.[0-9])"
)
_NAMES: Final = re.compile(
    "phone|telefon|tel|Tel|TEL|Phone|PHONE|mobil|Mobil|MOBIL|handy|Handy|cell|Cell|fax|Fax|FAX|whatsapp|WhatsApp"
    "|msisdn|MSISDN|call|Call"
)
_NAMED: Final = re.compile(
    r"(?:[^\w+\n]|number|no(?!\w)|nr(?!\w)|is|at|me|on|us){0,10}"
    rf"(\+?\(?[0-9](?:{SEPARATOR}{{0,2}}[()]?[0-9]){{8,14}})(?![0-9])"
)
_DATE: Final = re.compile(r"[0-9]{1,2}[./ -][0-9]{1,2}[./ -](?:19|20)[0-9]{2}(?![0-9])").match

_IPV4: Final = re.compile(rf"[0-9](?<!\..){ALONE}[0-9]{{0,2}}(?:\.[0-9]{{1,3}}){{3}}(?!\w|\.[0-9])")
_VERSION: Final = re.compile(r"(?i)(?:version|ver\.?|release|build|v|==|>=|<=|~=|section|§) ?\Z").search
_HEX_COLONS: Final = re.compile(r":[0-9A-Fa-f]{0,4}:").search
_IPV6: Final = re.compile(
    rf"[0-9A-Fa-f](?<![:.].){ALONE}[0-9A-Fa-f]{{0,3}}:(?:[0-9A-Fa-f]{{0,4}}:){{1,6}}[0-9A-Fa-f]{{0,4}}"
    r"(?:\.[0-9]{1,3}){0,3}(?![\w:])"
)
_GLOBAL: Final = re.compile(r"(?i)(?:[23][0-9a-f]{3}|fe[89ab][0-9a-f]|f[cd][0-9a-f]{2}):").match


def emails(text: str) -> Iterator[Finding]:
    """E-mail addresses, also of a URL (`%40`); the one spelling is in lower case."""
    for at in _AT.finditer(text):
        domain = _DOMAIN.match(text, at.end())
        if domain is None or domain[1] in _CODE_NOT:
            continue
        start = at.start()
        least = max(0, start - 64)
        while start > least and (text[start - 1].isalnum() or text[start - 1] in _LOCAL):
            start -= 1
        local = text[start : at.start()]
        if local and local.lower() not in _LOCAL_NOT:
            yield Finding(start, domain.end(), Private.EMAIL, f"{local}@{domain[0]}".lower())


def phones(text: str, calling_code: str = "") -> Iterator[Finding]:
    """Telephone numbers: international, North American, national with a leading 0, or named as one.

    Args:
        text: where to look.
        calling_code: of national numbers, such as `+49`; empty leaves them as their digits.
    """
    for found in _PLUS.finditer(text):
        digits = _digits(found[0].removeprefix("%2B").replace("(0)", ""))
        yield Finding(found.start(), found.end(), Private.PHONE, "+" + digits.removeprefix("00"))
    for found in _NANP.finditer(text):
        before = _BEFORE_NANP(text[max(0, found.start() - 3) : found.start()])
        start = found.start() - len(before[0]) if before else found.start()
        yield Finding(start, found.end(), Private.PHONE, "+1" + _digits(found[0])[-10:])
    for found in _TRUNK.finditer(text):
        digits = _digits(found[0])
        if 9 <= len(digits) <= 12 and not _DATE(found[0]) and not _is_counting(found[0]):
            yield Finding(found.start(), found.end(), Private.PHONE, e164(digits, calling_code))
    for name in _NAMES.finditer(text):
        named = _NAMED.match(text, name.end())
        if named is not None and not _DATE(named[1]):
            yield Finding(*named.span(1), Private.PHONE, e164(named[1], calling_code))


def e164(number: str, calling_code: str = "") -> str:
    """A telephone number as `+` with digits where its country is known, else its digits.

    Args:
        number: in any common spelling.
        calling_code: of a number without one, such as `+49`.

    Examples:
        >>> e164("+49 (0)30 1234-567"), e164("0049 30 1234567"), e164("030 1234567", "+49")
        ('+49301234567', '+49301234567', '+49301234567')
        >>> e164("(415) 555-2671"), e164("030 1234567")
        ('+14155552671', '0301234567')
    """
    digits = _digits(number.replace("(0)", "") if number.lstrip().startswith("+") else number)
    if number.lstrip().startswith("+"):
        return "+" + digits
    if digits.startswith("00"):
        return "+" + digits[2:]
    if digits.startswith("0"):
        return calling_code + digits[1:] if calling_code else digits
    if calling_code in {"", "+1"} and len(digits) in {10, 11} and digits[-10] not in "01":
        return "+1" + digits[-10:] if len(digits) == 10 or digits[0] == "1" else digits
    return calling_code + digits if calling_code else digits


def addresses(text: str) -> Iterator[Finding]:
    """IP addresses; loopback, unspecified ones, and what reads as a version number are left."""
    for found in _IPV4.finditer(text) if text.count(".") >= 3 else ():
        parts = found[0].split(".")
        is_address = all(part == str(int(part)) and int(part) < 256 for part in parts)
        if not is_address or parts[0] in {"0", "127", "255"} or all(len(part) == 1 for part in parts):
            continue
        if not _VERSION(text[max(0, found.start() - 10) : found.start()]):
            yield Finding(found.start(), found.end(), Private.IP, found[0])
    for found in _IPV6.finditer(text) if _HEX_COLONS(text) else ():
        if found[0].count(":") == 7 or ("::" in found[0] and _GLOBAL(found[0])):
            try:
                address = ipaddress.IPv6Address(found[0])
            except ValueError:
                continue
            yield Finding(found.start(), found.end(), Private.IP, str(address))


def _digits(text: str) -> str:
    return "".join(c for c in text if "0" <= c <= "9")


def _is_counting(text: str) -> bool:
    """Whether pairs of digits grow one by one or all start with 0: a list, not a number to dial."""
    parts = re.findall("[0-9]+", text)
    if len(parts) < 3 or any(len(part) != 2 for part in parts):
        return False
    steps = {int(b) - int(a) for a, b in pairwise(parts)}
    return len(steps) == 1 or all(part[0] == "0" for part in parts)
