"""The kept price table: what models cost on a day; a model that is not in it has no known price."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from flywheel.records.provider import PriceRow


@cache
def price_table() -> dict[str, PriceRow]:
    """Prices by `PROVIDER/MODEL`, taken from the named release of genai-prices (MIT licence).

    Models whose price depends on the length of the prompt or on the day are left out: theirs is unknown.

    Examples:
        >>> price_table()["openai/gpt-4.1"].output_usd_per_1m
        8.0
        >>> "openai/gpt-unheard-of" in price_table()
        False
    """
    text = files("flywheel.llm").joinpath("prices.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row.pop("model"): PriceRow.model_validate({k: v or None for k, v in row.items()}) for row in rows}
