"""docs/cli.md says what the program does."""

from __future__ import annotations

import inspect
import re

import cli_reference
import pytest

from flywheel import errors
from flywheel.records.strategy import PRESETS, LearningStrategy

PAGE = cli_reference.PAGE.read_text(encoding="utf-8")
LIBRARY = cli_reference.PAGE.parents[1] / "flywheel"


def test_every_command_with_every_option_is_documented():
    """The reference equals what the program says of itself."""
    assert cli_reference.rewritten(PAGE) == PAGE, "run: python tests/docs/cli_reference.py"


def test_every_setting_is_documented():
    """Every variable the library reads from the environment is in the table of settings."""
    read = {
        name
        for path in LIBRARY.rglob("*.py")
        for name in re.findall(r'"((?:FLYWHEEL|OPENAI)_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }

    assert sorted(name for name in read if f"`{name}`" not in PAGE) == []


@pytest.mark.parametrize(
    "error", [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, Exception)]
)
def test_every_error_is_documented_with_its_exit_code(error):
    """The table of errors names each class of the tree with what the process returns."""
    assert re.search(rf"^\| `{error.__name__}` \|.*\| {error.exit_code} \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("field", sorted(set(LearningStrategy.model_fields) - {"name"}))
def test_every_field_of_a_strategy_is_documented(field):
    """Each field of LearningStrategy has its meaning in a table."""
    assert f"`{field}`" in PAGE


@pytest.mark.parametrize("name", PRESETS)
def test_every_strategy_is_documented_with_its_numbers(name):
    """Each preset has a row with the numbers of the program."""
    row = re.search(rf"^\| `{name}` \| ([\d.]+) \| ([\d.]+) \| (\d+) \| ([\d.]+)", PAGE, re.MULTILINE)

    preset = PRESETS[name]
    numbers = (preset.significance_level, preset.stage_level, preset.min_sample_size)
    assert row
    assert tuple(map(float, row.groups())) == (*numbers, preset.auto_apply_threshold)
