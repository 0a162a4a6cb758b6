"""What the key of a JSON object says of the value below it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from flywheel.learn.redaction_policy import Private
from flywheel.learn.redaction_secrets import MARKS_OF_NOTHING

_KEY_OF: Final = re.compile(
    r"(?P<secret>pass(?:word|wd|phrase)|pwd|secret|(?:api|access|secret|private|account|signing|encryption)_?key|"
    r"(?:access|refresh|auth|api|id|session|bearer|client|security)_?token|authorization)s?$"
    r"|(?P<card>card_?(?:number|no)|cc_?(?:number|no)|credit_?card|pan)$|(?P<cvv>cvv2?|cvc2?)$"
    r"|(?P<national>ssn|social_?security(?:_?(?:number|no))?|bsn|nino|tax_?id|steuer_?id|idnr|nir|dni|nie|"
    r"national_?(?:id|insurance)(?:_?number)?)$"
    r"|(?P<phone>(?:tele)?phone(?:_?(?:number|no))?|mobile(?:_?(?:number|no))?|tel|telefon|fax|cell|whatsapp|msisdn)$"
    r"|(?P<weak>key|token|auth)$"
).search
_IS_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~+/=-]{16,}").fullmatch
_NUMBERS: Final = {
    "card": (re.compile(r"[0-9][0-9 .-]{11,}").fullmatch, Private.CARD),
    "cvv": (re.compile(r"[0-9]{3,4}").fullmatch, Private.CARD),
    "national": (
        re.compile(r"(?:[A-Za-z]{1,2}[ -]?)?[0-9][0-9 ./-]{6,}[A-Za-z]?").fullmatch,
        Private.NATIONAL_ID,
    ),
    "phone": (re.compile(r"[+(]{0,2}[0-9][0-9 ()./-]{6,}").fullmatch, Private.PHONE),
}
_LONGEST_NUMBER: Final = 40
_LEAST_DIGITS: Final = 7
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=4096)
def about_of(key: str) -> str | None:
    """What a key of an object says its value is: secret, card, cvv, national, phone, weak or None.

    Examples:
        >>> about_of("openaiApiKey"), about_of("X-Api-Key"), about_of("max_tokens"), about_of("mobile")
        ('secret', 'secret', None, 'phone')
    """
    if len(key) > 80:
        return None
    plain = _CAMEL.sub("_", key).lower().replace("-", "_").replace(" ", "_")
    found = _KEY_OF(plain)
    if found is None or not _starts_a_word(plain, found.start()):
        return None
    return found.lastgroup


def _starts_a_word(text: str, position: int) -> bool:
    return position == 0 or not text[position - 1].isalnum()


def kind_under(about: str, text: str) -> Private | None:
    """The kind of a whole text under a key, None when it is not of the kind the key says."""
    if about == "secret":
        return None if text.strip().lower() in MARKS_OF_NOTHING else Private.SECRET
    if about == "weak":
        is_mixed = any(c.isdigit() for c in text) and not text.isdigit()
        return Private.SECRET if is_mixed and _IS_TOKEN(text) else None
    fits, kind = _NUMBERS[about]
    digits = sum("0" <= c <= "9" for c in text)
    is_number = len(text) <= _LONGEST_NUMBER and (digits >= _LEAST_DIGITS or about == "cvv")
    return kind if is_number and fits(text) else None
