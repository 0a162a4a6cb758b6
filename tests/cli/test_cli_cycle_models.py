"""`flywheel cycle` with several models."""

from __future__ import annotations

import pytest
from small_application import add_small_application

from flywheel.cli.cycle_run import requests_for
from flywheel.cli.doors import open_door
from flywheel.cli.model_table import model_rows, own_prompt_lines
from flywheel.records.model_gain import AcrossModels, ModelGain
from flywheel.store.open import open_store

PROMPT = "customer-360-router"


@pytest.fixture
def router(flywheel):
    """The command line beside a part of the sample application, with nothing run yet."""
    store = open_store("sqlite:///.flywheel/flywheel.db")
    add_small_application(store)
    store.close()
    return lambda *words: flywheel(*words, "--workspace", "demo")


def test_every_model_is_shown_to_a_person(router):
    """The table of models is on the page, in the JSON, and before the person who reviews."""
    words = ("cycle", "--prompt", PROMPT, "--suite", "customer-360", "--budget-calls", "400")
    words += ("--model", "embedded-micro", "--model", "embedded-nano")
    words += ("--strategy", "monitoring", "--max-cost-ratio", "9", "--max-latency-ratio", "3", "--seed", "7")

    cycle = router(*words, "--json").document["cycles"][0]
    page = router(*words)
    review = router("review", "list", "--json").document["reviews"][0]
    shown = router("review", "show", review["review_id"])

    output = cycle["output"]
    assert [gain["model"] for gain in output["models"]] == ["embedded-micro", "embedded-nano"]
    assert output["models"][0]["standing"] == "decided"
    assert output["models"] == cycle["verdicts"][0]["models"]
    assert output["across"]["models"] == 2
    assert output["calls"] <= 400
    for text in (page.out, shown.out):
        assert "on each model" in text
        assert "mean over 2" in text
        assert "embedded-nano" in text
    assert "each of at most 2 winners on embedded-nano" in " ".join(page.out.split())


def test_a_release_shows_its_report_cases_on_every_model(router):
    """The page has a row for each model, and says how many winners were not put to the others."""
    words = ("cycle", "--prompt", PROMPT, "--suite", "customer-360", "--max-model-loss", "0.2", "--seed", "7")
    words += ("--model", "embedded-micro", "--model", "embedded-nano")
    words += ("--max-cost-ratio", "9", "--max-latency-ratio", "5")

    page = " ".join(router(*words).out.split())

    assert "shipped" in page
    assert "report cases, looked at once and after the release, on each model" in page
    assert page.count("measured") == 2
    assert "were put to embedded-nano, the other" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--suite", "customer-360", "--model", "embedded-nano"], "named twice"),
        (["--model", "embedded-micro"], "--suite"),
        (["--suite", "customer-360", "--model", "embedded-mikro"], "embedded-mikro"),
    ],
    ids=["twice", "no suite", "unknown"],
)
def test_models_that_cannot_be_asked_start_nothing(router, words, said):
    """A model named twice, without a suite or unknown, is refused before anything runs."""
    answer = router("cycle", "--prompt", PROMPT, "--model", "embedded-nano", *words)

    assert answer.code == 2
    assert said in answer.err
    assert router("status", "--json").document["cycles"] == []


def test_a_plan_counts_the_other_models(router):
    """What a winner takes on each further model stands in the plan."""
    words = ("plan", "--prompt", PROMPT, "--suite", "customer-360", "--candidates", "2")
    more = ("--model", "embedded-micro", "--model", "embedded-nano", "--model", "embedded-large")

    document = router(*words, *more, "--json").document

    others = {other["model"]: other["calls"] for other in document["other_models"]}
    assert others == dict.fromkeys(("embedded-nano", "embedded-large"), 2 * document["gate_cases"])
    assert router(*words, "--json").document["other_models"] == []


def test_a_request_of_one_model_is_what_it_was(router):
    """Without a second --model the request says nothing of other models, so its identity stays."""
    door = open_door(None, "demo", False)  # noqa: FBT003  as the commands call it
    asked = {"workspace": "demo", "strategy": "balanced", "suite": "customer-360", "model": "embedded-nano"}

    (request,) = requests_for(door, [PROMPT], {**asked, "also_models": ()})

    assert "also_models" not in request.model_dump()


def test_what_to_do_about_a_harmed_model_is_a_command():
    """A model that loses gets a prompt of its own, by a command that can be pasted."""
    gains = [
        ModelGain(model="a", standing="decided", because=""),
        ModelGain(model="openai:b", standing="worse", because=""),
    ]

    lines = own_prompt_lines("triage", "9c5c4e46d720", gains)

    assert "flywheel prompt add triage-openai-b triage-openai-b.txt --live" in lines[1]
    assert own_prompt_lines("triage", "9c5c4e46d720", gains[:1]) == []


def test_numbers_that_do_not_exist_are_dashes():
    """A model that was not run has no points, and a mean that does not exist has no row."""
    gains = [ModelGain(model="a", standing="not_run", because="no key")]

    assert model_rows(gains, AcrossModels(models=1, cases=0)) == [("a", "-", "-", "-", "-", "0", "not run")]
