r"""The quick look that clears a text of everything private, so that the slow look is rare.

Each mark of something private has a character that prose seldom has, or six
digits in a row once the separators are gone. One pass of an expression whose
branches all start with such a character, one translation for the digits:
under a microsecond for a hundred characters.
"""

from __future__ import annotations

import re
import string
from typing import Final, NamedTuple

from flywheel.learn.check_digits import is_card, is_fr_nir

# The ends of key, token, secret, password, passwd, pwd, auth: first as a product of classes, which is cheap.
_END: Final = "[kKrRoOsSpPuU][eEwWrRtT][yYtTnNdDhH]"
_EXACT: Final = (
    "(?:(?<=[kK][eE][yYnN]{0})|(?<=[rR][eE][tT]{0})|(?<=[oOsSpP][rRwW][dD]{0})|(?<=[uU][tT][hH]{0}))"
)
_QUOTES: Final = (".", "[\"' s].", r"\\[\"'].", "s[\"'].")
AFTER_NAME: Final = "(?:{}|(?<=phrase.)|(?<=phrase[\"'].))".format(
    "|".join(f"(?<={_END}{quote})" + _EXACT.format(quote) for quote in _QUOTES)
)
"""Behind the character that follows a name which may end in key, secret, token, password and the like."""

_LIST_KEYS: Final = "one|ile|tel|fon|fax|ell|app|sdn|ber|ssn|bsn|ity|ino|dnr|nir|dni|nie|pan|ard|nce"
_SIGNS: Final = re.compile(
    "|".join(
        (
            "@",
            "%40",
            f":(?:[0-9A-Fa-f]{{0,4}}:|{AFTER_NAME})",
            f"={AFTER_NAME}",
            f"%3[dD](?<={_END}...)",
            r"_(?=[a-z_-]{0,24}[A-Z0-9])[\w-]{12}",
            r"-(?:(?=[a-z_-]{0,24}[A-Z0-9])[\w-]{12}|----)",
            # AKIA, ASIA; AIza, authorization; eyJ of a JWT; SG. of SendGrid; ya29. of Google.
            "K(?<=AK)IA",
            "S(?<=AS)IA",
            r"z(?:(?<=AIz)a|(?<=[hH][oO][rR][iI]z)ation)",
            "Z(?<=[hH][oO][rR][iI]Z)ATION",
            "J(?<=eyJ)",
            r"G(?<=SG)\.",
            r"9(?<=ya29)\.",
            "bearer",
            "Bearer",
            "BEARER",
            "Basic",
            r"k(?<=hook)s\.",
            # The keys cvv and cvc; their values are too short to be seen by themselves.
            "v(?<=cv)[vc]",
            "V(?<=CV)[VC]",
            # A list below a key that says its parts are numbers to take out.
            rf'\[(?:(?<=(?i:{_LIST_KEYS})":.)|(?<=(?i:no|id)":.))',
            r"\.(?<=[0-9].)[0-9]{1,3}\.[0-9]",
        )
    )
).search

# A UUID, or a hash in hex: the most frequent text that looks like a key.
_IS_ID: Final = re.compile(
    "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[0-9]{0,40}[a-f])[0-9a-f]{24,64}"
).fullmatch

_DIGITS: Final = bytes(48 if 48 <= byte <= 57 else 120 for byte in range(256))
_SEPARATORS: Final = b" -.()/" + bytes(range(128, 256))
_SIX: Final = b"0" * 6

_RUNS: Final = re.compile(r"[0-9](?:[^0-9A-Za-z,;:=<>\n]{0,4}[0-9]){5,}")
_ENOUGH: Final = 8
_CARD_DIGITS: Final = 13
_BEFORE: Final = 48
# Fewer digits than eight are private only between letters: AB 12 34 56 C, X1234567L.
_IS_LETTERED: Final = re.compile(
    r"(?:[A-Za-z]{2}|[XYZxyz])[ .\u00a0\u2010-\u2015-]?[0-9 .\u00a0\u2010-\u2015-]{5,12}"
    "[A-Za-z](?![A-Za-z0-9])"
).search
_IS_ORDINARY: Final = re.compile(
    r"(?!0[0-9])[0-9]{1,12}\.[0-9]+|(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}"
    "|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})(?:[ T][0-9]{1,2})?"
).fullmatch
# The ends of words that can stand right before a number which they name or belong to the name of.
_NAMING: Final = frozenset(
    re.findall(
        "[a-z]+",
        "one fon tel ile bil ndy ell fax app sdn all ber mer no nr is at me on us id of was "
        "ssn ity bsn ofi ice tin dnr ino nir dni nie pan ard nce cc",
    )
)
_NAMES_OF_NUMBERS: Final = re.compile(
    "phone|tel|mobil|handy|cell|call|fax|whatsapp|msisdn|ssn|social|bsn|burgerserv|sofi|steuer|idnr|tax|tin"
    "|national|identity|personal|nir|dni|nie|nino|card|pan|cc_|cc no"
).search
_BETWEEN: Final = string.whitespace + string.punctuation
_IS_DNI: Final = re.compile(r"[0-9]{8}[^A-Za-z0-9]?[A-Za-z](?![A-Za-z0-9])").match
_GAP: Final = "[^0-9A-Za-z]"
# What digits in groups must look like somewhere to be private.
_SHAPES: Final = re.compile(
    "|".join(
        (
            rf"[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}|[0-9]{{4}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{4}}",
            rf"[2-9][0-9]{{2}}{_GAP}{{1,3}}[2-9][0-9]{{2}}{_GAP}[0-9]{{4}}",
            rf"[0-9]{{3}}{_GAP}[0-9]{{2}}{_GAP}[0-9]{{4}}|[0-9]{{2}} [0-9]{{3}} [0-9]{{3}} [0-9]{{3}}",
            rf"[1-378]{_GAP}[0-9]{{2}}{_GAP}[0-9]{{2}}{_GAP}|[0-9]{{2}}\.[0-9]{{3}}\.[0-9]{{3}}",
            # A number behind another one.
            rf"[0-9]{{11}}|{_GAP}0[1-9][0-9]{{0,4}}{_GAP}{{1,4}}[0-9]|{_GAP}(?:\+|00[1-9])",
        )
    )
).search
# The most frequent number, as in `order #12345678 came`, is cleared by one look: five letters before it and
# up to three signs name no number and no bank, it is too short for a card, no single letter is behind it.
_SIGN: Final = r"[\t-\r !-*,-/:-@\[-`{-~]"
_NAMING_ENDS: Final = "|".join(sorted(word for word in _NAMING if len(word) == 3))
_BEHIND_WORD: Final = re.compile(
    "(?:{})".format(
        "|".join(
            rf"(?<=[A-Za-z]{{2}}[a-z]{{3}}{_SIGN * signs})(?<!(?:{_NAMING_ENDS}){'.' * signs})"
            for signs in (1, 2, 3)
        )
    )
    + "(?!00[1-9])[0-9]{6,12}(?![0-9]|[^0-9A-Za-z]?[A-Za-z](?![A-Za-z0-9])|[^0-9A-Za-z]{2}[A-Za-z])",
    re.DOTALL,
).match
_IS_BANK: Final = re.compile(rf"[A-Za-z]{{2}}[0-9]{{2}}(?:{_GAP}?[A-Za-z]){{4}}{_GAP}?$").search


def may_hold_private(text: str) -> bool:
    """Whether a text needs the slow look; False is certain, True is a suspicion.

    Args:
        text: plain, or compact JSON as the store keeps it.

    Examples:
        >>> may_hold_private("The invoice of March 2024 could be paid in two parts.")
        False
        >>> may_hold_private("Write to ann@example.com"), may_hold_private("call 415 555 2671")
        (True, True)
    """
    if _SIGNS(text) is not None:
        return _IS_ID(text) is None
    # Half a character (a lone surrogate) cannot be encoded otherwise.
    merged = text.encode("utf-8", "surrogatepass").translate(_DIGITS, _SEPARATORS)
    return _SIX in merged and bool(digit_runs(text)) and _IS_ID(text) is None


class DigitRun(NamedTuple):
    """Digits that follow each other when what separates them does not count.

    Attributes:
        start, end: from the first digit to behind the last.
        digits: how many.
    """

    start: int
    end: int
    digits: int


def digit_runs(text: str) -> list[DigitRun]:
    """Runs of digits that could be private; no dates, no decimals, no plain numbers that nothing names.

    Examples:
        >>> digit_runs("no. 4111 1111-1111.1111 on 2026-11-21 and 5 for order 12345678")
        [DigitRun(start=4, end=23, digits=16)]
    """
    runs = []
    for found in _RUNS.finditer(text):
        start, end = found.span()
        plain = _BEHIND_WORD(text, start)
        if plain is not None and plain.end() == end:
            continue
        run = found[0]
        # Other digits, as of Arabic or full width, separate; no number that is looked for has them.
        is_plain = run.isascii() and run.isdecimal()
        digits = end - start if is_plain else sum("0" <= c <= "9" for c in run)
        if digits < _ENOUGH:
            is_telling = _IS_LETTERED(text, max(0, start - 3), end + 3) is not None
        elif is_plain:
            is_telling = _plain_tells(text, start, end)
        else:
            is_telling = _groups_tell(text, start, end)
        if is_telling or _is_named(text, start):
            runs.append(DigitRun(start, end, digits))
    return runs


def _plain_tells(text: str, start: int, end: int) -> bool:
    """Whether digits without separators can be private by themselves."""
    if _is_led(text, start) or _is_abroad(text, start):
        return True
    if end - start >= _CARD_DIGITS and (is_card(text[start:end]) or is_fr_nir(text[start:end])):
        return True
    if end - start == _ENOUGH and _IS_DNI(text, start) is not None:
        return True
    return _behind_bank(text, start)


def _groups_tell(text: str, start: int, end: int) -> bool:
    """Whether digits in groups can be private by themselves."""
    if _is_led(text, start) or (text[start] == "0" and text[start + 1] != "0"):
        return True
    if _IS_ORDINARY(text, start, end):
        return False
    return (
        _is_abroad(text, start)
        or _SHAPES(text, start, end) is not None
        or _IS_DNI(text, end - 8) is not None
        or _behind_bank(text, start)
    )


def _is_led(text: str, start: int) -> bool:
    """Whether a letter, `+` or `+(` stands right before digits."""
    before = text[start - 1 : start]
    return before.isalpha() or before == "+" or (before == "(" and text[start - 2 : start - 1] == "+")


def _is_abroad(text: str, start: int) -> bool:
    return text.startswith("00", start) and text[start + 2] != "0"


def _behind_bank(text: str, start: int) -> bool:
    return _IS_BANK(text[max(0, start - 14) : start]) is not None


def _is_named(text: str, start: int) -> bool:
    """Whether the word before a run is one that names a number, or leads to one that does."""
    last = text[max(0, start - 16) : start].rstrip(_BETWEEN)[-3:].lower()
    # Of other alphabets any sign may stand between the name and the number.
    if last.isascii() and last.strip(_BETWEEN) not in _NAMING:
        return False
    return _NAMES_OF_NUMBERS(text[max(0, start - _BEFORE) : start].lower()) is not None
