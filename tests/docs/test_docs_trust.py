"""docs/trust.md says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flywheel.capture.cleanup import KEPT_DAYS
from flywheel.learn.trust import LARGEST_VOTE
from flywheel.records.trust import TrustSettings
from flywheel.stats.crowd import FEW_LABELS
from flywheel.stats.hierarchy import AGENT_PRIORS, CELL_PRIORS, FORGETTING

PAGE = (Path(__file__).parents[2] / "docs" / "trust.md").read_text(encoding="utf-8")


def test_numbers_of_the_page_are_those_of_the_program() -> None:
    """Weights, limits, the grid."""
    settings = TrustSettings()
    accuracy, consistency, timeliness, reliability = settings.weights
    whole = f"{accuracy:.2f} accuracy + {consistency:.2f} consistency + {timeliness:.2f} timeliness"

    assert f"{whole} + {reliability:.2f} reliability" in PAGE
    assert f"n / (n + {settings.prior_outcomes:g})" in PAGE
    assert f"at most {settings.judge_limit:g} outcomes of one agent a day" in PAGE
    assert f"(`--target`, {settings.target:.0%})".replace("%", " %") in PAGE
    assert f"{settings.sureness:.0%} and more, on {settings.least_outcomes:g}".replace("%", " %") in PAGE
    assert f"`--latency-ms`, {settings.latency_limit_ms:,.0f}" in PAGE
    assert "k of {:g}, {:g}, {:g}".format(*AGENT_PRIORS) in PAGE
    assert "j of {:g}, {:g} or infinite".format(*CELL_PRIORS) in PAGE
    assert "factor of {:g}, {:g}, {:g} or {:g}".format(*FORGETTING) in PAGE
    assert f"The {len(AGENT_PRIORS) * len(CELL_PRIORS) * len(FORGETTING)} settings" in PAGE
    assert f"below {FEW_LABELS} of them" in PAGE
    assert f"--days {KEPT_DAYS:g}" in PAGE
    assert f"cut at {LARGEST_VOTE:g}" in PAGE


def test_the_code_on_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """A recommendation is kept, judged, ranked; nobody is trusted after one outcome."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(script, {})  # noqa: S102 - the page is ours

    assert capsys.readouterr().out.startswith("1.0 [0.")
