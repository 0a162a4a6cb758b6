"""docs/alerts.md says what the program does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from flywheel.records.alert import NoticeState
from flywheel.records.alerting import (
    AlertSettings,
    AppriseSettings,
    ConsoleSettings,
    EmailSettings,
    FileSettings,
    WebhookSettings,
)
from flywheel.store.alert_notices import MOST_TRIES, PAUSE
from flywheel.store.alerts import HISTORY_LIMIT
from flywheel.watch.alerts_file import config_of
from flywheel.watch.routes import TOGETHER_FROM

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
TABLES = {
    r"`\[alerts\]`": AlertSettings,
    r"`\[channels.NAME\]`": ConsoleSettings,
    "file": FileSettings,
    "email": EmailSettings,
    "webhook": WebhookSettings,
    "apprise": AppriseSettings,
}


@pytest.mark.parametrize("table", TABLES)
def test_every_field_of_the_file_is_documented(table: str) -> None:
    """Each field has its row; the number of a default is the program's."""
    kind = TABLES[table]
    shared = set() if kind in (AlertSettings, ConsoleSettings) else set(ConsoleSettings.model_fields)
    for name, field in kind.model_fields.items():
        if name == "name" or name in shared:
            continue
        row = re.search(rf"^\| {table} \| [^|]*`{name}`[^|]*\|[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE)
        assert row, name
        if isinstance(field.default, int | float):
            assert float(row[1]) == field.default


def test_the_file_on_the_page_is_taken() -> None:
    """The example is a valid file, with a channel of every kind."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    kinds = {channel.kind for channel in config_of(tomllib.loads(example), "page").channels.values()}
    assert kinds == {"console", "file", "email", "webhook", "apprise"}


def test_the_code_on_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """What a detector does works as it stands, and is told on the console."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(script, {})  # noqa: S102 - the page is ours
    printed = capsys.readouterr()
    assert "HIGH triage: latency" in printed.err
    assert printed.out == "high [('console', 'delivered')]\n"


def test_states_and_numbers_are_those_of_the_program() -> None:
    """Each state of a notice has its row, each number is the constant."""
    for state in NoticeState:
        assert f"| {state.value} |" in PAGE
    assert f"{HISTORY_LIMIT:,} alerts are kept" in PAGE
    assert (MOST_TRIES, PAUSE.total_seconds(), TOGETHER_FROM) == (3, 60, 4)
    assert "after a minute, three times in all" in PAGE
    assert "Four or more alerts" in PAGE
