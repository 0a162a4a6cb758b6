"""Rows cleaned of what is private, on their way to the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import Final, cast

from flywheel.learn.redaction import NAMES, TEXTS, VALUES, Redactor
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.store.encoding import from_json, to_json
from flywheel.store.execution_rows import ROW_COLUMNS, content_hash_of

Row = tuple[object, ...]
"""Values in the order of `ROW_COLUMNS`."""

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
        _rename(redactor, rows, column, changes)
    looks: tuple[tuple[tuple[int, ...], Callable[[str], str]], ...] = (
        (_IDS, redactor.name),
        (_TEXTS, redactor.text),
        (_JSON, partial(_json_text, redactor)),
    )
    for columns, clean in looks:
        for column in columns:
            texts: Sequence[object] = [row[column] for row in rows]
            if column in _IDS:
                texts = list(_unfamiliar(redactor, texts))
            for position, new in _changed_texts(redactor, texts, clean):
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


def _rename(redactor: Redactor, rows: Sequence[Row], column: int, changes: dict[int, dict[int, str]]) -> None:
    distinct = {row[column] for row in rows} - {None}
    renamed = {old: new for old in distinct if (new := redactor.name(cast("str", old))) != old}
    for position, row in enumerate(rows) if renamed else ():
        if row[column] in renamed:
            changes.setdefault(position, {})[column] = renamed[row[column]]


def _unfamiliar(redactor: Redactor, ids: Iterable[object]) -> Iterator[object]:
    """None in place of an id that is a counter behind a harmless beginning, as most are: `run-000017`."""
    harmless: dict[str, bool] = {}
    for one in ids:
        text = cast("str", one or "")
        start = text.rstrip("0123456789")
        size = len(start)
        # 0049... is a telephone number; longer than twelve digits can be a card.
        if len(text) - size > _LONGEST_COUNTER or (
            text.startswith("00", size) and text[size + 2 : size + 3] != "0"
        ):
            yield one
            continue
        known = harmless.get(start)
        if known is None:
            ends_in_digits = any(c.isdigit() for c in start[-4:])
            known = harmless[start] = not (ends_in_digits or redactor.suspects(f"{start}90000000"))
        yield None if known else one


def _changed_texts(
    redactor: Redactor, texts: Sequence[object], clean: Callable[[str], str]
) -> Iterator[tuple[int, str]]:
    """Positions of the texts that were not clean, with what they become."""
    for start in range(0, len(texts), _TOGETHER):
        some = cast("list[str]", [text for text in texts[start : start + _TOGETHER] if text is not None])
        if not some or not redactor.suspects("\n".join(some)):
            continue
        for position in range(start, min(start + _TOGETHER, len(texts))):
            old = cast("str | None", texts[position])
            if old is not None and (new := clean(old)) is not old and new != old:
                yield position, new


def _json_text(redactor: Redactor, text: str) -> str:
    if not redactor.suspects(text):
        return text
    value = from_json(text)
    clean = redactor.value(value)
    return text if clean is value else cast("str", to_json(clean))
