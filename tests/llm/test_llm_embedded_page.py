"""The page about the embedded model says what the code does."""

from __future__ import annotations

import re
from dataclasses import astuple
from pathlib import Path

from flywheel.llm.embedded_variants import VARIANTS
from flywheel.llm.embedded_voice import HABIT

PAGE = (Path(__file__).parents[2] / "docs" / "embedded-model.md").read_text(encoding="utf-8")


def rows_of(pattern):
    """Cells of the table rows that match."""
    return [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if re.match(pattern, line)
    ]


def test_the_table_of_variants_is_the_code():
    """Every variant stands in the table with its own numbers."""
    shown = rows_of(r"\| `embedded-")

    for cells, v in zip(shown, VARIANTS, strict=True):
        latency_ms = v.base_ms + 20 * v.ms_per_1k_chars + 2 * v.ms_per_output_token
        assert cells == [
            v.name,
            f"{v.context_chars:,}",
            f"{v.noise:.3f}",
            f"{v.format_obedience:.0%}".replace("%", " %"),
            f"{latency_ms:.0f} ms",
            f"{v.usd_per_1m_input_tokens:.2f} / {v.usd_per_1m_output_tokens:.2f}",
        ]


def test_the_table_of_habits_is_the_code():
    """The shares of bare answers on the page are those of the code."""
    shown = [cells[1] for cells in rows_of(r"\| (nothing|it ends|what to write|at least|that nothing)")]

    assert shown == [f"{share:.0%}".replace("%", " %") for share in astuple(HABIT)]


def test_the_code_on_the_page_runs():
    """The Python block does what it asserts."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    exec(compile(block, "embedded-model.md", "exec"), {})  # noqa: S102
