"""Rows cleaned of what is private, on their way to the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, cast

from flywheel.learn.redaction import NAMES, TEXTS, VALUES, Redactor
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.store.encoding import from_json, to_json
from flywheel.store.execution_rows import ROW_COLUMNS, content_hash_of

Row = tuple[object, ...]
"""Values in the order of `ROW_COLUMNS`."""

_COLUMN_OF: Final = {"metadata": "metadata_json"}
_WORKSPACE: Final = ROW_COLUMNS.index("workspace")
_NAMES: Final = tuple(ROW_COLUMNS.index(name) for name in NAMES)
_TEXTS: Final = tuple(ROW_COLUMNS.index(name) for name in TEXTS)
_JSON: Final = tuple(ROW_COLUMNS.index(_COLUMN_OF.get(name, name)) for name in (*VALUES, "models"))


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
        self._redactors: dict[object, Redactor] = {}
        self._cleaners: dict[object, Callable[[Row], Row]] = {}

    @property
    def counts(self) -> Counter[str]:
        """How often each kind was taken out."""
        return sum((redactor.counts for redactor in self._redactors.values()), Counter())

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """The rows in their order; one without anything private is the same object."""
        find = self._cleaners.get
        return [(find(row[_WORKSPACE]) or self._made(row[_WORKSPACE]))(row) for row in rows]

    def text(self, text: str, workspace: str) -> str:
        """A text about rows of a workspace, such as the reason why one was refused."""
        self._made(workspace)
        return self._redactors[workspace].text(text)

    def _made(self, workspace: object) -> Callable[[Row], Row]:
        if workspace not in self._cleaners:
            redactor = Redactor(self._policy_of(cast("str", workspace)))
            self._redactors[workspace] = redactor
            self._cleaners[workspace] = row_cleaner(redactor)
        return self._cleaners[workspace]


def row_cleaner(redactor: Redactor) -> Callable[[Row], Row]:
    """What cleans rows by the policy of a redactor; a row without anything private comes back as it is.

    JSON columns are looked at as the text they are kept as, so that only a
    suspicious one is decoded. The content hash of a changed row is made anew;
    an id that was derived from the content stays, so that equal lines stay one.
    """
    if redactor.is_off:
        return lambda row: row
    text, value, suspects = redactor.text, redactor.value, redactor.suspects

    def json_text(old: str) -> str:
        if not suspects(old):
            return old
        decoded = from_json(old)
        clean = value(decoded)
        return old if clean is decoded else cast("str", to_json(clean))

    steps = tuple(
        (position, clean)
        for positions, clean in ((_NAMES, redactor.name), (_TEXTS, text), (_JSON, json_text))
        for position in positions
    )

    def cleaned(row: Row) -> Row:
        changed: list[object] | None = None
        for position, clean in steps:
            old = row[position]
            if old is None:
                continue
            new = clean(cast("str", old))
            # A name that is remembered may be another object of the same text.
            if new is not old and new != old:
                changed = changed or list(row)
                changed[position] = new
        if changed is None:
            return row
        values = tuple(changed[:-1])
        return (*values, content_hash_of(values))

    return cleaned
