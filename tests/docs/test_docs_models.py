"""docs/models.md says what the models file may hold and how a call can fail."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from flywheel.errors import ModelErrorKind
from flywheel.llm.breaker import COUNTED
from flywheel.llm.openai_failures import PASSING
from flywheel.llm.prices import price_table
from flywheel.llm.providers import merged
from flywheel.llm.routing import OWN_FAULT
from flywheel.records.provider import (
    BreakerSettings,
    CacheSettings,
    ModelEntry,
    PriceRow,
    Provider,
    SpendCaps,
)

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
SHIPPED = merged({}, "")


@pytest.mark.parametrize(
    "record", [Provider, ModelEntry, PriceRow, BreakerSettings, CacheSettings, SpendCaps]
)
def test_every_field_of_the_file_is_documented(record):
    """Each field has its name in the table; the number of a default is the program's."""
    missing = [name for name in record.model_fields if name != "name" and f"`{name}`" not in PAGE]
    assert missing == []
    for name, field in record.model_fields.items():
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            row = next(line for line in PAGE.splitlines() if re.search(rf"^\|[^|]*\|[^|]*`{name}`", line))
            assert f"{field.default:g}" in row.rsplit("|", 2)[1]


def test_every_kind_of_error_is_documented():
    """Each kind has its row, which says what the program does about it."""
    for kind in ModelErrorKind:
        row = next(line for line in PAGE.splitlines() if re.search(rf"^\| .*`{kind}`.* \|.*\|.*\|.*\|", line))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if kind in (ModelErrorKind.TRUNCATED, ModelErrorKind.REFUSAL):
            continue
        assert bool(cells[4]) == (kind in COUNTED), kind
        assert bool(cells[3]) == (kind not in OWN_FAULT), kind
        assert bool(cells[2]) == (kind in PASSING or kind is ModelErrorKind.BAD_RESPONSE), kind


def test_what_is_shipped_is_documented():
    """Providers with their variables, models with their targets, the size of the price table."""
    for provider in SHIPPED.providers.values():
        assert f"| `{provider.name}` |" in PAGE
        assert provider.api_key_env is None or f"`{provider.api_key_env}`" in PAGE
    for model in SHIPPED.models.values():
        assert f"| `{model.name}` | {model.quality_target:.0%} |".replace("%", " %") in PAGE
    assert f"{len(price_table())} models" in PAGE


def test_the_file_on_the_page_is_taken():
    """The example is a valid file."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

    assert merged(tomllib.loads(example), "page").models["our-vllm/qwen3-32b"].fallbacks


def test_the_code_on_the_page_runs():
    """What the page shows in Python works as it stands."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    exec(script, {})  # noqa: S102 - the page is ours
