"""Models by name, for callers without a store."""

from __future__ import annotations

import os
from collections.abc import Mapping

from flywheel.llm.gateway import open_gateway
from flywheel.llm.names import embedded_names
from flywheel.ports import AsyncChatModel


def model_names() -> tuple[str, ...]:
    """The models that are always there; `flywheel models` lists those of providers besides.

    Examples:
        >>> model_names()[0], len(model_names())
        ('embedded-nano', 7)
    """
    return embedded_names()


def chat_model(name: str, environ: Mapping[str, str] | None = None) -> AsyncChatModel:
    """A model by its name; nothing is sent yet, and its ledger ends with the process.

    Args:
        name: `embedded-...` for an embedded variant; `PROVIDER/MODEL`; a name of the models file;
            `openai:MODEL`, or any other name, for a model behind an address of the environment.
        environ: FLYWHEEL_MODELS_FILE, keys of providers; FLYWHEEL_LLM_BASE_URL with
            FLYWHEEL_LLM_API_KEY, else OPENAI_BASE_URL with OPENAI_API_KEY; os.environ when None.

    Returns:
        The embedded model, or one with kept answers, fallbacks, tries, breaker and limits.

    Raises:
        UnknownName: no such model.
        InputError: `openai:` without a model, a key that is not set, or a models file that cannot be read.

    Examples:
        >>> chat_model("embedded-small", {}).variant.context_chars
        30000
    """
    return open_gateway(os.environ if environ is None else environ).model(name)
