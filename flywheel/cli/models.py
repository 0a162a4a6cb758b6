"""`flywheel models`: which models can be asked, whether they answer, what they took."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import UNKNOWN, amount, make_table, percent, say_nothing_there
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.model_call import CallSummary
    from flywheel.records.provider import ModelsConfig

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("flywheel models", "flywheel models --check", "flywheel models --spent"))
def models(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Ask every provider whose key is set which models it has.")
    ] = False,
    spent: Annotated[bool, typer.Option("--spent", help="The ledger: calls, tokens, USD by model.")] = False,
    hours: Annotated[
        float, typer.Option("--hours", min=0.01, metavar="H", help="How far back the ledger is read.")
    ] = 24.0,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Models by name, with provider, key, price; nothing is spent.

    Exit code 3 when a provider that was checked does not answer.
    """
    from flywheel.llm.providers import read_config

    door = open_door(store, workspace, as_json)
    if spent:
        _show_spent(door, hours)
        return
    config = read_config(os.environ)
    document = _document(config)
    if check:
        for row in document["providers"]:
            row["check"] = _checked(config, row["name"])

    def draw(console: Console) -> None:
        _draw_models(console, document["models"])
        _draw_providers(console, document["providers"], checked=check)

    door.answer(document, draw)
    if any(row.get("check", {}).get("kind") for row in document["providers"]):
        raise typer.Exit(3)


def _document(config: ModelsConfig) -> Document:
    from flywheel.llm.embedded_variants import VARIANTS
    from flywheel.llm.providers import config_file

    file = config_file(os.environ)
    embedded: list[dict[str, Any]] = [
        {
            "name": variant.name,
            "provider": "embedded",
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
    remote = [
        {
            "name": entry.name,
            "provider": entry.provider,
            "input_usd_per_1m": entry.price.input_usd_per_1m if entry.price else None,
            "output_usd_per_1m": entry.price.output_usd_per_1m if entry.price else None,
            "price_as_of": str(entry.price.as_of) if entry.price and entry.price.as_of else None,
            "is_ready": _key_is_there(config, entry.provider),
            "fallbacks": list(entry.fallbacks),
            "quality_target": entry.quality_target,
            "response_ms_target": entry.response_ms_target,
        }
        for entry in config.models.values()
    ]
    providers = [
        {
            "name": provider.name,
            "base_url": provider.base_url,
            "api_key_env": provider.api_key_env,
            "key_is_set": _key_is_there(config, provider.name),
        }
        for provider in config.providers.values()
        if provider.kind != "embedded"
    ]
    return {"file": str(file) if file else None, "models": [*embedded, *remote], "providers": providers}


def _key_is_there(config: ModelsConfig, provider: str) -> bool:
    variable = config.providers[provider].api_key_env
    return variable is None or bool(os.environ.get(variable))


def _checked(config: ModelsConfig, name: str) -> dict[str, Any]:
    from flywheel.llm.checking import reach

    provider = config.providers[name]
    if not _key_is_there(config, name):
        return {"kind": None, "detail": f"not asked: {provider.api_key_env} is not set", "missing": []}
    key = os.environ.get(provider.api_key_env) if provider.api_key_env else None
    found = reach(provider.base_url or "", key)
    missing = [
        entry.name
        for entry in config.models.values()
        if entry.provider == name and found.models and entry.model not in found.models
    ]
    # A server of one's own that is not running is no fault unless the user's file names it.
    is_asked_for = provider.api_key_env is not None or any(
        config.models[m].provider == name for m in config.own_models
    )
    return {
        "kind": str(found.kind) if found.kind and is_asked_for else None,
        "detail": found.detail,
        "latency_ms": found.latency_ms,
        "missing": missing,
    }


def _draw_models(console: Console, rows: list[dict[str, Any]]) -> None:
    falling = any(row["fallbacks"] for row in rows)
    columns = ("model", "USD/1M in / out", "price of", "target", "key")
    table = make_table(None, (*columns, "falls back to") if falling else columns)
    table.columns[0].no_wrap = True
    for row in rows:
        price = UNKNOWN
        if row["input_usd_per_1m"] is not None:
            price = f"{row['input_usd_per_1m']:g} / {row['output_usd_per_1m']:g}"
        table.add_row(
            row["name"],
            price,
            row["price_as_of"] or ("modelled" if row["provider"] == "embedded" else UNKNOWN),
            percent(row["quality_target"], 0),
            "" if row["is_ready"] else "not set",
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


def _show_spent(door: Door, hours: float) -> None:
    from datetime import UTC, datetime, timedelta

    from flywheel.store.open import open_store

    kept = open_store(door.settings.database_url, create=False)
    rows = kept.model_calls.summary(datetime.now(UTC) - timedelta(hours=hours), door.workspace)
    document: Document = {
        "workspace": door.workspace,
        "hours": hours,
        "kept_answers": kept.responses.count(),
        "models": [row.model_dump() for row in rows],
    }

    def draw(console: Console) -> None:
        if not rows:
            say_nothing_there(
                console,
                f"No model was asked in the last {hours:g} hours.",
                "Ask one: flywheel cycle --prompt NAME --suite S --model M",
            )
            return
        _draw_spent(console, rows)

    door.answer(document, draw)


def _draw_spent(console: Console, rows: list[CallSummary]) -> None:
    columns = ("model", "calls", "tokens", "USD", "mean", "outcomes")
    table = make_table(None, columns, right=columns[1:5])
    for row in rows:
        unpriced = f" + {row.spend.unpriced} unpriced" if row.spend.unpriced else ""
        table.add_row(
            row.model,
            f"{row.spend.calls:,}",
            f"{row.spend.tokens:,}",
            f"{row.spend.usd:.4f}{unpriced}",
            amount(row.mean_latency_ms, " ms"),
            ", ".join(f"{outcome} {number:,}" for outcome, number in row.outcomes.items()),
        )
    console.print(table)
