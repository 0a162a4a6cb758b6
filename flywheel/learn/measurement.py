"""Which measurement an answer belongs to.

A kept answer is the same draw of the model's noise, however often it is read.
So it is given again within one measurement only: a run that goes on, a cycle
with its dry run. Another measurement of the same question asks anew.
"""

from __future__ import annotations

import hashlib

USUAL = 0
"""Replicate of questions whose answers may be given to anybody who asks the same."""


def replicate_of(*names: str) -> int:
    """Number of the measurement that these names mean; never the usual one.

    Args:
        names: what tells it from others: a session, a cycle without its budget.

    Returns:
        At least 1 and below 2**52, so that it stays whole in JSON.

    Examples:
        >>> replicate_of("run/a") == replicate_of("run/a"), replicate_of("run/a") == replicate_of("run/b")
        (True, False)
    """
    text = "\x1f".join(names).encode("utf-8", "surrogatepass")
    return 1 + int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) % (2**52 - 1)
