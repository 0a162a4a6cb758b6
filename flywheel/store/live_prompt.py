"""The live text of a prompt for an application: cached, never waiting for a dead store twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flywheel.errors import StoreUnreachable, UnknownName
from flywheel.settings import read_settings
from flywheel.store.live_cache import Freshness, LiveCache
from flywheel.store.open import SqlStore

TTL_S: Final = 30.0
"""How old a text may be before it is read again, in the background."""

FIRST_WAIT_S: Final = 2.0
"""How long the first call for a prompt waits for the store."""


@dataclass(frozen=True, slots=True)
class LivePromptSettings:
    """Where live texts come from, and how fresh they are.

    Attributes:
        store: address of the store, or an open one; None reads the environment.
        workspace: of the prompt; None reads the environment.
        ttl_s: seconds after which a text is read again, in the background.
        first_wait_s: seconds the first call for a prompt waits for the store.
    """

    store: SqlStore | str | None = None
    workspace: str | None = None
    ttl_s: float = TTL_S
    first_wait_s: float = FIRST_WAIT_S


def _read(store: SqlStore, workspace: str, prompt: str) -> str | None:
    live = store.releases.live(workspace, prompt)
    version = store.prompts.get(workspace, prompt, live.version) if live is not None else None
    return version.text if version is not None else None


_CACHE: Final = LiveCache(_read, "flywheel-get-prompt")


def get_prompt(
    name: str,
    key: str | None = None,  # noqa: ARG001 - decides once a release can be shared
    default: str | None = None,
    *,
    settings: LivePromptSettings | None = None,
) -> str:
    """The text of the live version of a prompt.

    The first call reads the store; later ones answer from memory, and once the
    text is older than the TTL one of them has it read anew in the background.
    When the store is away the last known text is served, or the default.

    Args:
        name: of the prompt.
        key: whom the text is for, such as a user id; the same key always gets
            the same version while a release is shared between two. As long as
            one version is live for everybody it changes nothing.
        default: served when no text was ever known.
        settings: store, workspace, times.

    Raises:
        UnknownName: nothing is live under the name, and there is no default.
        StoreUnreachable: the store did not answer in time, no text was ever
            known, and there is no default.

    Examples:
        >>> get_prompt("triage", default="Route: {question}", settings=LivePromptSettings(store="sqlite://"))
        'Route: {question}'
    """
    wanted = settings or LivePromptSettings()
    found = read_settings(wanted.store if isinstance(wanted.store, str) else None)
    source = wanted.store if isinstance(wanted.store, SqlStore) else found.database_url
    fresh = Freshness(wanted.ttl_s, wanted.first_wait_s)
    entry = _CACHE.entry(source, wanted.workspace or found.workspace, name, fresh)
    if entry.value is not None:
        return entry.value
    if default is not None:
        return default
    if entry.known:
        msg = (
            f"Nothing is live for prompt {name!r}. Nothing was changed. Make a version live with: "
            f"flywheel prompt add {name} FILE --live, or give get_prompt a default."
        )
        raise UnknownName(msg)
    why = entry.problem or "the store did not answer in time."
    msg = (
        f"The live text of prompt {name!r} is not known: {why} "
        "Give get_prompt a default to go on without the store."
    )
    raise StoreUnreachable(msg)


def forget_live_prompts() -> None:
    """Empty the cache, so that the next call reads the store."""
    _CACHE.forget()
