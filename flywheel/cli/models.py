"""`flywheel models`: which models can be asked, whether they answer, what they took."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flywheel.cli.doors import Document, open_door, shown_address
from flywheel.cli.drawing import UNKNOWN, make_table, percent
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from flywheel.llm.names import NamedModel
    from flywheel.records.provider import ModelEntry, ModelsConfig, Provider

app = typer.Typer(add_completion=False)

OWN_SERVER = "FLYWHEEL_LLM_BASE_URL"
"""Variable that names a server for all names that nothing else claims."""


class GroupName(StrEnum):
    """By what the ledger is summed up."""

    MODEL = "model"
    PURPOSE = "purpose"
    CYCLE = "cycle"


@app.command(
    epilog=examples("flywheel models", "flywheel models --check", "flywheel models --spent --by purpose")
)
def models(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Ask every provider whose key is set which models it has.")
    ] = False,
    spent: Annotated[
        bool, typer.Option("--spent", help="The ledger: calls, tokens, USD, latency, outcomes.")
    ] = False,
    by: Annotated[GroupName, typer.Option("--by", help="With --spent: what makes a row.")] = GroupName.MODEL,
    hours: Annotated[
        float | None,
        typer.Option("--hours", min=0.01, metavar="H", help="How far back the ledger is read. Default: 24."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="The same as 12h, 7d or a time.")
    ] = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Models by name, with the provider that would be asked, key, price; nothing is spent.

    Exit code 3 when a provider that was checked does not answer.
    """
    from flywheel.cli.models_spent import show_spent, start_of
    from flywheel.llm.providers import read_config

    door = open_door(store, workspace, as_json)
    if spent:
        show_spent(door, by.value, start_of(since, hours))
        return
    config = read_config(os.environ)
    asked = _asked(config)
    document = _document(config, asked)
    if check:
        servers = _servers(config, asked)
        for row in document["providers"]:
            row["check"] = _checked(config, servers[row["name"]])

    def draw(console: Console) -> None:
        _draw_models(console, document["models"])
        _draw_providers(console, document["providers"], checked=check)
        if document["note"]:
            console.print(document["note"], style="yellow", markup=False, soft_wrap=True)

    door.answer(document, draw)
    if any(row.get("check", {}).get("kind") for row in document["providers"]):
        raise typer.Exit(3)


def _asked(config: ModelsConfig) -> dict[str, NamedModel]:
    """Each remote model with the server that would be asked in this environment."""
    from flywheel.llm.names import NamedModel, resolve

    found = {}
    for entry in config.models.values():
        provider = config.providers[entry.provider]
        here = provider.kind == "embedded"
        found[entry.name] = NamedModel(entry, provider) if here else resolve(config, entry.name, os.environ)
    return found


def _servers(config: ModelsConfig, asked: Mapping[str, NamedModel]) -> dict[str, Provider]:
    """Providers by name at the addresses that are asked; the one of the environment where one is named."""
    from flywheel.llm.names import OPENAI, resolve

    moved = {named.provider.name: named.provider for named in asked.values()}
    found = {name: moved.get(name, p) for name, p in config.providers.items() if p.kind != "embedded"}
    if os.environ.get(OWN_SERVER):
        own = resolve(config, f"{OPENAI}any", os.environ).provider
        found[own.name] = own
    return found


def _note(asked: Mapping[str, NamedModel], config: ModelsConfig) -> str:
    """Where names go that no table has, in an environment that names a server."""
    address = os.environ.get(OWN_SERVER)
    if not address:
        return ""
    shipped = [name for name in asked if name not in config.own_models]
    said = (
        f"{OWN_SERVER} is set: every name goes to {shown_address(address)}, save embedded ones and those of "
        "your models file"
    )
    if not shipped:
        return f"{said}."
    return (
        f"{said}; shipped names go there too, without the vendor's price, and are held to their own target."
    )


def _document(config: ModelsConfig, asked: Mapping[str, NamedModel]) -> Document:
    from flywheel.llm.embedded_variants import VARIANTS
    from flywheel.llm.providers import config_file

    file = config_file(os.environ)
    embedded: list[dict[str, Any]] = [
        {
            "name": variant.name,
            "provider": "embedded",
            "base_url": None,
            "input_usd_per_1m": variant.usd_per_1m_input_tokens,
            "output_usd_per_1m": variant.usd_per_1m_output_tokens,
            "price_as_of": None,
            "is_ready": True,
            "fallbacks": [],
            "quality_target": None,
            "response_ms_target": None,
        }
        for variant in VARIANTS
    ]
    providers = [
        {
            "name": provider.name,
            "base_url": shown_address(provider.base_url or "") or None,
            "api_key_env": provider.api_key_env,
            "key_is_set": _key_is_there(provider),
        }
        for provider in _servers(config, asked).values()
    ]
    return {
        "file": str(file) if file else None,
        "models": [*embedded, *(_row(config.models[name], named) for name, named in asked.items())],
        "providers": providers,
        "note": _note(asked, config),
    }


def _row(entry: ModelEntry, named: NamedModel) -> dict[str, Any]:
    """A model as it would be asked; its targets are those of its name."""
    price = named.entry.price
    return {
        "name": entry.name,
        "provider": named.provider.name,
        "base_url": shown_address(named.provider.base_url or "") or None,
        "input_usd_per_1m": price.input_usd_per_1m if price else None,
        "output_usd_per_1m": price.output_usd_per_1m if price else None,
        "price_as_of": str(price.as_of) if price and price.as_of else None,
        "is_ready": _key_is_there(named.provider),
        "fallbacks": list(named.entry.fallbacks),
        "quality_target": entry.quality_target,
        "response_ms_target": entry.response_ms_target,
    }


def _key_is_there(provider: Provider) -> bool:
    return provider.api_key_env is None or bool(os.environ.get(provider.api_key_env))


def _checked(config: ModelsConfig, provider: Provider) -> dict[str, Any]:
    from flywheel.llm.checking import reach

    if not _key_is_there(provider):
        return {"kind": None, "detail": f"not asked: {provider.api_key_env} is not set", "missing": []}
    key = os.environ.get(provider.api_key_env) if provider.api_key_env else None
    found = reach(provider.base_url or "", key)
    missing = [
        entry.name
        for entry in config.models.values()
        if entry.provider == provider.name and found.models and entry.model not in found.models
    ]
    # A server of one's own that is not running is no fault unless the user names it.
    named = provider.name not in config.providers or any(
        config.models[m].provider == provider.name for m in config.own_models
    )
    is_asked_for = provider.api_key_env is not None or named
    return {
        "kind": str(found.kind) if found.kind and is_asked_for else None,
        "detail": found.detail,
        "latency_ms": found.latency_ms,
        "missing": missing,
    }


def _draw_models(console: Console, rows: list[dict[str, Any]]) -> None:
    falling = any(row["fallbacks"] for row in rows)
    columns = ("model", "goes to", "USD/1M in / out", "price of", "target")
    table = make_table(None, (*columns, "falls back to") if falling else columns)
    for column in table.columns[:4]:
        column.no_wrap = True
    for row in rows:
        price = UNKNOWN
        if row["input_usd_per_1m"] is not None:
            price = f"{row['input_usd_per_1m']:g} / {row['output_usd_per_1m']:g}"
        table.add_row(
            row["name"],
            "here" if row["base_url"] is None else row["provider"],
            price,
            row["price_as_of"] or ("modelled" if row["provider"] == "embedded" else UNKNOWN),
            percent(row["quality_target"], 0),
            *((", ".join(row["fallbacks"]),) if falling else ()),
        )
    console.print(table)


def _draw_providers(console: Console, rows: list[dict[str, Any]], *, checked: bool) -> None:
    table = make_table(None, ("provider", "address", "key", *(("check",) if checked else ())))
    for row in rows:
        key = "none needed"
        if row["api_key_env"]:
            key = f"{row['api_key_env']}{'' if row['key_is_set'] else ' is not set'}"
        cells = [row["name"], row["base_url"] or UNKNOWN, key]
        if checked:
            missing = row["check"]["missing"]
            said = row["check"]["detail"] + (f"; does not know {', '.join(missing)}" if missing else "")
            cells.append(said)
        table.add_row(*cells)
    console.print(table)
    console.print("Any model of a provider: PROVIDER/MODEL. More in docs/models.md.", style="dim")
