"""Numbers that carry their own proof: cards, accounts, persons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

IBAN_LENGTHS: Final[Mapping[str, int]] = {
    code: length
    for length, codes in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
        33: "RU",
    }.items()
    for code in codes.split()
}
"""Characters of an account number by country (SWIFT IBAN Registry, release 99)."""

_OF_DIGITS: Final = (
    "AE AT BA BE BI CR CZ DE DJ DK EE EG ES FI FO GL HR HU IL IS LT LY ME MR NO PL PT RS SD SE SI SK SO TL "
    "TN XK"
)
_IBAN_OF_DIGITS: Final = frozenset(_OF_DIGITS.split())
_IBAN_OF_BANK_THEN_DIGITS: Final = frozenset({"GB", "IE", "IQ", "NI", "NL", "VG"})
"""Four letters of the bank, then digits; other countries have letters elsewhere (same registry)."""

_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_NINO_NEVER: Final = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})


def passes_luhn(digits: str) -> bool:
    """Whether the last digit fits the others (ISO/IEC 7812-1, annex B).

    Examples:
        >>> passes_luhn("4111111111111111"), passes_luhn("4111111111111112")
        (True, False)
    """
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Whether digits are a payment card number of an issuer in use.

    The first digits decide the lengths, so a time in milliseconds is none.

    Examples:
        >>> is_card("378282246310005"), is_card("1700000000000")
        (True, False)
    """
    size, four = len(digits), int(digits[:4])
    fits = (
        (digits[0] == "4" and size in {13, 16, 19})
        or ((5100 <= four <= 5599 or 2221 <= four <= 2720) and size == 16)
        or (digits[:2] in {"34", "37"} and size == 15)
        or ((3000 <= four <= 3059 or digits[:2] in {"36", "38", "39"}) and size == 14)
        or ((four == 6011 or 6440 <= four <= 6599 or 3528 <= four <= 3589) and 16 <= size <= 19)
        or (digits[:2] in {"62", "81"} and 16 <= size <= 19)
        or (digits[:2] in {"50", "56", "57", "58", "60", "63", "67"} and 16 <= size <= 19)
    )
    return fits and len(set(digits)) > 1 and passes_luhn(digits)


def is_iban(account: str) -> bool:
    """Whether letters with digits are an account number: form of its country, remainder 1 (ISO 13616).

    Examples:
        >>> is_iban("DE89370400440532013000"), is_iban("DE88370400440532013000")
        (True, False)
    """
    country = account[:2]
    if len(account) != IBAN_LENGTHS.get(country):
        return False
    if country in _IBAN_OF_DIGITS and not account[4:].isdecimal():
        return False
    if country in _IBAN_OF_BANK_THEN_DIGITS and not (account[4:8].isalpha() and account[8:].isdecimal()):
        return False
    return int("".join(str(int(c, 36)) for c in account[4:] + account[:4])) % 97 == 1


def is_us_ssn(digits: str) -> bool:
    """Nine digits whose parts the US Social Security Administration gives out; there is no check digit.

    Examples:
        >>> is_us_ssn("123456789"), is_us_ssn("666456789"), is_us_ssn("123006789")
        (True, False, False)
    """
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return (
        len(digits) == 9
        and area not in {"000", "666"}
        and area < "900"
        and group != "00"
        and serial != "0000"
    )


def is_uk_nino(text: str) -> bool:
    """Prefix, six digits, suffix A to D (HMRC NIM39110); there is no check digit.

    Examples:
        >>> is_uk_nino("AB123456C"), is_uk_nino("GB123456C"), is_uk_nino("DA123456C")
        (True, False, False)
    """
    first, second = text[0], text[1]
    return (
        first not in "DFIQUV"
        and second not in "DFIQUVO"
        and text[:2] not in _NINO_NEVER
        and text[8] in "ABCD"
    )


def is_de_tax_id(digits: str) -> bool:
    """Eleven digits, one of the first ten more than once, ISO 7064 MOD 11,10 at the end.

    Examples:
        >>> is_de_tax_id("86095742719"), is_de_tax_id("86095742718")
        (True, False)
    """
    body = digits[:10]
    repeats = sorted(body.count(digit) for digit in set(body))[::-1]
    if len(digits) != 11 or digits[0] == "0" or not (repeats[0] in {2, 3} and repeats[1] == 1):
        return False
    product = 10
    for digit in body:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10 == int(digits[10])


def is_fr_nir(digits: str) -> bool:
    """Thirteen characters with a key of two, 97 minus the number modulo 97 (INSEE).

    Examples:
        >>> is_fr_nir("255081416802538"), is_fr_nir("255081416802539")
        (True, False)
    """
    if len(digits) != 15 or digits[0] not in "12378":
        return False
    month = int(digits[3:5])
    # Corsica is 2A or 2B; the key takes them as 19 and 18.
    number = digits[:13].replace("2A", "19").replace("2B", "18")
    is_month = 1 <= month <= 12 or 20 <= month <= 42 or 50 <= month <= 99
    return is_month and number.isdecimal() and 97 - int(number) % 97 == int(digits[13:])


def is_es_dni(text: str) -> bool:
    """Eight digits, or X, Y, Z with seven, then the letter of the number modulo 23.

    Examples:
        >>> is_es_dni("12345678Z"), is_es_dni("X1234567L"), is_es_dni("12345678A")
        (True, True, False)
    """
    number = text[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return len(number) == 8 and number.isdecimal() and _DNI_LETTERS[int(number) % 23] == text[-1]


def is_nl_bsn(digits: str) -> bool:
    """Eight or nine digits that pass the eleven test, the last with weight -1.

    Examples:
        >>> is_nl_bsn("111222333"), is_nl_bsn("111222334")
        (True, False)
    """
    nine = digits.zfill(9)
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    total = sum(weight * int(digit) for weight, digit in zip(weights, nine, strict=False))
    return len(digits) in {8, 9} and len(set(digits)) > 1 and total % 11 == 0


NATIONAL_IDS: Final[tuple[Callable[[str], bool], ...]] = (
    is_us_ssn,
    is_de_tax_id,
    is_fr_nir,
    is_nl_bsn,
)
"""Checks of ids that are written in digits only."""
