"""Providers with their models, from what is shipped plus one file of the user's."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flywheel.errors import InputError, PolicyError, UnknownName
from flywheel.llm.prices import price_table
from flywheel.records.provider import ModelEntry, ModelsConfig, PriceRow, Provider

FILE_VARIABLE = "FLYWHEEL_MODELS_FILE"
DEFAULT_FILE = "models.toml"
"""Inside of FLYWHEEL_HOME, when the variable names no other."""

_SECRETS = ("api_key", "key", "token", "secret", "password")


def config_file(environ: Mapping[str, str]) -> Path | None:
    """The user's file: the one FLYWHEEL_MODELS_FILE names, else models.toml in FLYWHEEL_HOME if it is there.

    Raises:
        InputError: the variable names a file that is not there.

    Examples:
        >>> config_file({"FLYWHEEL_HOME": "/nowhere"}) is None
        True
    """
    named = environ.get(FILE_VARIABLE)
    if named:
        if not Path(named).is_file():
            msg = (
                f"{FILE_VARIABLE} names {named!r}, which is not a file. Nothing was sent. "
                "Correct the variable, or unset it to use the providers that are shipped."
            )
            raise InputError(msg)
        return Path(named)
    usual = Path(environ.get("FLYWHEEL_HOME") or ".flywheel") / DEFAULT_FILE
    return usual if usual.is_file() else None


def read_config(environ: Mapping[str, str]) -> ModelsConfig:
    """What is shipped, with the user's file over it.

    Args:
        environ: FLYWHEEL_MODELS_FILE and FLYWHEEL_HOME; keys are not read here.

    Raises:
        InputError: the file cannot be read, or a table or a field in it is not known.
        PolicyError: a fallback names no model, or itself.

    Examples:
        >>> config = read_config({"FLYWHEEL_HOME": "/nowhere"})
        >>> len(config.models), config.providers["groq"].api_key_env
        (7, 'GROQ_API_KEY')
    """
    path = config_file(environ)
    return merged(_read(path), str(path)) if path else merged({}, "")


def merged(own: dict[str, Any], source: str) -> ModelsConfig:
    """What is shipped with a user's tables over it, field by field.

    Args:
        own: tables as TOML gives them.
        source: of the user's tables, for messages.

    Raises:
        InputError: a table or a field is not known, or a key itself is in the file.
        PolicyError: a fallback names no model, or itself.
    """
    _refuse_secrets(own, source)
    providers, models = _joined(own, "providers"), _joined(own, "models")
    settings = {k: v for k, v in own.items() if k not in ("providers", "models")}
    try:
        config = ModelsConfig.model_validate(
            {
                **settings,
                "providers": {name: {"name": name, **rest} for name, rest in providers.items()},
                "models": {name: _entry(name, rest, providers) for name, rest in models.items()},
                "own_models": frozenset(own.get("models", {})),
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        msg = (
            f"{source or 'The shipped providers'}: {where}: {first['msg']}. Nothing was sent. "
            "docs/models.md lists the tables with their fields."
        )
        raise InputError(msg) from error
    _check_fallbacks(config, source)
    return config


def entry_of(config: ModelsConfig, name: str) -> ModelEntry | None:
    """The model of a name: one that is declared, or `PROVIDER/MODEL` of a provider; else None.

    Examples:
        >>> config = read_config({"FLYWHEEL_HOME": "/nowhere"})
        >>> entry_of(config, "ollama/qwen3").model, entry_of(config, "nobody/qwen3")
        ('qwen3', None)
    """
    declared = config.models.get(name)
    if declared is not None:
        return declared
    provider, slash, model = name.partition("/")
    if not slash or not model or provider not in config.providers:
        return None
    price = _price(provider, model, config.providers[provider].base_url)
    return ModelEntry(name=name, provider=provider, model=model, price=price)


def provider_of(config: ModelsConfig, entry: ModelEntry) -> Provider:
    """The provider of a model.

    Raises:
        UnknownName: there is none of that name.
    """
    found = config.providers.get(entry.provider)
    if found is None:
        msg = (
            f"Model {entry.name!r} names provider {entry.provider!r}; there are: "
            f"{', '.join(config.providers)}. Nothing was sent. Add [providers.{entry.provider}]."
        )
        raise UnknownName(msg)
    return found


@cache
def _shipped() -> dict[str, Any]:
    text = files("flywheel.llm").joinpath("providers.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _entry(name: str, rest: dict[str, Any], providers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    provider, _, model = name.partition("/")
    fields = {"name": name, "provider": provider, "model": model or name, **rest}
    if "price" not in fields:
        address = providers.get(str(fields["provider"]), {}).get("base_url")
        fields["price"] = _price(str(fields["provider"]), str(fields["model"]), address)
    return fields


def _price(provider: str, model: str, base_url: str | None) -> PriceRow | None:
    """The kept price, for the vendor's own address only: what another server charges is unknown."""
    is_vendor = _shipped()["providers"].get(provider, {}).get("base_url") == base_url
    return price_table().get(f"{provider}/{model}") if is_vendor else None


def _joined(own: dict[str, Any], table: str) -> dict[str, dict[str, Any]]:
    rows = {name: dict(row) for name, row in _shipped()[table].items()}
    for name, row in own.get(table, {}).items():
        rows[name] = {**_unless_moved(rows.get(name, {}), row), **row}
    return rows


def _unless_moved(shipped: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A provider at another address does not get the key of the shipped one."""
    if "base_url" in own and own["base_url"] != shipped.get("base_url"):
        return {key: value for key, value in shipped.items() if key != "api_key_env"}
    return shipped


def _refuse_secrets(own: dict[str, Any], source: str) -> None:
    for name, row in own.get("providers", {}).items():
        found = [field for field in row if field in _SECRETS]
        if found:
            msg = (
                f"{source}: providers.{name} holds {found[0]!r}; keys never stand in this file. Nothing was "
                "sent. Put the key into an environment variable and its name into api_key_env."
            )
            raise InputError(msg)


def _check_fallbacks(config: ModelsConfig, source: str) -> None:
    for entry in config.models.values():
        provider_of(config, entry)
        for fallback in entry.fallbacks:
            if fallback == entry.name or entry_of(config, fallback) is None:
                msg = (
                    f"{source}: models.{entry.name!r} falls back to {fallback!r}, which is no other model. "
                    "Nothing was sent. Name a declared model, or PROVIDER/MODEL."
                )
                raise PolicyError(msg)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"Models file {str(path)!r} cannot be read: {error}. Nothing was sent. Correct the file."
        raise InputError(msg) from error
