"""`flywheel run MANIFEST`: everything a run needs in one file."""

from __future__ import annotations

import json

import pytest

from flywheel.cli.run_manifest import read_manifest

TOML = """
suite = "colours"
models = ["embedded-large"]
scorer = { name = "set", pass_at = 0.5 }
seed = 3

[[prompts]]
name = "picker"
file = "picker.txt"

[[cases]]
inputs = { question = "sky" }
expected = ["blue"]

[[cases]]
case_id = "grass"
inputs = { question = "grass" }
expected = ["green"]
slice = "plants"
"""
YAML = """
suite: colours
model: embedded-large
scorer: {name: set, pass_at: 0.5}
seed: 3
prompts:
  - {name: picker, file: picker.txt}
cases:
  - {inputs: {question: sky}, expected: [blue]}
  - {case_id: grass, inputs: {question: grass}, expected: [green], slice: plants}
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with the text of the prompt."""
    (tmp_path / "picker.txt").write_text(
        "- blue: the sky\n- green: the grass\nName one.\n\nQ: {question}\nA:"
    )
    return tmp_path


def test_the_three_forms_mean_the_same(folder):
    """TOML, YAML and JSON give equal manifests with equal cases; a file of cases does too."""
    (folder / "m.toml").write_text(TOML)
    (folder / "m.yaml").write_text(YAML)
    manifest, cases = read_manifest(folder / "m.toml", "w")
    plain = manifest.model_dump(mode="json", exclude={"cases", "scorer", "parameters"})
    rows = [case.model_dump(include={"case_id", "inputs", "expected", "slice"}) for case in cases]
    (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    scorer = {"name": "set", "pass_at": 0.5}
    (folder / "m.json").write_text(json.dumps({**plain, "scorer": scorer, "cases": "cases.jsonl"}))

    assert read_manifest(folder / "m.yaml", "w") == (manifest, cases)
    assert read_manifest(folder / "m.json", "w")[1] == cases
    assert (manifest.prompts[0].text or "").startswith("- blue")
    assert [case.slice for case in cases] == [None, "plants"]


def test_a_manifest_runs_and_is_kept(flywheel, folder):
    """The suite and the prompt of the file are stored, the cases run, the report printed."""
    (folder / "m.toml").write_text(TOML)

    first = flywheel("run", "m.toml", "--json")
    second = flywheel("run", "m.toml", "--json")

    assert first.code == 0
    assert (first.document["asked"], first.document["session"]) == (2, "run/colours/seed-3")
    assert (second.document["asked"], second.document["kept"]) == (0, 2)
    assert flywheel("suite", "show", "colours", "--json").document["parameters"] == {"pass_at": 0.5}
    assert len(flywheel("prompt", "list", "--json").document["prompts"]) == 1
    assert (
        flywheel("run", "colours", "--prompt", "picker", "--model", "embedded-large", "--seed", "3").code == 0
    )


def test_a_forecast_of_a_manifest_keeps_nothing(flywheel, folder):
    """--dry-run reads the file and stores neither suite nor prompt."""
    (folder / "m.toml").write_text(TOML)

    assert flywheel("run", "m.toml", "--dry-run", "--json").document["forecast"]["calls"] == 2
    assert flywheel("suite", "list", "--json").document["suites"] == []
    assert flywheel("prompt", "list", "--json").document["prompts"] == []


def test_the_command_line_counts_before_the_file(flywheel, folder):
    """Models and ceilings of the command replace those of the manifest."""
    (folder / "m.toml").write_text("budget_calls = 1\n" + TOML)

    assert flywheel("run", "m.toml", "--json").document["asked"] == 1
    words = ("run", "m.toml", "--budget-calls", "5", "--model", "embedded-nano", "--json")
    assert flywheel(*words).document["asked"] == 2


def test_yaml_means_what_it_says(folder):
    """`no` stays a word and a date stays a text; only true and false are truth values."""
    (folder / "m.yaml").write_text(
        "prompts: [p]\nmodels: [m]\ncases:\n"
        "- {inputs: {q: a}, expected: no}\n- {inputs: {q: 2026-11-21}, expected: true}\n"
    )

    _, cases = read_manifest(folder / "m.yaml", "w")

    assert [case.expected for case in cases] == ["no", True]
    assert cases[1].inputs == {"q": "2026-11-21"}
    assert cases[0].suite == "m"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("m.toml", "suite = ", "cannot be read"),
        ("m.json", "[1]", "holds no table"),
        ("m.yaml", "a: &x [1]\nb: *x", "aliases"),
        ("m.yaml", "a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("m.toml", 'models = ["m"]', "prompts"),
        ("m.toml", 'prompts = ["p"]\nmodels = ["m"]\nmodells = 1', "modells"),
        ("m.toml", 'prompts = [{name = "p", version = "v", text = "t"}]\nmodels = ["m"]', "give one of them"),
        ("m.toml", TOML.replace("pass_at = 0.5", "pas_at = 0.5"), "it has no such parameter"),
        ("m.toml", TOML.replace("picker.txt", "gone.txt"), "gone.txt"),
        ("m.toml", TOML + '[[cases]]\ncase_id = "grass"\ninputs = {}', "comes twice"),
    ],
    ids=["toml", "json", "alias", "code", "no prompts", "unknown", "both", "scorer", "file", "twice"],
)  # fmt: skip
def test_a_bad_manifest_is_refused(flywheel, folder, name, text, said):
    """A file that cannot be a manifest is exit 2 and says where; nothing is stored or sent."""
    (folder / name).write_text(text)
    flywheel("init")

    answer = flywheel("run", name)

    assert answer.code == 2
    assert said in " ".join(answer.err.split())
    assert flywheel("suite", "list", "--json").document["suites"] == []
