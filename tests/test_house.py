"""The rules of the house, held by machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

# One worker reads the files, once.
pytestmark = pytest.mark.xdist_group("house")

ROOT = Path(__file__).parents[1]
ROOMS = ("flywheel", "flows", "tasks", "blocks", "deployments", "tests", "benchmarks")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
LIBRARY = [path for path in FILES if path.relative_to(ROOT).parts[0] not in ("tests", "benchmarks")]

BANNED_FILES = {"utils", "util", "helpers", "helper", "common", "manager", "engine", "orchestrator", "misc"}
BANNED_CLASSES = ("Manager", "Engine", "Orchestrator", "Helper", "Utils", "Util")
KNOWN_NAMES = {"ProductionPromptManager"}
"""Names that users of older systems know; they stay as thin doors."""


def name_of(path: Path) -> str:
    """A file as the repository names it."""
    return str(path.relative_to(ROOT))


def test_a_file_is_read_in_one_sitting():
    """No file has more than 400 lines."""
    long = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}

    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_a_file_has_one_reason_to_change():
    """The first docstring line says what a file is for, without the word that joins two things."""
    first = {name_of(path): (ast.get_docstring(_tree(path)) or "").partition("\n")[0] for path in LIBRARY}

    assert {name: line for name, line in first.items() if not line or " and " in line} == {}


def test_no_drawer_for_everything():
    """No file is called utils or the like, no class is a Manager or the like."""
    classes = {
        f"{name_of(path)}:{node.name}"
        for path in FILES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef) and node.name not in KNOWN_NAMES
    }

    assert [name_of(path) for path in FILES if path.stem in BANNED_FILES] == []
    assert [name for name in classes if name.endswith(BANNED_CLASSES)] == []


def test_importing_flywheel_does_nothing():
    """`import flywheel` loads neither numpy nor a database nor a model client."""
    code = (
        "import sys, flywheel\n"
        "heavy = ('numpy', 'scipy', 'sqlmodel', 'sqlalchemy', 'langchain_core', 'langchain_openai', "
        "'langsmith', 'prefect', 'fastapi')\n"
        "print([name for name in heavy if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_one_word_per_thing():
    """Public names use the left column of the glossary, never a word its right column puts in code."""
    banned = banned_words()

    wrong = [
        f"{name_of(path)}: {name}"
        for path in LIBRARY
        for name in _public_names(_tree(path))
        if banned & set(_words(name))
    ]

    assert "trace" in banned
    assert wrong == []


def test_every_test_states_one_behaviour():
    """Each test function has a docstring of one sentence."""
    missing = [
        f"{name_of(path)}::{node.name}"
        for path in FILES
        if path.name.startswith("test_")
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]

    assert missing == []


def test_nobody_swallows_everything():
    """No handler catches Exception, BaseException or everything."""
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in LIBRARY
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
    ]

    assert wrong == []


def banned_words() -> set[str]:
    """Words of the glossary's right column that stand in code marks."""
    rows = re.findall(
        r"^\|.*\|([^|]*)\|$", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    return {word for row in rows for word in re.findall(r"`(\w+)`", row)}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _words(name: str) -> list[str]:
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    return [*words, *(word.removesuffix("s") for word in words), name]


def _public_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("__"):
            names += [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
        yield from (name for name in names if not name.startswith("_"))


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    # Undoing a transaction may catch everything, as long as it raises again.
    raises_again = any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))
    return bool(caught & {"Exception", "BaseException"}) and not raises_again
