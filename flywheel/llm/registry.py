"""Models by name."""

from __future__ import annotations

import os
from collections.abc import Mapping

from flywheel.errors import InputError, UnknownName
from flywheel.llm.embedded import EmbeddedModel
from flywheel.llm.embedded_variants import BY_NAME, VARIANTS
from flywheel.ports import ChatModel

EMBEDDED = "embedded-"
OPENAI = "openai:"
OPENAI_BASE_URL = "https://api.openai.com/v1"


def model_names() -> tuple[str, ...]:
    """The models that are always there; any OpenAI-compatible one can be named besides.

    Examples:
        >>> model_names()[0], len(model_names())
        ('embedded-nano', 7)
    """
    return tuple(variant.name for variant in VARIANTS)


def chat_model(name: str, environ: Mapping[str, str] | None = None) -> ChatModel:
    """A model by its name; nothing is sent yet.

    Args:
        name: `embedded-...` for an embedded variant; `openai:MODEL`, or any
            other name, for a model behind an OpenAI-compatible address.
        environ: FLYWHEEL_LLM_BASE_URL with FLYWHEEL_LLM_API_KEY, else
            OPENAI_BASE_URL with OPENAI_API_KEY; os.environ when None.

    Returns:
        The embedded model, or the adapter of the OpenAI-compatible one.

    Raises:
        UnknownName: no such embedded variant, or a name without `openai:`
            while no address or key is set.
        InputError: `openai:` without a model, or without a key for the vendor's own address.

    Examples:
        >>> chat_model("embedded-small", {}).variant.context_chars
        30000
    """
    env = os.environ if environ is None else environ
    if name in BY_NAME:
        return EmbeddedModel(BY_NAME[name])
    base_url, api_key = _address(env)
    explicit = name.startswith(OPENAI)
    if name.startswith(EMBEDDED) or not (explicit or base_url or api_key):
        raise UnknownName(_unknown(name))
    model = name.removeprefix(OPENAI)
    if not model:
        msg = (
            f"Model name {name!r} ends after the colon; need 'openai:MODEL'. Nothing was sent. Add the model."
        )
        raise InputError(msg)
    if base_url is None and api_key is None:
        msg = (
            f"Model {name!r} needs OPENAI_API_KEY (or FLYWHEEL_LLM_API_KEY); neither is set. Nothing "
            "was sent. Set one, set FLYWHEEL_LLM_BASE_URL for a server without keys, or use embedded-medium."
        )
        raise InputError(msg)
    from flywheel.llm.openai_chat import Endpoint, OpenAIChat

    return OpenAIChat(name, Endpoint(model=model, base_url=base_url or OPENAI_BASE_URL, api_key=api_key))


def _address(env: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Base address and key, always of the same pair: a key never goes to another's address."""
    own = env.get("FLYWHEEL_LLM_BASE_URL") or None, env.get("FLYWHEEL_LLM_API_KEY") or None
    if any(own):
        return own
    return env.get("OPENAI_BASE_URL") or None, env.get("OPENAI_API_KEY") or None


def _unknown(name: str) -> str:
    return (
        f"No model {name!r}. There are: {', '.join(model_names())}; with OPENAI_API_KEY or "
        "FLYWHEEL_LLM_BASE_URL set, also openai:MODEL. Nothing was run. Name one of them."
    )
