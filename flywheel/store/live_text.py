"""The live text of a prompt, by one query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flywheel.store.encoding import from_json, from_us
from flywheel.store.session import Database

_QUERY: Final = (
    "SELECT v.version, v.text, v.variables, l.revision, l.released_us, l.kind FROM live_version l "
    "JOIN prompt_version v ON v.workspace = l.workspace AND v.prompt = l.prompt AND v.version = l.version "
    "WHERE l.workspace = {0} AND l.prompt = {0}"
)


@dataclass(frozen=True, slots=True)
class LiveText:
    """What an application gets when it asks for a prompt.

    Attributes:
        version: content hash of the text.
        text: to the byte as it was added.
        variables: names to be filled in.
        revision: counts the moves of the live pointer; with the version it names this answer.
        released_at: of the release.
        kind: of the release.
    """

    version: str
    text: str
    variables: tuple[str, ...]
    revision: int
    released_at: datetime
    kind: str


def live_text(database: Database, workspace: str, prompt: str) -> LiveText | None:
    """The live version of a prompt with its text, None when nothing is live.

    Asked at every call of an application, so by the driver itself.

    Raises:
        StoreUnreachable: the store cannot be read.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> live_text(open_store("sqlite://").database, "default", "triage") is None
        True
    """
    query = _QUERY.format("?" if database.dialect == "sqlite" else "%s")
    with database.direct(write=False) as cursor:
        cursor.execute(query, (workspace, prompt))
        row = cursor.fetchone()
    if row is None:
        return None
    version, text, variables, revision, released_us, kind = row
    names = from_json(variables)
    return LiveText(
        version=version,
        text=bytes(text).decode("utf-8", "surrogatepass"),
        variables=tuple(map(str, names)) if isinstance(names, list) else (),
        revision=revision,
        released_at=from_us(released_us),
        kind=kind,
    )
