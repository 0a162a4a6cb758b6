"""A command line in a folder of its own, with a small store to ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flywheel.cli.main import app
from flywheel.cli.prompt_keeping import make_live
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.store.open import open_store

V1 = "Route the question.\r\n{question}"
V2 = "Route the question to billing, login or other. Answer with one word.\n\nQuestion: {question}"


@dataclass(frozen=True)
class Answer:
    """What a command line left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


@pytest.fixture
def flywheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Call the command line in an empty folder with a clean environment."""
    monkeypatch.chdir(tmp_path)
    # With the last two a page would have its colours in the middle of what is looked for.
    for name in (
        "FLYWHEEL_DATABASE_URL",
        "FLYWHEEL_HOME",
        "FLYWHEEL_WORKSPACE",
        "FORCE_COLOR",
        "TTY_COMPATIBLE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words: str, stdin: str | bytes | None = None) -> Answer:
        result = CliRunner().invoke(app, list(words), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def triage(flywheel: Callable[..., Answer]) -> Callable[..., Answer]:
    """The command line beside a store: prompt `triage`, v1 live at 40 %, v2 at 80 % on the same 60 cases."""
    store = open_store("sqlite:///.flywheel/flywheel.db")
    for label, text in (("v1", V1), ("v2", V2)):
        version = PromptVersion(
            prompt="triage", version=content_hash(text), text=text, labels=(label,), variables=("question",)
        )
        store.prompts.add(version)
        if label == "v1":
            make_live(store, version)
    store.executions.write(_executions())
    store.close()
    return flywheel


def _executions() -> list[Execution]:
    rows = []
    for label, passing in (("v1", 4), ("v2", 8)):
        for number in range(60):
            passed = number % 10 < passing
            rows.append(
                Execution(
                    execution_id=f"{label}-{number}",
                    prompt="triage",
                    version=label,
                    case_id=f"case-{number:02}",
                    slice=("billing", "login")[number % 2],
                    model="small" if label == "v1" else "large",
                    outcome="passed" if passed else "failed",
                    inputs={"question": f"question {number}"},
                    expected="billing",
                    output="billing" if passed else "other",
                    latency_ms=100.0 + number,
                    source="test",
                )
            )
    return rows
