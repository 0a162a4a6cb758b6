"""`flywheel calibration` holds confidence against outcomes."""

from __future__ import annotations

import random

from flywheel.records.execution import Execution
from flywheel.store.open import open_store


def add_confident(count: int = 400) -> None:
    """Runs of a model that means what it says, of one that says too much, of one that says nothing."""
    draw = random.Random(7)
    store = open_store("sqlite:///.flywheel/flywheel.db")
    rows = []
    for number in range(count):
        said = draw.uniform(0.5, 0.99)
        for model, too_much in (("honest", 0.0), ("boastful", 0.3), ("silent", 0.0)):
            rows.append(
                Execution(
                    execution_id=f"{model}-{number}",
                    prompt="triage",
                    model=model,
                    slice="billing",
                    confidence=None if model == "silent" else said,
                    outcome="passed" if draw.random() < said - too_much else "failed",
                )
            )
    store.executions.write(rows)
    store.close()


def test_calibration_tells_the_boastful_model_from_the_honest(flywheel):
    """Only the model that says too much is shown to be above the largest error; the code says so."""
    add_confident()

    answer = flywheel("calibration", "--by", "model", "--max-error", "0.1", "--json")

    found = {one["name"]: one for one in answer.document["groups"]}
    assert answer.code == 1
    assert found["boastful"]["check"] == "missed"
    assert found["honest"]["check"] != "missed"
    assert found["boastful"]["calibration"]["bias"] == "overconfident"
    assert found["boastful"]["recalibration"]["gain_low"] > 0
    assert answer.document["silent"] == ["silent"]
    assert answer.document["overall"]["calibration"]["without"] == 400


def test_calibration_is_drawn(flywheel):
    """A person sees the diagram, the parts of the Brier score, a row for each model."""
    add_confident()

    answer = flywheel("calibration", "--by", "model")

    assert answer.code == 0
    for words in ("100 % │", "●", "Brier 0.", "log odds x", "boastful", "without any confidence: silent"):
        assert words in answer.out


def test_a_check_that_knows_nothing_says_no(triage):
    """Without any confidence nothing is 0, and a check that was asked for is not passed."""
    plain, asked = triage("calibration"), triage("calibration", "--max-error", "0.1", "--json")

    assert plain.code == 0
    assert "Nothing has a confidence here" in plain.out
    assert asked.code == 1
    assert asked.document["overall"]["calibration"]["error"] is None
    assert asked.document["overall"]["check"] == "unknown"


def test_a_limit_outside_of_0_to_1_is_wrong_use(triage):
    """Five is no error rate."""
    assert triage("calibration", "--max-error", "5").code == 2
