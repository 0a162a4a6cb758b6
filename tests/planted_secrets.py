"""Private values of all kinds, made up, planted in texts of all kinds."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from typing import NamedTuple

from flywheel.learn.check_digits import IBAN_LENGTHS, is_de_tax_id, is_us_ssn, passes_luhn

BASE62 = string.ascii_letters + string.digits
URLSAFE = BASE62 + "_-"
REPR = "repr"
WORDS = ("invoice", "late", "weather", "please", "router", "billing", "agent", "answered", "nothing")


class Planted(NamedTuple):
    """A private value with the text it stands in."""

    kind: str
    value: str
    text: str


def planted(number: int, seed: int = 0) -> Iterator[Planted]:
    """So many values, every kind in turn, each in a place drawn by chance."""
    draw = random.Random(seed)
    kinds = list(MAKERS)
    for position in range(number):
        kind = kinds[position % len(kinds)]
        value = MAKERS[kind](draw)
        yield Planted(kind, value, placed(draw, value))


def some(draw: random.Random, letters: str, size: int) -> str:
    """Characters drawn by chance, a digit among them."""
    body = [draw.choice(letters) for _ in range(size)]
    body[draw.randrange(size // 2)] = draw.choice([c for c in letters if c.isdigit()])
    return "".join(body)


def digits(draw: random.Random, size: int) -> str:
    """Digits drawn by chance, the first not 0."""
    return draw.choice("123456789") + "".join(draw.choice(string.digits) for _ in range(size - 1))


def grouped(text: str, size: int, gap: str) -> str:
    """In groups of a size."""
    return gap.join(text[start : start + size] for start in range(0, len(text), size))


def card(draw: random.Random) -> str:
    """A card of one of four issuers, in one of three spellings."""
    start, size = draw.choice((("4", 16), ("53", 16), ("37", 15), ("6011", 16)))
    body = start + "".join(draw.choice(string.digits) for _ in range(size - 1 - len(start)))
    number = next(body + last for last in string.digits if passes_luhn(body + last))
    gap = draw.choice(("", " ", "-"))
    if size == 15:
        return gap.join((number[:4], number[4:10], number[10:]))
    return grouped(number, 4, gap)


def iban(draw: random.Random) -> str:
    """An account of one of eight countries with its check digits."""
    country = draw.choice(("DE", "AT", "CH", "FR", "ES", "NL", "PL", "GB"))
    bank = "WEST" if country == "GB" else "ABNA" if country == "NL" else ""
    size = IBAN_LENGTHS[country] - 4 - len(bank)
    body = bank + "".join(draw.choice(string.digits) for _ in range(size))
    rest = int("".join(str(int(c, 36)) for c in body + country + "00")) % 97
    return grouped(f"{country}{98 - rest:02}{body}", 4, draw.choice(("", " ")))


def national_id(draw: random.Random) -> str:
    """An id of the United States, the United Kingdom, Spain, France or Germany."""
    which = draw.randrange(5)
    if which == 0:
        number = next(n for n in iter(lambda: digits(draw, 9), "") if is_us_ssn(n))
        return f"{number[:3]}-{number[3:5]}-{number[5:]}"
    if which == 1:
        return f"{draw.choice('ABCEHJ')}{draw.choice('ABCEHJ')}{digits(draw, 6)}{draw.choice('ABCD')}"
    if which == 2:
        number = digits(draw, 8)
        return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]
    if which == 3:
        number = f"{draw.choice('12')}{digits(draw, 2)}{draw.randint(1, 12):02}{digits(draw, 8)}"
        return f"{number}{97 - int(number) % 97:02}"
    number = next(n for n in iter(lambda: digits(draw, 11), "") if is_de_tax_id(n))
    return f"{number[:2]} {number[2:5]} {number[5:8]} {number[8:]}"


def phone(draw: random.Random) -> str:
    """A telephone number in one of nine spellings."""
    area, exchange = (
        f"{draw.choice('23456789')}{digits(draw, 2)}",
        f"{draw.choice('23456789')}{digits(draw, 2)}",
    )
    last = digits(draw, 4)
    return draw.choice(
        (
            f"+1 ({area}) {exchange}-{last}",
            f"({area}) {exchange}-{last}",
            f"{area}-{exchange}-{last}",
            f"+49 30 {digits(draw, 7)}",
            f"+49{digits(draw, 10)}",
            f"0044 20 {digits(draw, 4)} {digits(draw, 4)}",
            f"020 7{digits(draw, 3)} {digits(draw, 4)}",
            f"06 {digits(draw, 2)} {digits(draw, 2)} 95 {digits(draw, 2)}",
            f"0151/{digits(draw, 8)}",
        )
    )


def email(draw: random.Random) -> str:
    """An e-mail address."""
    local = draw.choice(("ann", "Bob.Miller", "c_d", "zoë", "e+tag")) + str(draw.randrange(1000))
    return f"{local}@{draw.choice(('example.com', 'mail.example.co.uk', 'firma.example', 'Uni-Köln.de'))}"


def jwt(draw: random.Random) -> str:
    """A JSON web token."""
    payload = json.dumps({"sub": digits(draw, 9), "name": "Ann"}).encode()
    middle = base64.urlsafe_b64encode(payload).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{middle}.{some(draw, URLSAFE, 43)}"


def pem(draw: random.Random) -> str:
    """A private key in armour."""
    kind = draw.choice(("RSA ", "EC ", "OPENSSH ", ""))
    body = "\n".join(some(draw, BASE62 + "+/", 64) for _ in range(4))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "openai": lambda d: "sk-" + d.choice(("proj-", "")) + some(d, BASE62, 48),
    "anthropic": lambda d: "sk-ant-api03-" + some(d, URLSAFE, 93),
    "aws": lambda d: d.choice(("AKIA", "ASIA")) + some(d, string.ascii_uppercase + "234567", 16),
    "aws_secret": lambda d: "aws_secret_access_key=" + some(d, BASE62 + "/+", 40),
    "github": lambda d: f"gh{d.choice('pousr')}_{some(d, BASE62, 36)}",
    "github_fine": lambda d: f"github_pat_{some(d, BASE62, 22)}_{some(d, BASE62, 59)}",
    "slack": lambda d: f"xox{d.choice('abprs')}-{digits(d, 12)}-{digits(d, 13)}-{some(d, BASE62, 24)}",
    "google": lambda d: "AIza" + some(d, URLSAFE, 35),
    "generic": lambda d: f"{d.choice(('key', 'token', 'api_key', 'client_secret'))}={some(d, BASE62, 32)}",
    "password": lambda d: (
        f"{d.choice(('password', 'PASSWORD', 'passwd', 'pwd'))}={some(d, BASE62 + '!#%', 12)}"
    ),
    "bearer": lambda d: "Bearer " + some(d, URLSAFE + ".", 30),
    "url_password": lambda d: f"postgresql://app:{some(d, BASE62, 14)}@db-1/flows",
    "jwt": jwt,
    "pem": pem,
    "email": email,
    "phone": phone,
    "card": card,
    "iban": iban,
    "national_id": national_id,
    "ipv4": lambda d: ".".join(str(d.randrange(11, 250)) for _ in range(4)).replace("127.", "126."),
    "ipv6": lambda d: "2001:db8:" + ":".join(f"{d.randrange(4096, 65536):x}" for _ in range(6)),
}

PLACES: tuple[str, ...] = (
    "{value}",
    "{word} {word} {value} {other} {word}",
    "ValueError: cannot use '{value}' here",
    "{word}\n{value}\n{other}",
    "„{value}“, sagte Zoë – später",
    '{{"note": "{value}", "n": 3}}',
    "https://example.org/find?q={value}&page=2",
    "<b>{value}</b>",
    "({value}); {word}",
    "日本語 {value} 日本語",
    "{word}: {value}.",
    "\t{value}\r\n",
    REPR,
)


def placed(draw: random.Random, value: str) -> str:
    """A value in a place drawn by chance."""
    place = draw.choice(PLACES)
    if place is REPR:
        return repr(f"a\n{value}\nb")
    if " " in value or "\n" in value:
        place = place.replace("https://example.org/find?q=", "")
    return place.format(value=value, word=draw.choice(WORDS), other=draw.choice(WORDS))


def secret_part(value: str) -> str:
    """The part of a planted value that must be gone: what stands behind its name, its scheme, its user."""
    for sign in ("app:", "Bearer ", "="):
        if sign in value and "PRIVATE KEY" not in value:
            return value.partition(sign)[2].partition("@")[0]
    return value
