"""Commands of flywheel at the end of a session, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LIMIT_S: Final = 600
"""How long an import, or a cycle, at the end of a session may take."""

_COMMAND: Final = "from flywheel.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Imported:
    """How an import at the end of a session went.

    Attributes:
        because: what it did, or why it did nothing.
        done: the executions are in the store.
    """

    because: str
    done: bool


def bring_in(path: Path, workspace: str | None, folder: Path) -> Imported:
    """Import a spool file, so that nothing the import does can reach the tests.

    Args:
        path: the file.
        workspace: of the executions; None leaves it to the environment.
        folder: where the store's default address starts.

    Returns:
        What happened, in words; an import that failed is a value, not an error.
    """
    report = _answer(["import", "jsonl", str(path)], workspace, folder)
    if isinstance(report, str):
        return Imported(report, done=False)
    kinds = ("stored", "replaced", "unchanged", "rejected")
    counts = ", ".join(f"{report[kind]} {kind}" for kind in kinds if report.get(kind))
    return Imported(counts or "nothing new", done=True)


def turn(prompts: Iterable[str], strategy: str, workspace: str | None, folder: Path) -> list[str]:
    """A cycle for each prompt for which its new executions make one due.

    Args:
        prompts: that the tests were about.
        strategy: of the cycles.
        workspace: of the executions; None leaves it to the environment.
        folder: where the store's default address starts.

    Returns:
        One line a prompt, or one that says why nothing could be done.
    """
    named = [word for prompt in sorted(prompts) for word in ("--prompt", prompt)]
    if not named:
        return ["no cycle: no test names a prompt, see flywheel_case.prompt and --flywheel-prompt"]
    asked = ["cycle", *named, "--if-due", "--trigger", "test_completion", "--strategy", strategy]
    report = _answer(asked, workspace, folder)
    if isinstance(report, str):
        return [f"no cycle: {report}"]
    done = {cycle["prompt"]: cycle for cycle in report["cycles"]}
    return [_told(one, done.get(one["prompt"])) for one in report["due"]]


def _told(due: dict[str, Any], cycle: dict[str, Any] | None) -> str:
    if cycle is None:
        return f"no cycle of {due['prompt']}: {due['because']}"
    output = cycle["output"]
    if output is None:
        return f"the cycle of {due['prompt']} failed: {cycle['error']}"
    kinds = ("shipped", "staged", "held", "rejected")
    counts = ", ".join(f"{len(output[kind])} {kind}" for kind in kinds if output[kind])
    look = "; next: flywheel review list" if output["staged"] else ""
    return f"cycle of {due['prompt']} ({due['because']}): {counts or output['because']}{look}"


def _answer(words: list[str], workspace: str | None, folder: Path) -> dict[str, Any] | str:
    """The JSON object a command prints, or in words why there is none."""
    command = [sys.executable, "-c", _COMMAND, *words, "--json"]
    if workspace:
        command += ["--workspace", workspace]
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_CORE_"))
    }
    try:
        ran = subprocess.run(  # noqa: S603 (this interpreter, our own command, no shell)
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {error}"
    try:
        report = json.loads(ran.stdout)
    except ValueError:
        report = None
    if isinstance(report, dict):
        return str(report["error"]["message"]) if "error" in report else report
    last = [line for line in ran.stderr.splitlines() if line.strip()]
    return last[-1].strip() if last else f"exit code {ran.returncode}"
