"""A scorer of the user's own is known by its source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flywheel.learn.scorers import scoring_digest, scoring_of
from flywheel.learn.scorers_source import scorer_source, source_digest
from flywheel.records.case import Case, Suite

CASE = Case(case_id="1", suite="s", inputs={"q": "?"}, expected="yes")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules that can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def suite_of(path: str) -> Suite:
    """A suite with a scorer of the user's."""
    return Suite(suite="s", scorer="code", parameters={"path": path})


def written(file: Path, result: str) -> None:
    """A scorer that gives always the same; its time differs from that of the one before."""
    file.write_text(f"def right(answer, expected, inputs):\n    return {result}\n")
    os.utime(file, (0, len(result)))


def test_a_corrected_scorer_scores_at_once(folder: Path) -> None:
    """The same process gives the new score, without being started again; so does its identity differ."""
    suite = suite_of("house_scorer:right")
    said, known = [], set()
    for result in ("False", "answer == expected", "None"):
        written(folder / "house_scorer.py", result)
        said.append(scoring_of(suite)(CASE, "yes").outcome.value)
        known.add((scorer_source(suite), scoring_digest(suite, CASE)))

    assert said == ["failed", "passed", "unscored"]
    assert len({source for source, _ in known}) == len({digest for _, digest in known}) == 3


def test_a_scorer_that_stays_the_same_is_the_same(folder: Path) -> None:
    """Its time alone changes nothing, and neither does another module."""
    written(folder / "stays.py", "True")
    before = source_digest("stays:right")
    written(folder / "other.py", "False")
    written(folder / "stays.py", "True")
    os.utime(folder / "stays.py", (9, 9))

    assert source_digest("stays:right") == before != ""


def test_a_module_of_a_package_is_found_without_importing_it(folder: Path) -> None:
    """The file of the module counts; the package, which would do something when imported, is left alone."""
    (folder / "house" / "rules").mkdir(parents=True)
    (folder / "house" / "__init__.py").write_text("raise SystemExit('imported')\n")
    (folder / "house" / "rules" / "__init__.py").write_text("")
    written(folder / "house" / "rules" / "tone.py", "True")
    before = source_digest("house.rules.tone:right")
    written(folder / "house" / "rules" / "tone.py", "False")

    assert "" not in {before, source_digest("house.rules.tone:right")}
    assert before != source_digest("house.rules.tone:right")


def test_a_module_in_folders_without_init_is_found(folder: Path) -> None:
    """Python imports from such folders too."""
    (folder / "loose" / "deep").mkdir(parents=True)
    written(folder / "loose" / "deep" / "module.py", "True")

    assert source_digest("loose.deep.module:right") != ""


@pytest.mark.parametrize("path", ["nowhere:f", "sys:exit", "json.nowhere:f"])
def test_what_has_no_file_has_no_source(path: str) -> None:
    """Modules that are missing or built in are no error here; the scorer itself says what is wrong."""
    assert source_digest(path) == ""
