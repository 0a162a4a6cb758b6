"""Numbers of persons in a text: payment cards, accounts, national ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from flywheel.learn.check_digits import (
    IBAN_LENGTHS,
    is_card,
    is_de_tax_id,
    is_es_dni,
    is_fr_nir,
    is_iban,
    is_nl_bsn,
    is_uk_nino,
    is_us_ssn,
)
from flywheel.learn.redaction_findings import Finding
from flywheel.learn.redaction_policy import Private

_GAP: Final = "[ \u00a0\u2007\u2009\u202f\u2010-\u2015.-]"

_CARD: Final = re.compile(
    rf"(?<![0-9])(?:[2-6][0-9]{{3}}(?P<gap>{_GAP})[0-9]{{4}}(?P=gap)[0-9]{{4}}(?P=gap)[0-9]{{1,4}}(?:(?P=gap)[0-9]{{1,3}})?"
    rf"|3[0-9]{{3}}(?P<gap2>{_GAP})[0-9]{{6}}(?P=gap2)[0-9]{{4,5}}|[2-68][0-9]{{12,18}})(?![0-9])"
)
_IBAN: Final = re.compile(
    rf"(?<![A-Za-z0-9])(?:{'|'.join(sorted(IBAN_LENGTHS))})[0-9]{{2}}(?:{_GAP}?[A-Za-z0-9]){{11,29}}",
    re.IGNORECASE,
)
_SSN: Final = re.compile(r"(?<![0-9-])[0-8][0-9]{2}(-|\u2011|\u2013)[0-9]{2}\1[0-9]{4}(?![0-9-])")
_NINO: Final = re.compile(
    rf"(?<![A-Za-z0-9])[A-Z]{{2}}{_GAP}?(?:[0-9]{{2}}{_GAP}?){{3}}[A-D](?![A-Za-z0-9])", re.IGNORECASE
)
_DNI: Final = re.compile(
    rf"(?<![A-Za-z0-9])(?:[XYZ]{_GAP}?[0-9]{{7}}|[0-9]{{8}}|[0-9]{{2}}\.[0-9]{{3}}\.[0-9]{{3}}){_GAP}?[A-HJ-NP-TV-Z](?![A-Za-z0-9])",
    re.IGNORECASE,
)
_NIR: Final = re.compile(
    rf"(?<![0-9])[1-378]{_GAP}?[0-9]{{2}}{_GAP}?[0-9]{{2}}{_GAP}?(?:[0-9]{{2}}|2[AB]){_GAP}?[0-9]{{3}}{_GAP}?[0-9]{{3}}{_GAP}?[0-9]{{2}}(?![0-9])",
    re.IGNORECASE,
)
_TAX: Final = re.compile(r"(?<![0-9])[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}(?![0-9])")
_NAMED: Final = re.compile(
    r"(?P<name>ssn|social[_ ]?security(?:[_ ]?(?:number|no\.?|nr\.?))?|"
    r"bsn|burgerservicenummer|sofi-?nummer|"
    r"steuer-?(?:id|identifikationsnummer|idnr|nummer)(?:-?nr\.?)?|idnr\.?|tax[_ -]?(?:id|number)|tin|"
    r"(?:national|identity)[_ -](?:id|number)|personal[_ -](?:id|number))"
    rf"[^0-9\n]{{0,15}}(?P<value>[0-9](?:{_GAP}?[0-9]){{7,10}})(?![0-9])",
    re.IGNORECASE,
)


def cards(text: str) -> Iterator[Finding]:
    """Payment cards of an issuer in use whose last digit is right (Luhn)."""
    for found in _CARD.finditer(text):
        digits, end = _digits(found[0]), found.end()
        if not is_card(digits) and found["gap"] and len(digits) > 16:
            # What follows a card, such as its date of expiry, can look like a fifth group.
            end = text.rindex(found["gap"], found.start(), end)
            digits = _digits(text[found.start() : end])
        if is_card(digits):
            yield Finding(found.start(), end, Private.CARD, digits)


def accounts(text: str) -> Iterator[Finding]:
    """International bank account numbers with the right remainder."""
    for found in _IBAN.finditer(text):
        end, account = _cut(text, found.start(), IBAN_LENGTHS[found[0][:2].upper()])
        if is_iban(account) and not text[end : end + 1].isalnum():
            yield Finding(found.start(), end, Private.IBAN, account)


def national_ids(text: str) -> Iterator[Finding]:
    """Ids of persons: those with a form of their own anywhere, plain digits only behind their name.

    United States SSN, United Kingdom NINO, Germany tax id, France NIR, Spain
    DNI with NIE, the Netherlands BSN; check digits where the id has them.
    """
    forms: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
        (_SSN, is_us_ssn),
        (_NINO, is_uk_nino),
        (_DNI, is_es_dni),
        (_NIR, is_fr_nir),
        (_TAX, is_de_tax_id),
    )
    for pattern, is_right in forms:
        for found in pattern.finditer(text):
            normal = _alphanumeric(found[0])
            if is_right(normal):
                yield Finding(found.start(), found.end(), Private.NATIONAL_ID, normal)
    for found in _NAMED.finditer(text):
        normal = _digits(found["value"])
        if any(is_right(normal) for is_right in (is_us_ssn, is_nl_bsn, is_de_tax_id)):
            yield Finding(*found.span("value"), Private.NATIONAL_ID, normal)


def _cut(text: str, start: int, length: int) -> tuple[int, str]:
    """End and characters of the first so many letters and digits."""
    kept: list[str] = []
    position = start
    while position < len(text) and len(kept) < length:
        if text[position].isalnum():
            kept.append(text[position].upper())
        position += 1
    return position, "".join(kept)


def _digits(text: str) -> str:
    return "".join(c for c in text if "0" <= c <= "9")


def _alphanumeric(text: str) -> str:
    return "".join(c for c in text if c.isalnum()).upper()
