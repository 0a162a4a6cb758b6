"""Whether a text repeats what only gate or report cases say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from flywheel.records.case import Case

RUN = 8
"""Words in a row that two texts do not share by chance."""

LEAST = 3
"""A case shorter than a run is looked for whole, from so many words on: single words are everybody's."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class LeakGuard:
    """Runs of words that only kept-back cases have, as hashes: it can recognise them, not tell them.

    Attributes:
        runs: hashes by their length in words.
    """

    runs: dict[int, frozenset[bytes]] = field(default_factory=dict)

    def leaked_words(self, text: str) -> int:
        """Length of the longest kept-back run in a text, in words; 0 when there is none.

        Examples:
            >>> case = Case(case_id="g", suite="s", inputs={"q": "Where does the lady live now?"})
            >>> guard = guard_against([case], known=["Where is it?"])
            >>> guard.leaked_words("Q: where does the lady live NOW"), guard.leaked_words("the lady")
            (6, 0)
        """
        words = _words(text)
        found = (n for n, hashes in self.runs.items() if any(h in hashes for h in _hashes(words, n)))
        return max(found, default=0)


def guard_against(kept_back: Iterable[Case], known: Sequence[str]) -> LeakGuard:
    """A guard that knows the inputs with the expectations of cases no proposer may see.

    What reflect cases, the live prompt or the data dictionary say too is no
    secret: a run that stands there is not guarded.

    Args:
        kept_back: gate and report cases.
        known: texts that proposers see anyway.

    Returns:
        Hashes only; the texts cannot be read back.
    """
    secret: dict[int, set[bytes]] = {}
    for case in kept_back:
        for text in leaves([case.inputs, case.expected]):
            words = _words(text)
            length = min(RUN, len(words))
            if length >= LEAST:
                secret.setdefault(length, set()).update(_hashes(words, length))
    for text in known:
        words = _words(text)
        for length, hashes in secret.items():
            hashes.difference_update(_hashes(words, length))
    return LeakGuard({n: frozenset(hashes) for n, hashes in secret.items() if hashes})


def shared_words(text: str, other: str, least: int) -> bool:
    """Whether two texts share a run of at least so many words.

    Examples:
        >>> shared_words("say the magic word", "Please, say the magic WORD!", 4)
        True
    """
    mine = set(_hashes(_words(text), least))
    return any(h in mine for h in _hashes(_words(other), least))


def leaves(value: JsonValue) -> Iterator[str]:
    """All texts inside a JSON value; numbers and keys are not text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _hashes(words: Sequence[str], length: int) -> Iterator[bytes]:
    for start in range(len(words) - length + 1):
        run = " ".join(words[start : start + length])
        yield hashlib.blake2b(run.encode("utf-8", "surrogatepass"), digest_size=8).digest()
