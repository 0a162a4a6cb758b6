r"""The quick look that clears a text of everything private, so that the slow look is rare.

Each mark of something private has a character that prose seldom has, or six
digits in a row once the separators are gone. One pass of an expression whose
branches all start with such a character, one translation for the digits:
under a microsecond for a hundred characters.
"""

from __future__ import annotations

import re
from typing import Final

# The ends of key, secret, token, password, passwd, pwd, auth, as product of three classes: cheap to test.
_END: Final = "[kKrRoOsSpPuU][eEwWrRtT][yYtTnNdDhH]"
_AFTER_NAME: Final = "|".join(
    (
        f"(?:(?<={_END}.)",
        f"(?<={_END}[\"' s].)",
        rf"(?<={_END}\\[\"'].)",
        f"(?<={_END}s[\"'].)",
        "(?<=phrase.)",
        "(?<=phrase[\"'].))",
    )
)

_SIGNS: Final = re.compile(
    "|".join(
        (
            "@",
            "%40",
            f":(?:[0-9A-Fa-f]{{0,4}}:|{_AFTER_NAME})",
            f"={_AFTER_NAME}",
            f"%3[dD](?<={_END}...)",
            r"_[\w-]{12}",
            r"-(?:[\w-]{12}|----)",
            # AKIA, ASIA; AIza, authorization; eyJ of a JWT; SG. of SendGrid; ya29. of Google.
            "K(?<=AK)IA",
            "S(?<=AS)IA",
            r"z(?:(?<=AIz)a|(?<=[oO][rR][iI]z)ation)",
            "Z(?<=[oO][rR][iI]Z)ATION",
            "J(?<=eyJ)",
            r"G(?<=SG)\.",
            r"9(?<=ya29)\.",
            "bearer",
            "Bearer",
            "BEARER",
            "Basic",
            "hooks",
            # The keys cvv and cvc; their values are too short to be seen by themselves.
            "v(?<=cv)[vc]",
            "V(?<=CV)[VC]",
            r"\.(?<=[0-9].)[0-9]{1,3}\.[0-9]",
        )
    )
).search

_DIGITS: Final = bytes(48 if 48 <= byte <= 57 else 120 for byte in range(256))
_SEPARATORS: Final = b" -.()/" + bytes(range(128, 256))
_SIX: Final = b"0" * 6


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
    return _SIGNS(text) is not None or has_many_digits(text)


def has_many_digits(text: str) -> bool:
    """Whether six digits follow each other when separators between them do not count."""
    # Half a character (a lone surrogate) cannot be encoded otherwise.
    return _SIX in text.encode("utf-8", "surrogatepass").translate(_DIGITS, _SEPARATORS)
