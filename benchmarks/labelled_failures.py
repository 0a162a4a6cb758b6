"""Real failing tests with a known cause: one fault at a time in installed packages, their own suites run.

Usage: python -m benchmarks.labelled_failures OUT.jsonl [--faults 20] [--seed 7]

Needs pytest with the packages of PACKAGES in the same interpreter. A fault is one changed
operator, constant, condition or return value in one module; it is the label of every failure that the
package's own tests then show.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PACKAGES = {
    "toolz": "tests",
    "simplejson": "tests",
    "jsonschema": "tests",
    "pyflakes": "test",
}
"""Folder of the tests inside each package; all four install their tests."""

NEEDS_MORE = ("test_exceptions.py", "test_jsonschema_test_suite.py")
"""Test files of jsonschema that look for its checkout."""

MAX_FAILURES = 30
TIMEOUT_S = 60

RECORDER = """
import json, os

def pytest_runtest_logreport(report):
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        line = {"test": report.nodeid, "when": report.when, "message": report.longreprtext}
        line["crash"] = crash.message if crash else ""
        with open(os.environ["FAULT_OUT"], "a") as out:
            out.write(json.dumps(line) + "\\n")
"""

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def places(tree: ast.Module) -> list[tuple[int, str]]:
    """Nodes of a module where a fault can be put, by their position in the walk."""
    found = []
    for index, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            found.append((index, "compare"))
        elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
            found.append((index, "operator"))
        elif isinstance(node, ast.Return) and node.value is not None:
            found.append((index, "return"))
        elif isinstance(node, ast.If):
            found.append((index, "condition"))
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            found.append((index, "constant"))
        elif isinstance(node, ast.Call) and len(node.args) > 1:
            found.append((index, "argument"))
    return found


def inject(source: str, index: int, kind: str) -> tuple[str, int]:
    """The module with one fault; its line number."""
    tree = ast.parse(source)
    node = list(ast.walk(tree))[index]
    if kind == "compare":
        node.ops[0] = SWAPS[type(node.ops[0])]()
    elif kind == "operator":
        node.op = SWAPS[type(node.op)]()
    elif kind == "return":
        node.value = ast.Constant(None)
    elif kind == "condition":
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif kind == "constant":
        node.value += 1
    else:
        node.args = node.args[:-1]
    return ast.unparse(ast.fix_missing_locations(tree)), node.lineno


def run_suite(folder: Path, package: str, out: Path) -> None:
    """The package's own tests from a folder that shadows the installed package."""
    command = [sys.executable, "-m", "pytest", "-q", "--maxfail=200", "-p", "fault_recorder"]
    command += ["-p", "no:cacheprovider", "-W", "ignore", str(folder / package / PACKAGES[package])]
    command += [f"--ignore-glob=*/{name}" for name in NEEDS_MORE]
    environment = {**os.environ, "PYTHONPATH": str(folder), "FAULT_OUT": str(out), "PYTHONHASHSEED": "0"}
    try:
        subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        out.unlink(missing_ok=True)


def faults_of(package: str, count: int, rng: random.Random) -> Iterator[list[dict[str, str]]]:
    """Failures of each fault that any test notices, until `count` faults are noticed."""
    spec = importlib.util.find_spec(package)
    home = Path(str(spec and spec.origin)).parent
    modules = [
        path
        for path in sorted(home.rglob("*.py"))
        if PACKAGES[package] not in path.relative_to(home).parts[:-1] and path.name != "__init__.py"
    ]
    spots = [
        (path, index, kind)
        for path in modules
        for index, kind in places(ast.parse(path.read_text(encoding="utf-8")))
    ]
    rng.shuffle(spots)
    noticed = 0
    for path, index, kind in spots[: 5 * count]:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            shutil.copytree(home, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
            (folder / "fault_recorder.py").write_text(RECORDER, encoding="utf-8")
            text, line = inject(path.read_text(encoding="utf-8"), index, kind)
            (folder / package / path.relative_to(home)).write_text(text, encoding="utf-8")
            out = folder / "failures.jsonl"
            run_suite(folder, package, out)
            failures = out.read_text().replace(scratch, "/work").splitlines() if out.exists() else []
        if failures:
            label = f"{package}/{path.relative_to(home)}:{line}:{kind}"
            rng.shuffle(failures)
            noticed += 1
            yield [{**json.loads(f), "package": package, "fault": label} for f in failures[:MAX_FAILURES]]
        if noticed >= count:
            return


def main() -> None:
    """Write one JSON line per failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    with asked.out.open("w", encoding="utf-8") as out:
        for package in PACKAGES:
            total = 0
            for failures in faults_of(package, asked.faults, random.Random(asked.seed)):
                out.writelines(json.dumps(line) + "\n" for line in failures)
                out.flush()
                total += 1
            print(f"{package}: {total} faults noticed", flush=True)


if __name__ == "__main__":
    main()
