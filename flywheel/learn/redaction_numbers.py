"""Numbers of persons in a text: payment cards, accounts, national ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from flywheel.learn.check_digits import (
    IBAN_LENGTHS,
    NATIONAL_IDS,
    is_card,
    is_de_tax_id,
    is_es_dni,
    is_fr_nir,
    is_iban,
    is_uk_nino,
    is_us_ssn,
)
from flywheel.learn.redaction_findings import ALONE, Finding
from flywheel.learn.redaction_policy import Private

_GAP: Final = "[ \u00a0\u2007\u2009\u202f\u2010-\u2015.-]"

# Each expression starts with a character of a small set, so that other text is skipped fast.
_CARD: Final = re.compile(
    rf"[2-8](?<![0-9].)(?<![0-9][.,].)(?:[0-9]{{3}}(?P<gap>{_GAP})(?:[0-9]{{4}}(?P=gap)[0-9]{{4}}(?P=gap)[0-9]{{1,4}}"
    rf"(?:(?P=gap)[0-9]{{1,3}})?|[0-9]{{6}}(?P=gap)[0-9]{{4,5}})|[0-9]{{12,18}})(?![0-9])"
)
_IBAN: Final = re.compile(
    rf"[A-Za-z]{ALONE}[A-Za-z][0-9]{{2}}(?:{_GAP}?[A-Za-z0-9]){{11,29}}",
)
_SSN: Final = re.compile(r"[0-8](?<![0-9-].)[0-9]{2}(-|\u2011|\u2013)[0-9]{2}\1[0-9]{4}(?![0-9-])")
_NINO: Final = re.compile(rf"[A-Za-z]{ALONE}[A-Za-z]{_GAP}?(?:[0-9]{{2}}{_GAP}?){{3}}[A-Da-d](?![A-Za-z0-9])")
_DNI: Final = re.compile(
    rf"[0-9XYZxyz]{ALONE}(?<![0-9][.,].)(?:(?<=[XYZxyz]){_GAP}?[0-9]{{7}}|[0-9]{{7}}|[0-9]\.[0-9]{{3}}\.[0-9]{{3}}){_GAP}?"
    rf"[A-HJ-NP-TV-Za-hj-np-tv-z](?![A-Za-z0-9])"
)
# Between the groups one separator or none; the key of two digits may stand apart.
_NIR: Final = re.compile(
    rf"[1-378](?<![0-9].)(?<![0-9][.,].)(?P<gap>{_GAP}?)[0-9]{{2}}(?P=gap)[0-9]{{2}}(?P=gap)(?:[0-9]{{2}}|2[ABab])"
    rf"(?P=gap)[0-9]{{3}}(?P=gap)[0-9]{{3}}{_GAP}?[0-9]{{2}}(?![0-9])"
)
_TAX: Final = re.compile(r"[1-9](?<![0-9].)[0-9] [0-9]{3} [0-9]{3} [0-9]{3}(?![0-9])")
_NAMES: Final = re.compile(
    "ssn|social[_ ]?security|bsn|burgerservice|sofi|steuer-?(?:id|nr|nummer)|idnr|tax[_ -]?(?:id|number)|tin"
    "|(?:national|identity|personal)[_ -](?:id|number)"
)
_NAMED: Final = re.compile(
    r"(?:[^\w\n]|_?(?:number|nummer|no(?!\w)|nr(?!\w)|id(?!\w))|entifikationsnummer|entification|is|was|of|on){0,10}"
    rf"([0-9](?:{_GAP}?[0-9]){{7,10}})(?![0-9])",
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
        length = IBAN_LENGTHS.get(found[0][:2].upper(), 0)
        end, account = _cut(text, found.start(), length)
        if end > found.end() or text[end : end + 1].isalnum():
            continue
        written = text[found.start() : end]
        # Both cases in one are the base 64 of a key or a picture.
        if is_iban(account) and written in {written.upper(), written.lower()}:
            yield Finding(found.start(), end, Private.IBAN, account)


def lettered_ids(text: str) -> Iterator[Finding]:
    """National ids of digits with letters: United Kingdom NINO, Spain DNI with NIE."""
    return _fitting(text, ((_NINO, is_uk_nino), (_DNI, is_es_dni)))


def national_ids(text: str) -> Iterator[Finding]:
    """National ids of digits: those with a form of their own anywhere, plain ones only behind their name.

    United States SSN, Germany tax id, France NIR, the Netherlands BSN; check
    digits where the id has them.
    """
    yield from _fitting(text, ((_SSN, is_us_ssn), (_NIR, is_fr_nir), (_TAX, is_de_tax_id)))
    # Lower case of some letters is longer; then positions would not agree.
    small = text.lower()
    for name in _NAMES.finditer(small) if len(small) == len(text) else ():
        named = _NAMED.match(text, name.end())
        if named is not None and any(is_right(_digits(named[1])) for is_right in NATIONAL_IDS):
            yield Finding(*named.span(1), Private.NATIONAL_ID, _digits(named[1]))


def _fitting(
    text: str, forms: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...]
) -> Iterator[Finding]:
    for pattern, is_right in forms:
        for found in pattern.finditer(text):
            normal = _alphanumeric(found[0])
            if is_right(normal):
                yield Finding(found.start(), found.end(), Private.NATIONAL_ID, normal)


def _cut(text: str, start: int, length: int) -> tuple[int, str]:
    """End and characters of the first so many letters and digits."""
    kept: list[str] = []
    position = start
    while position < len(text) and len(kept) < length:
        if text[position].isascii() and text[position].isalnum():
            kept.append(text[position].upper())
        position += 1
    return position, "".join(kept)


def _digits(text: str) -> str:
    return "".join(c for c in text if "0" <= c <= "9")


def _alphanumeric(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isalnum()).upper()
