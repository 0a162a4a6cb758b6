"""docs/monitoring.md says what the program does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from flywheel.learn.quality_reasons import SEVERITIES
from flywheel.learn.quality_trends import LITERAL_DAYS
from flywheel.records.quality import QualityLevel, QualitySettings
from flywheel.watch.alerts_file import config_of

PAGE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", QualitySettings.model_fields)
def test_every_setting_has_its_row(name: str) -> None:
    """Each field with its meaning; the default is the program's."""
    row = re.search(rf"^\| `{name}` \|[^|]+\|([^|]*)\|$", PAGE, re.MULTILINE)
    default = getattr(QualitySettings(), name)

    assert row
    if name in ("levels", "satisfaction"):
        assert tuple(map(float, row[1].split(","))) == tuple(default.model_dump().values())
    else:
        assert row[1].strip() == (default if isinstance(default, str) else f"{default:g}")


def test_the_file_on_the_page_is_taken() -> None:
    """The example is a valid table of the alerts file, and says the defaults."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

    assert config_of(tomllib.loads(example), "page").watch == QualitySettings()


def test_the_code_on_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The class does what the command does."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(script, {})  # noqa: S102 - the page is ours

    assert capsys.readouterr().out == "0 ()\n"


def test_numbers_of_the_page_are_those_of_the_program() -> None:
    """Horizon, days, severities."""
    settings = QualitySettings()
    assert f"one false fall in {settings.false_alarm_days:,.0f} days" in PAGE
    assert f"{settings.trend_days} days that falls with p < .005" in PAGE
    assert f"Under {settings.least_executions} scored executions" in PAGE
    assert f"prior of {settings.prior_executions:g} executions" in PAGE
    assert LITERAL_DAYS == 7
    assert f"| level below target, 95 % | {SEVERITIES[QualityLevel.BELOW_TARGET].value} |" in PAGE
