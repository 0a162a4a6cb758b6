"""Links of the documents lead somewhere; their shell blocks run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import readme_demo

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
RUNNABLE = (
    "README.md",
    "docs/monitoring.md",
    "docs/operations.md",
    "docs/probes.md",
    "docs/running.md",
    "docs/scorers.md",
    "docs/trust.md",
    "docs/tutorial.md",
)


def name_of(path: Path) -> str:
    """A page as the repository names it."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path):
    """Every relative link or image of a page is a file or a folder."""
    links = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", RUNNABLE)
def test_what_the_page_shows_runs(page: str, tmp_path: Path):
    """Shell blocks marked `<!-- run -->` run one after the other in an empty folder."""
    done = run_blocks(page, tmp_path)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    if page == "docs/tutorial.md":
        # It starts with the demo, whose page the README shows.
        printed = readme_demo.stable_parts(done.stdout.split("Model: ")[0])
        promised = readme_demo.stable_parts(readme_demo.shown().split("Model: ")[0])
        assert printed == promised, "run: make demo 2>/dev/null | python tests/docs/readme_demo.py"


def run_blocks(page: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The marked blocks of a page as one script."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- run -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert blocks
    write_readers_files(folder)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=folder,
        env=clean_environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )


def clean_environment(folder: Path) -> dict[str, str]:
    """The environment of a reader: `flywheel` and `python` on the path, no settings."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("FLYWHEEL_", "PREFECT_"))}
    tools = folder / ".bin"
    tools.mkdir()
    script = f'#!/bin/sh\nexec {sys.executable} -c "from flywheel.cli.main import main; main()" "$@"\n'
    (tools / "flywheel").write_text(script)
    (tools / "flywheel").chmod(0o755)
    (tools / "python").symlink_to(sys.executable)
    return {**environ, "PATH": f"{tools}:{environ['PATH']}", "COLUMNS": "80"}


def write_readers_files(folder: Path) -> None:
    """The files a reader has: a prompt, and runs of two versions of it."""
    (folder / "triage.txt").write_text("Which team answers this? billing, login or other.\n\n{question}\n")
    with (folder / "runs.jsonl").open("w", encoding="utf-8") as file:
        for version, passing in (("v1", 5), ("v2", 8)):
            for number in range(80):
                row = {
                    "execution_id": f"{version}-{number}",
                    "version": version,
                    "case_id": f"case-{number}",
                    "slice": ("billing", "login")[number % 2],
                    "inputs": {"question": f"question {number}"},
                    "output": "billing",
                    "expected": "billing",
                    "outcome": "passed" if number % 10 < passing else "failed",
                }
                file.write(json.dumps(row) + "\n")
