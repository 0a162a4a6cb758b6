"""docs/langsmith.md says what the program does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from langsmith_stub import KEY, langsmith_stub

from flywheel.capture.importing import ImportSettings, import_file
from flywheel.capture.langsmith_feedback import RATING_KEYS, SCORE_KEYS
from flywheel.capture.langsmith_live import LONGEST_RUN, OVERLAP
from flywheel.llm.langsmith_api import REQUESTS, WINDOW_S, Patience
from flywheel.llm.langsmith_cycle import project_of
from flywheel.llm.langsmith_outbox import RUNS
from flywheel.llm.langsmith_prompts import TAG
from flywheel.llm.langsmith_sending import AGAIN_S, LONGEST_S, MOST_WAITING, PATIENCE_S
from flywheel.llm.langsmith_source import PAGE as RUNS_OF_A_PAGE
from flywheel.store.open import open_store

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "langsmith.md").read_text(encoding="utf-8")


def test_the_export_on_the_page_can_be_imported(tmp_path: Path):
    """The script that is shown, run with the real client, writes a file that comes in whole."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with langsmith_stub() as stub:
        for minutes in range(3):
            stub.state.add_run("support", start=datetime.now(UTC) - timedelta(minutes=minutes))
        environ = {
            **os.environ,
            "LANGSMITH_API_KEY": KEY,
            "LANGSMITH_ENDPOINT": stub.url,
            "HOME": str(tmp_path),
        }
        subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env=environ, check=True, capture_output=True
        )
    settings = ImportSettings(format="langsmith", quarantine_folder=tmp_path)
    report = import_file(tmp_path / "runs.jsonl", open_store("sqlite://"), settings)

    assert (report.stored, report.rejected) == (3, 0)


def test_every_variable_is_on_the_page():
    """What the program reads of the environment is named, apart from older spellings."""
    read = {
        name
        for file in (ROOT / "flywheel" / "llm", ROOT / "blocks")
        for path in file.rglob("langsmith*.py")
        for name in re.findall(r'"(LANGSMITH_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }

    assert len(read) >= 4
    assert sorted(name for name in read if f"`{name}`" not in PAGE and name not in PAGE) == []


def test_numbers_on_the_page_are_those_of_the_program():
    """Limits and times that the page promises are the constants of the code."""
    assert f"{RUNS_OF_A_PAGE} a page" in PAGE
    assert f"At most {REQUESTS} requests in {WINDOW_S:.0f} seconds" in PAGE
    assert f"begins {OVERLAP.seconds // 60} minutes before" in PAGE
    assert (LONGEST_RUN.days, "(for a day)" in PAGE) == (1, True)
    assert (Patience().tries, "up to five times" in PAGE) == (5, True)
    assert (Patience().deadline_s, "left after two minutes" in PAGE) == (120.0, True)
    assert (PATIENCE_S, "answer two seconds" in PAGE) == (2.0, True)
    assert (LONGEST_S, "given up to a minute" in PAGE) == (60.0, True)
    assert f"up to {RUNS} in one request" in PAGE
    assert f"up to {MOST_WAITING:,} messages" in PAGE
    assert f"left alone for {AGAIN_S:.0f} seconds" in PAGE
    assert project_of("WORKSPACE") in PAGE
    assert f"tag `{TAG}`" in PAGE


def test_feedback_keys_on_the_page_are_known():
    """Names of feedback that the page gives are read as it says."""
    (scores,) = re.findall(r"\| `score` \| feedback named (.*?) or alike", PAGE)
    (ratings,) = re.findall(r"\| `rating` \| feedback named (.*?), from 1 to 5", PAGE)

    assert set(re.findall(r"`(\w+)`", scores)) <= set(SCORE_KEYS)
    assert set(re.findall(r"`(\w+)`", ratings)) <= RATING_KEYS
