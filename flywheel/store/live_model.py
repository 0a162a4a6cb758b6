"""The model to ask, for an application: from kept beliefs, never waiting for a dead store twice."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from flywheel.errors import StoreUnreachable, UnknownName
from flywheel.learn.routing import RouteRules, options_of, pick
from flywheel.records.model_belief import ModelBelief, ModelChoice, ModelOption
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


@dataclass(frozen=True, slots=True)
class _Known:
    """Beliefs with the options that were made of them, by slice and rules."""

    beliefs: tuple[ModelBelief, ...]
    options: dict[tuple[str | None, RouteRules], tuple[ModelOption, ...]] = field(default_factory=dict)

    def options_for(self, slice_name: str | None, rules: RouteRules) -> tuple[ModelOption, ...]:
        known = slice_name if any(one.slice == slice_name for one in self.beliefs) else None
        if (known, rules) not in self.options:
            self.options[known, rules] = options_of(self.beliefs, known, rules)
        return self.options[known, rules]


def _read(store: SqlStore, workspace: str, prompt: str) -> _Known | None:
    found = store.learned.beliefs(workspace, prompt) or store.learned.beliefs(workspace)
    return _Known(tuple(found)) if found else None


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
        choice = pick(entry.value.options_for(slice, wanted.rules), key, wanted.rules, seed)
        return choice.model_copy(update={"workspace": workspace, "prompt": prompt, "slice": slice})
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
