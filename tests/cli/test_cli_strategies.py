"""Strategies of one's own: found by name, part of the cycle, shown."""

from __future__ import annotations

from pathlib import Path

import pytest

OWN = """
[strategies.careful]
preset = "conservative"
auto_apply_threshold = 1.0
min_sample_size = 40
"""


@pytest.fixture
def careful(triage, tmp_path: Path):
    """The command line beside a file with a strategy that never applies alone."""
    (tmp_path / ".flywheel" / "strategies.toml").write_text(OWN)
    return triage


def test_an_own_strategy_decides(careful):
    """It is taken by its name, starts from its preset, and all of it is in the answer."""
    answer = careful("cycle", "--prompt", "triage", "--all-time", "--strategy", "careful", "--json")

    cycle = answer.document["cycles"][0]
    assert cycle["output"]["staged"]
    assert cycle["strategy"]["name"] == "careful"
    assert (cycle["strategy"]["min_sample_size"], cycle["strategy"]["significance_level"]) == (40, 0.01)


def test_what_is_not_as_usual_is_on_the_page(careful):
    """The page names the strategy with what differs; of the usual one it says nothing."""
    words = ("cycle", "--prompt", "triage", "--all-time", "--dry-run")

    assert "careful" in careful(*words, "--strategy", "careful").out
    assert "strategy" not in careful(*words).out


def test_another_value_is_another_cycle(careful, tmp_path: Path):
    """Settings are part of the identity: the same name with another value does not read the old cycle."""
    words = ("cycle", "--prompt", "triage", "--all-time", "--dry-run", "--strategy", "careful", "--json")
    first, again = careful(*words).document, careful(*words).document
    (tmp_path / ".flywheel" / "strategies.toml").write_text(OWN.replace("40", "41"))
    other = careful(*words).document

    ids = [document["cycles"][0]["output"]["cycle_id"] for document in (first, again, other)]
    assert ids[0] == ids[1] != ids[2]


def test_an_own_strategy_is_known_to_compare(careful):
    """Its name works wherever a preset does."""
    words = ("compare", "--prompt", "triage", "--control", "v1", "--candidate", "v2")

    assert careful(*words, "--strategy", "careful").code == careful(*words).code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[strategies.mine]\nsmalest_gain = 0.1\n", "strategies.mine: smalest_gain"),
        ("[strategies.mine]\nsmallest_gain = 3\n", "strategies.mine: smallest_gain"),
        ('[strategies.mine]\npreset = "bold"\n', "preset 'bold' does not exist"),
        ("[strategies.balanced]\nracing = false\n", "'balanced' is a preset"),
        ("[strategy.mine]\n", "strategy is no table of strategies"),
        ("strategies = 3\n", "no table of strategies"),
        ("[strategies]\nmine = 3\n", "strategies.mine: it is no table"),
        ("[strategies.mine\n", "cannot be read"),
    ],
    ids=["field", "range", "preset", "name", "table", "number", "row", "toml"],
)
def test_a_mistake_in_the_file_is_named(triage, tmp_path: Path, text: str, said: str):
    """Wrong files are exit 2 with their place, before anything runs."""
    (tmp_path / ".flywheel" / "strategies.toml").write_text(text)

    answer = triage("cycle", "--prompt", "triage", "--strategy", "mine")

    assert answer.code == 2
    assert said in answer.err
    assert triage("status", "--json").document["cycles"] == []


def test_a_misspelt_own_strategy_is_suggested(careful):
    """Own names are among those that may have been meant."""
    assert "'careful'" in careful("cycle", "--prompt", "triage", "--strategy", "carefull").err
