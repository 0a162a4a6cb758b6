"""What a model's name means: which model at which provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flywheel.errors import InputError, UnknownName
from flywheel.llm.embedded_variants import VARIANTS
from flywheel.llm.providers import entry_of, provider_of
from flywheel.records.provider import ModelEntry, ModelsConfig, Provider

EMBEDDED = "embedded-"
OPENAI = "openai:"
OPENAI_BASE_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
ENVIRONMENT = "environment"
"""Provider of models behind an address that the environment names."""


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model with its provider.

    Attributes:
        needs_key: False where a server without keys is possible.
    """

    entry: ModelEntry
    provider: Provider
    needs_key: bool = True


def embedded_names() -> tuple[str, ...]:
    """The models that are always there.

    Examples:
        >>> embedded_names()[0], len(embedded_names())
        ('embedded-nano', 7)
    """
    return tuple(variant.name for variant in VARIANTS)


def resolve(config: ModelsConfig, name: str, environ: Mapping[str, str]) -> NamedModel:
    """The model of a name that is not an embedded variant's.

    In this order: a model of the user's file; with FLYWHEEL_LLM_BASE_URL set, or for `openai:MODEL`, the
    server the environment names; a shipped model or `PROVIDER/MODEL`; any other name at that server.

    Raises:
        UnknownName: none of these.
        InputError: `openai:` without a model, or without a key for the vendor's own address.

    Examples:
        >>> from flywheel.llm.providers import read_config
        >>> config = read_config({"FLYWHEEL_HOME": "/nowhere"})
        >>> resolve(config, "groq/llama-3.3-70b-versatile", {}).provider.api_key_env
        'GROQ_API_KEY'
        >>> resolve(config, "qwen3", {"FLYWHEEL_LLM_BASE_URL": "http://h/v1"}).provider.base_url
        'http://h/v1'
    """
    own = environ.get("FLYWHEEL_LLM_BASE_URL") or None
    explicit = name.startswith(OPENAI)
    if name not in config.own_models and (explicit or own) and not name.startswith(EMBEDDED):
        return _at_environment(name, environ)
    entry = entry_of(config, name)
    if entry is not None:
        provider = provider_of(config, entry)
        if provider.kind == "embedded" and entry.model not in embedded_names():
            raise UnknownName(unknown(config, name))
        return _at_openai_base(NamedModel(entry, provider), environ)
    if name.startswith(EMBEDDED) or not any(_address(environ)):
        raise UnknownName(unknown(config, name))
    return _at_environment(name, environ)


def unknown(config: ModelsConfig, name: str) -> str:
    """The message for a name that means nothing."""
    known = [*embedded_names(), *config.models]
    return (
        f"No model {name!r}. There are: {', '.join(known)}; PROVIDER/MODEL for the providers "
        f"{', '.join(p for p in config.providers if p != 'embedded')}; with OPENAI_API_KEY or "
        "FLYWHEEL_LLM_BASE_URL set, also openai:MODEL. Nothing was run. Name one of them; "
        "flywheel models lists them."
    )


def _at_environment(name: str, environ: Mapping[str, str]) -> NamedModel:
    model = name.removeprefix(OPENAI)
    if not model:
        msg = (
            f"Model name {name!r} ends after the colon; need 'openai:MODEL'. Nothing was sent. Add the model."
        )
        raise InputError(msg)
    base_url, key = _address(environ)
    if base_url is None and key is None:
        msg = (
            f"Model {name!r} needs OPENAI_API_KEY (or FLYWHEEL_LLM_API_KEY); neither is set. Nothing "
            "was sent. Set one, set FLYWHEEL_LLM_BASE_URL for a server without keys, or use embedded-medium."
        )
        raise InputError(msg)
    provider = Provider(name=ENVIRONMENT, base_url=base_url or OPENAI_BASE_URL, api_key_env=key)
    return NamedModel(ModelEntry(name=name, provider=ENVIRONMENT, model=model), provider, needs_key=False)


def _address(environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Base address and name of the key, always of the same pair: a key never goes to another's address."""
    for base, key in (("FLYWHEEL_LLM_BASE_URL", "FLYWHEEL_LLM_API_KEY"), ("OPENAI_BASE_URL", OPENAI_KEY)):
        if environ.get(base) or environ.get(key):
            return environ.get(base) or None, key if environ.get(key) else None
    return None, None


def _at_openai_base(named: NamedModel, environ: Mapping[str, str]) -> NamedModel:
    """OPENAI_BASE_URL goes with OPENAI_API_KEY: where both are set the vendor's address gets neither."""
    moved = environ.get("OPENAI_BASE_URL") or OPENAI_BASE_URL
    provider = named.provider
    if provider.api_key_env != OPENAI_KEY or provider.base_url != OPENAI_BASE_URL or moved == OPENAI_BASE_URL:
        return named
    return NamedModel(
        named.entry.model_copy(update={"price": None}),
        provider.model_copy(update={"base_url": moved}),
        needs_key=False,
    )
