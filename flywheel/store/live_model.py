"""The model to ask, for an application: from kept beliefs, never waiting for a dead store twice."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from flywheel.errors import StoreUnreachable, UnknownName
from flywheel.learn.routing import RouteRules, route
from flywheel.records.model_belief import ModelBelief, ModelChoice
from flywheel.settings import read_settings
from flywheel.store.live_cache import Freshness, LiveCache
from flywheel.store.open import SqlStore

TTL_S: Final = 60.0
"""How old beliefs may be before they are read again, in the background; they move once a day."""

FIRST_WAIT_S: Final = 2.0
"""How long the first call for a prompt waits for the store."""


@dataclass(frozen=True, slots=True)
class BestModelSettings:
    """Where beliefs come from, what a choice weighs.

    Attributes:
        store: address of the store, or an open one; None reads the environment.
        workspace: of the prompt; None reads the environment.
        rules: floor, weights of cost and latency, most that is explored.
        ttl_s: seconds after which beliefs are read again, in the background.
        first_wait_s: seconds the first call for a prompt waits for the store.
    """

    store: SqlStore | str | None = None
    workspace: str | None = None
    rules: RouteRules = field(default_factory=RouteRules)
    ttl_s: float = TTL_S
    first_wait_s: float = FIRST_WAIT_S


def _read(store: SqlStore, workspace: str, prompt: str) -> tuple[ModelBelief, ...]:
    own = store.learned.beliefs(workspace, prompt)
    return tuple(own or store.learned.beliefs(workspace))


_CACHE: Final = LiveCache(_read, "flywheel-best-model")


def best_model(
    prompt: str,
    slice: str | None = None,  # noqa: A002 - the word users know
    key: str | None = None,
    default: str | None = None,
    *,
    settings: BestModelSettings | None = None,
) -> str:
    """The name of the model to ask.

    The first call reads the store; later ones answer from memory, and once the
    beliefs are older than the TTL one of them has them read anew in the
    background. A prompt nobody learned of yet is judged by all prompts together.

    Args:
        prompt: of the request.
        slice: of the request; None, or one nobody knows, is judged over all slices.
        key: whom the request is for; the same key gets the same model while the beliefs stand.
        default: given when no belief was ever known.
        settings: store, workspace, what the choice weighs.

    Raises:
        UnknownName: no belief is kept, and there is no default.
        StoreUnreachable: the store did not answer in time, no belief was ever known, and there is no
            default.

    Examples:
        >>> best_model("triage", default="small", settings=BestModelSettings(store="sqlite://"))
        'small'
    """
    try:
        return choose_model(prompt, slice, key, settings=settings).model
    except (UnknownName, StoreUnreachable):
        if default is None:
            raise
        return default


def choose_model(
    prompt: str,
    slice: str | None = None,  # noqa: A002 - the word users know
    key: str | None = None,
    *,
    settings: BestModelSettings | None = None,
) -> ModelChoice:
    """The same with the chance that this model was given, for a log that is to be analysed later.

    Args:
        prompt: of the request.
        slice: of the request.
        key: whom the request is for; without one every call draws anew.
        settings: store, workspace, what the choice weighs.

    Raises:
        UnknownName: no belief is kept.
        StoreUnreachable: the store did not answer in time, and no belief was ever known.
    """
    wanted = settings or BestModelSettings()
    found = read_settings(wanted.store if isinstance(wanted.store, str) else None)
    workspace = wanted.workspace or found.workspace
    source = wanted.store if isinstance(wanted.store, SqlStore) else found.database_url
    entry = _CACHE.entry(source, workspace, prompt, Freshness(wanted.ttl_s, wanted.first_wait_s))
    if entry.value:
        seed = 0 if key is not None else secrets.randbits(63)
        return route(entry.value, slice, key, wanted.rules, seed)
    if entry.known:
        msg = (
            f"No belief in a model is kept for prompt {prompt!r}. Nothing was chosen. Keep what the "
            f"executions say with: flywheel route {prompt} --update, or give best_model a default."
        )
        raise UnknownName(msg)
    why = entry.problem or "the store did not answer in time."
    msg = (
        f"The models of prompt {prompt!r} are not known: {why} "
        "Give best_model a default to go on without the store."
    )
    raise StoreUnreachable(msg)


def forget_live_models() -> None:
    """Empty the cache, so that the next call reads the store."""
    _CACHE.forget()
