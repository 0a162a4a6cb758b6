"""Rows cleaned of what is private, on their way to the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Final, cast

from flywheel.learn.redaction import NAMES, TEXTS, VALUES, Redactor
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.store.encoding import from_json, to_json
from flywheel.store.execution_rows import ROW_COLUMNS, content_hash_of

Row = tuple[object, ...]
"""Values in the order of `ROW_COLUMNS`."""

_Texts = Sequence[str | None]

_COLUMN_OF: Final = {"metadata": "metadata_json"}
_WORKSPACE: Final = itemgetter(ROW_COLUMNS.index("workspace"))
_OWN_IDS: Final = ("execution_id", "case_id")
_NAMES: Final = tuple(ROW_COLUMNS.index(name) for name in NAMES if name not in _OWN_IDS)
_IDS: Final = tuple(ROW_COLUMNS.index(name) for name in _OWN_IDS)
_TEXTS: Final = tuple(ROW_COLUMNS.index(name) for name in TEXTS)
_JSON: Final = tuple(ROW_COLUMNS.index(_COLUMN_OF.get(name, name)) for name in (*VALUES, "models"))

_TOGETHER: Final = 24
"""Texts that are looked at as one: a look has a fixed cost, and most texts are clean."""

_LONGEST_COUNTER: Final = 12
"""Digits; more can be a card."""

_LEAST_ABROAD: Final = 10
"""Digits of the shortest telephone number with the 00 of another country."""


class Redaction:
    """Cleans rows, each by the policy of its own workspace.

    Args:
        policy_of: the policy of a workspace; asked once for each.

    Examples:
        >>> from flywheel.records.execution import Execution
        >>> from flywheel.store.execution_rows import row_of
        >>> redaction = Redaction(lambda workspace: RedactionPolicy(workspace=workspace))
        >>> row = row_of(Execution(execution_id="r1", outcome="passed", output="ann@example.com"))
        >>> dict(zip(ROW_COLUMNS, redaction.rows([row])[0]))["output"]
        '"<email>"'
        >>> redaction.counts["email"]
        1
    """

    def __init__(self, policy_of: Callable[[str], RedactionPolicy]) -> None:
        self._policy_of = policy_of
        self._redactors: dict[str, Redactor] = {}

    @property
    def counts(self) -> Counter[str]:
        """How often each kind was taken out."""
        return sum((redactor.counts for redactor in self._redactors.values()), Counter())

    def rows(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows in their order; one without anything private is the same object."""
        workspaces = set(map(_WORKSPACE, rows))
        if len(workspaces) == 1:
            return clean_rows(self._redactor(cast("str", workspaces.pop())), rows)
        by_workspace: dict[object, list[int]] = {}
        for position, row in enumerate(rows):
            by_workspace.setdefault(_WORKSPACE(row), []).append(position)
        cleaned = list(rows)
        for workspace, positions in by_workspace.items():
            own = clean_rows(self._redactor(cast("str", workspace)), [rows[p] for p in positions])
            for position, row in zip(positions, own, strict=True):
                cleaned[position] = row
        return cleaned

    def text(self, text: str, workspace: str) -> str:
        """A text about rows of a workspace, such as the reason why one was refused."""
        return self._redactor(workspace).text(text)

    def _redactor(self, workspace: str) -> Redactor:
        if workspace not in self._redactors:
            self._redactors[workspace] = Redactor(self._policy_of(workspace))
        return self._redactors[workspace]


def clean_rows(redactor: Redactor, rows: Sequence[Row]) -> Sequence[Row]:
    """Rows by the policy of one redactor, column by column; the same object when nothing is private.

    Names repeat, so each is looked at once. Texts are looked at many at a
    time, JSON as the text it is kept as, so that only what is suspicious is
    looked at alone or decoded. The content hash of a changed row is made anew;
    an id that was derived from the content stays, so that equal lines stay one.
    """
    if redactor.is_off or not rows:
        return rows
    changes: dict[int, dict[int, str]] = {}
    for column in _NAMES:
        _rename(redactor, _column(rows, column), column, changes)
    looks: tuple[tuple[tuple[int, ...], Callable[[str], str]], ...] = (
        (_IDS, redactor.name),
        (_TEXTS, redactor.text),
        (_JSON, partial(_json_text, redactor)),
    )
    for own, clean in looks:
        for column in own:
            texts = _column(rows, column)
            different = _unfamiliar(redactor, texts) if column in _IDS else texts
            suspects = _suspects(redactor, dict.fromkeys(different))
            for position, old in enumerate(texts) if suspects else ():
                if old is not None and old in suspects and (new := clean(old)) != old:
                    changes.setdefault(position, {})[column] = new
    if not changes:
        return rows
    cleaned = list(rows)
    for position, new_texts in changes.items():
        values = list(rows[position][:-1])
        for column, text in new_texts.items():
            values[column] = text
        cleaned[position] = (*values, content_hash_of(tuple(values)))
    return cleaned


def _column(rows: Sequence[Row], column: int) -> _Texts:
    return list(map(cast("Callable[[Row], str | None]", itemgetter(column)), rows))


def _rename(redactor: Redactor, names: _Texts, column: int, changes: dict[int, dict[int, str]]) -> None:
    renamed = {old: new for old in set(names) - {None} if (new := redactor.name(cast("str", old))) != old}
    for position, old in enumerate(names) if renamed else ():
        if old in renamed:
            changes.setdefault(position, {})[column] = renamed[old]


def _unfamiliar(redactor: Redactor, ids: _Texts) -> list[str]:
    """Ids without those that are a counter behind a harmless beginning, as most are: `run-000017`."""
    starts = [one.rstrip("0123456789") if one is not None else "" for one in ids]
    suspicious = {start for start in set(starts) if not _is_harmless(redactor, start)}
    return [
        one
        for one, start in zip(ids, starts, strict=True)
        if one is not None and (start in suspicious or not _is_counter(one, len(start)))
    ]


def _is_harmless(redactor: Redactor, start: str) -> bool:
    """Whether nothing private begins there and ends in the digits of a counter."""
    # Behind a letter the digits can be the end of a hash in hex, which the quick look clears as a whole.
    is_open = any(c.isdigit() for c in start[-4:]) or start[-1:].isalpha()
    return not is_open and not redactor.suspects(f"{start}90000000")


def _is_counter(text: str, start: int) -> bool:
    """Whether the digits at the end are too few for a card and for a telephone number that begins with 00."""
    digits = len(text) - start
    if digits < _LEAST_ABROAD:
        return True
    return digits <= _LONGEST_COUNTER and not (text.startswith("00", start) and text[start + 2] != "0")


def _suspects(redactor: Redactor, texts: Iterable[str | None]) -> set[str]:
    """Those of different texts that need a look of their own."""
    different = (text for text in texts if text is not None)
    found: set[str] = set()
    while some := list(islice(different, _TOGETHER)):
        if redactor.suspects("\n".join(some)):
            found.update(filter(redactor.suspects, some))
    return found


def _json_text(redactor: Redactor, text: str) -> str:
    if not redactor.suspects(text):
        return text
    value = from_json(text)
    clean = redactor.value(value)
    return text if clean is value else cast("str", to_json(clean))
