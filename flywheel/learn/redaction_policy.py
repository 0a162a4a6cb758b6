"""What a workspace wants taken out of its evidence before anything is kept."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from flywheel.records.base import Name, Record


class RedactionMode(StrEnum):
    """What stands where something private stood."""

    OFF = "off"
    MASK = "mask"
    HASH = "hash"


class Private(StrEnum):
    """Kinds of private text that are recognised."""

    PRIVATE_KEY = "private_key"
    API_KEY = "api_key"
    JWT = "jwt"
    BEARER_TOKEN = "bearer_token"  # noqa: S105 - the name of a kind
    PASSWORD = "password"  # noqa: S105 - the name of a kind
    SECRET = "secret"  # noqa: S105 - the name of a kind
    CARD = "card"
    IBAN = "iban"
    NATIONAL_ID = "national_id"
    EMAIL = "email"
    PHONE = "phone"
    IP = "ip"


def _compiles(pattern: str) -> str:
    try:
        found = re.compile(pattern)
    except re.error as error:
        msg = f"pattern {pattern!r} is no regular expression: {error}"
        raise ValueError(msg) from error
    if found.search("") is not None:
        msg = f"pattern {pattern!r} fits an empty text, so it would fit everywhere; make it need a character"
        raise ValueError(msg)
    return pattern


class CustomPattern(Record):
    """A kind of private text that only this workspace knows, such as its client ids.

    Attributes:
        name: the kind, as it stands in a mark: lower-case letters, digits, `_`.
        pattern: a regular expression; its first group, when it has one, is what is taken out.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
    pattern: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_compiles)]


class RedactionPolicy(Record):
    """What is taken out of the evidence of one workspace, with what stands there instead.

    Attributes:
        mode: `mask` puts `<email>`, `hash` puts `<email:1f0c…>` that is equal
            for equal values, `off` leaves everything.
        salt: key of the hashes; equal values join only under one salt.
        patterns: further kinds.
        kept: kinds that are left as they are.
        calling_code: of telephone numbers written without one, such as `+49`;
            empty leaves national numbers as their digits.

    Examples:
        >>> RedactionPolicy().mode.value
        'mask'
        >>> clients = CustomPattern(name="client", pattern="C-[0-9]{6}")
        >>> RedactionPolicy(mode="hash", salt="8c1f", patterns=(clients,)).mode.value
        'hash'
    """

    workspace: Name = "default"
    mode: RedactionMode = RedactionMode.MASK
    salt: Annotated[str, Field(max_length=64, repr=False)] = ""
    patterns: tuple[CustomPattern, ...] = ()
    kept: frozenset[Private] = frozenset()
    calling_code: Annotated[str, StringConstraints(pattern=r"^(\+[1-9][0-9]{0,2})?$")] = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mode is RedactionMode.HASH and not self.salt:
            msg = "mode 'hash' needs a salt, or anyone could hash a list of e-mails and compare"
            raise ValueError(msg)
        names = [pattern.name for pattern in self.patterns]
        twice = next((n for n in names if names.count(n) > 1 or n in Private.__members__.values()), None)
        if twice is not None:
            msg = f"pattern name {twice!r} is taken; give each pattern a name of its own"
            raise ValueError(msg)
        return self
