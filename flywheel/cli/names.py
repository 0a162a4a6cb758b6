"""Names a user typed, turned into what the store knows, or refused with the nearest ones."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flywheel.errors import InputError, UnknownName

if TYPE_CHECKING:
    from flywheel.ports import Store
    from flywheel.records.prompt import PromptVersion


def known_prompt(store: Store, workspace: str, prompt: str) -> str:
    """The prompt, when the store has a version or an execution of it.

    Raises:
        UnknownName: it has neither.
    """
    names = store.prompts.names(workspace)
    if prompt in names:
        return prompt
    raise UnknownName(
        f"No prompt {prompt!r} in workspace {workspace!r}. {nearest(prompt, names)} Nothing was changed. "
        f"Add it with: flywheel prompt add {prompt} FILE"
    )


def known_version(store: Store, workspace: str, prompt: str, ref: str) -> PromptVersion:
    """A version by hash, by eight or more of its first digits, by label, or `live`.

    Raises:
        UnknownName: no such version.
    """
    if ref == "live" and (live := store.releases.live(workspace, prompt)) is not None:
        ref = live.version
    found = store.prompts.get(workspace, prompt, ref)
    if found is not None:
        return found
    versions = store.prompts.versions(workspace, prompt)
    if ref == "live":
        known = f"Versions: {', '.join(v.short for v in versions)}" if versions else "It has no text yet"
        raise UnknownName(
            f"No version of prompt {prompt!r} is live. {known}. Nothing was changed. "
            f"Make one live with: flywheel prompt add {prompt} FILE --live"
        )
    names = [label for version in versions for label in version.labels]
    names += [version.short for version in versions]
    names += [name for name in store.prompts.recorded(workspace, prompt) if len(name) != 64]
    raise UnknownName(
        f"Prompt {prompt!r} has no version {ref!r}. {nearest(ref, list(dict.fromkeys(names)))} "
        f"Nothing was changed. See: flywheel prompt log {prompt}"
    )


def nearest(wanted: str, names: Sequence[str], limit: int = 8) -> str:
    """A sentence with the names that come closest, else with what there is.

    Examples:
        >>> nearest("triaje", ["triage", "billing"])
        "Did you mean 'triage'?"
        >>> nearest("x", ["triage", "billing"])
        "There are 'triage', 'billing'."
        >>> nearest("x", [])
        'There are none yet.'
    """
    close = difflib.get_close_matches(wanted, names, n=3)
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    if not names:
        return "There are none yet."
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"There are {', '.join(map(repr, names[:limit]))}{more}."


def each_model_once(models: Sequence[str | None]) -> tuple[str, ...]:
    """The models that are named, in their order.

    Raises:
        InputError: one is named twice.

    Examples:
        >>> each_model_once(["a", None, "b"])
        ('a', 'b')
    """
    named = [model for model in models if model is not None]
    twice = next((model for model in named if named.count(model) > 1), None)
    if twice is not None:
        raise InputError(f"--model {twice!r} is named twice. Nothing was started. Name each model once.")
    return tuple(named)
