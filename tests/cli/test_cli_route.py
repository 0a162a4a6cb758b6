"""Which model to ask, as a person and a program are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def priced(flywheel):
    """The command line beside a store: `large` passes 90 % for a cent, `small` 85 % for a tenth of it."""
    lines = [
        {
            "execution_id": f"{model}-{i}",
            "prompt": "triage",
            "case_id": f"c{i}",
            "model": model,
            "slice": ("billing", "login")[i % 2],
            "outcome": "passed" if i % 100 >= 100 - passing else "failed",
            "cost_usd": cost,
            "latency_ms": 900.0,
        }
        for model, passing, cost in (("large", 90, 0.01), ("small", 85, 0.001))
        for i in range(200)
    ]
    with Path("runs.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    flywheel("init")
    assert flywheel("import", "jsonl", "runs.jsonl").code == 0
    return flywheel


def test_advice_names_a_model_with_the_reason(priced):
    """The model, its share as propensity, every option with interval and price; nothing is kept by asking."""
    answer = priced("route", "triage", "--slice", "billing", "--key", "u1", "--json")

    found = answer.document
    assert answer.code == 0
    assert (found["options"][0]["model"], found["kept"]) == ("large", False)
    assert found["propensity"] == next(o["share"] for o in found["options"] if o["model"] == found["model"])
    assert all(o["low"] < o["mean"] < o["high"] for o in found["options"])
    assert "large is expected to pass" in found["because"]
    assert "keep it for best_model with: flywheel route triage --update" in " ".join(
        priced("route", "triage").out.split()
    )


def test_the_same_key_gets_the_same_model(priced):
    """Twice the same document."""
    first, again = (
        priced("route", "triage", "--key", "u1", "--explore", "1", "--json").out for _ in range(2)
    )

    assert first == again


def test_a_price_can_decide(priced):
    """At 20 passes a USD the cheap model leads."""
    found = priced("route", "triage", "--cost-weight", "20", "--json").document

    assert found["options"][0]["model"] == "small"


def test_a_floor_nobody_reaches_is_exit_1(priced):
    """The likeliest is named all the same, with its chance."""
    answer = priced("route", "triage", "--floor", "0.99")

    assert answer.code == 1
    assert "no model is sure enough to reach 99%" in " ".join(answer.out.split())
    assert priced("route", "triage", "--floor", "0.5").code == 0


def test_an_update_keeps_what_moved(priced):
    """Once everything, then nothing; what is kept is what is advised from then on."""
    first = priced("route", "triage", "--update", "--json").document
    again = priced("route", "triage", "--update", "--json").document

    assert (len(first["moved"]), first["unmoved"]) == (6, 0)
    assert (len(again["moved"]), again["unmoved"]) == (0, 6)
    assert priced("route", "triage", "--json").document["kept"] is True
    ranked = priced("rank", "--by", "model", "--belief", "--prompt", "triage", "--json").document
    assert len(ranked["beliefs"]) == len(ranked["kept"]) == 6


def test_a_replay_has_its_baselines(priced):
    """Router, random, best single, best per slice, oracle, with what the gap is."""
    found = priced("route", "triage", "--replay", "--json").document

    assert [row["name"] for row in found["rows"]] == [
        "router",
        "random",
        "best single",
        "best per slice",
        "oracle",
    ]
    assert found["cases"] == 200
    assert "bounds, no rivals" in " ".join(priced("route", "triage", "--replay").out.split())


def test_beliefs_are_drawn_with_their_slices(priced):
    """Each model once, its slices below it, a dash where nothing is kept."""
    out = priced("rank", "--by", "model", "--belief").out

    assert out.count("large") == out.count("small") == 1
    assert out.count("billing") == out.count("login") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("route", "triaje"), "Did you mean 'triage'?"),
        (("route", "--update", "--replay"), "two commands"),
        (("route", "triage", "--cost-weight", "inf"), "--cost-weight"),
        (("route", "triage", "--latency-weight", "1e308"), "--latency-weight"),
        (("rank", "--by", "agent", "--belief"), "--by model"),
        (("rank", "--by", "model", "--belief", "--slice", "login"), "leave --suite and --slice out"),
    ],
)
def test_wrong_use_is_exit_2(priced, words, said):
    """The message says what to do instead."""
    answer = priced(*words)

    assert answer.code == 2
    assert said in " ".join(answer.err.split())


def test_nothing_known_is_exit_1(flywheel):
    """A store without executions advises nothing and names the next step."""
    flywheel("init")

    answer = flywheel("route")

    assert answer.code == 1
    assert "flywheel import" in answer.out
    assert flywheel("route", "--json").document["model"] is None
    assert flywheel("route", "--replay").code == 1
    assert flywheel("route", "--update").code == 1
    assert flywheel("rank", "--by", "model", "--belief").code == 0
