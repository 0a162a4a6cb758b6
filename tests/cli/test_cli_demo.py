"""`flywheel demo`, then everything it invites to look at."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flywheel.cli.main import app

# One turn serves them all, in one process of the tests.
pytestmark = pytest.mark.xdist_group("demo")

AT = ("--store", ".flywheel/demo.db", "--workspace", "demo")


@pytest.fixture(scope="session")
def demo_turn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """One demo in a folder of its own, with its JSON document."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("FLYWHEEL_DATABASE_URL", "FLYWHEEL_HOME", "FLYWHEEL_WORKSPACE"):
            patch.delenv(name, raising=False)
        result = CliRunner().invoke(app, ["demo", "--json"])
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


@pytest.fixture
def after_demo(flywheel, demo_turn, tmp_path):
    """The command line beside a copy of the demo's store."""
    shutil.copytree(demo_turn[0] / ".flywheel", tmp_path / ".flywheel")
    return flywheel


def test_a_turn_ships_what_earned_it(demo_turn):
    """The demo finds patterns, ships a candidate with an interval above zero, tells what it is not."""
    _, document = demo_turn

    found = document["shipped"]["evidence"]
    assert found["low"] > 0
    assert found["adjusted_p"] <= 0.05
    assert document["patterns"]
    assert document["output"]["live"] == document["lineage"]["path_to_live"][-1]
    assert "not a language model" in document["about_the_model"]


def test_not_everything_that_is_tried_ships(demo_turn):
    """Exactly one candidate goes live; the others are refused or wait, each with a because."""
    _, document = demo_turn

    verdicts = document["verdicts"]
    assert len(document["output"]["shipped"]) == 1
    assert len(verdicts) > 2
    assert all(v["because"] for v in verdicts)


def test_the_page_fits_a_narrow_terminal(after_demo):
    """The page shows before, after, verdicts, lineage; only commands to copy may be longer than 80."""
    answer = after_demo("demo")

    lines = [line for line in answer.out.splitlines() if not line.startswith("    flywheel ")]
    assert answer.code == 0
    assert max(map(len, lines)) <= 80
    for word in ("before", "after", "SHIP", "Lineage", "Where to look next"):
        assert word in answer.out


def test_the_commands_it_names_work(after_demo, demo_turn):
    """Every command under 'where to look next' can be copied as it is."""
    for command in demo_turn[1]["next"]:
        answer = after_demo(*shlex.split(command)[1:])

        assert answer.code == 0, (command, answer.err)
        assert answer.out


def test_a_demo_starts_afresh(after_demo, demo_turn):
    """Running it again forgets the last one; equal input gives equal verdicts."""
    document = after_demo("demo", "--json").document

    assert document["verdicts"] == demo_turn[1]["verdicts"]
    assert len(after_demo("status", *AT, "--json").document["cycles"]) == 1


def test_the_demo_refuses_another_workspace(flywheel):
    """The demo's workspace is its own."""
    assert flywheel("demo", "--workspace", "team").code == 2


def test_rollback_restores_the_text_to_the_byte(after_demo, demo_turn):
    """After a rollback the first prompt is live again, byte for byte."""
    name = demo_turn[1]["prompt"]
    first = after_demo("prompt", "show", name, "v1", *AT).out
    shipped = after_demo("prompt", "show", name, *AT).out

    answer = after_demo("rollback", name, "--why", "just trying", *AT, "--json")

    assert answer.document["release"]["kind"] == "rollback"
    assert shipped != first
    assert after_demo("prompt", "show", name, *AT).out == first
    assert "just trying" in after_demo("release", "history", name, *AT).out


def test_a_rollback_needs_a_reason(after_demo, demo_turn):
    """Without --why, or with an empty one, nothing is moved."""
    name = demo_turn[1]["prompt"]

    assert after_demo("rollback", name, *AT).code == 2
    assert after_demo("rollback", name, "--why", "  ", *AT).code == 2
    assert after_demo("release", "show", name, *AT, "--json").document["live"]["kind"] == "cycle"


def test_a_dry_run_releases_nothing(after_demo, demo_turn):
    """--dry-run tries everything and leaves what is live."""
    _, document = demo_turn
    name = document["prompt"]
    live = document["output"]["live"]

    answer = after_demo(
        *("cycle", "--prompt", name, "--all-time", "--dry-run", "--suite", "customer-360"),
        *("--model", "embedded-nano", "--budget-calls", "200", *AT, "--json"),
    )

    assert answer.code == 0
    assert answer.document["cycles"][0]["output"]["live"] == live


def test_lineage_has_the_evidence_on_each_edge(after_demo, demo_turn):
    """Every edge of the tree carries its verdict with numbers."""
    name = demo_turn[1]["prompt"]

    document = after_demo("lineage", name, *AT, "--json").document

    assert document["path_to_live"][-1] == document["live"]
    assert all(edge["ruling"] and edge["because"] for edge in document["edges"])
    assert "live" in after_demo("lineage", name, *AT).out
