"""The door pytest comes in by: options, the fixture, nothing else until capture is asked for.

pytest imports this file in every run of every project that has flywheel
installed, so it imports pytest alone; what captures is imported when
`--flywheel` is given.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flywheel.capture.pytest_case import FlywheelCase

_NAMES = {
    "prompt": "prompt of executions that name none",
    "version": "version of executions that name none",
    "workspace": "workspace of the executions",
    "suite": "suite of the executions (default: name of the root folder)",
    "workflow": "workflow_id of the executions (default: name of the root folder)",
}
_ALONE = {"--flywheel": "--flywheel=", "--flywheel-cycle": "--flywheel-cycle=production"}
_OFF, _ON = ("0", "off", "no", "false"), ("1", "on", "yes", "true")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, all called --flywheel..., each with a twin in the ini file."""
    group = parser.getgroup("flywheel", "flywheel: every test becomes an execution")
    group.addoption(
        "--flywheel",
        nargs="?",
        const="",
        default=None,
        metavar="=PATH",
        help="write every test to PATH, a .jsonl file or a folder (--flywheel alone: .flywheel/spool)",
    )
    group.addoption(
        "--flywheel-import",
        action="store_true",
        default=False,
        help="also bring the executions into the store when the session ends (implies --flywheel)",
    )
    group.addoption(
        "--flywheel-cycle",
        nargs="?",
        const="production",
        default=None,
        metavar="=STRATEGY",
        help="after the import, a cycle of each prompt for which one is due (implies --flywheel-import; "
        "--flywheel-cycle alone: strategy production, which releases nothing without a person)",
    )
    parser.addini("flywheel", "as --flywheel, in every run", type="bool", default=False)
    parser.addini("flywheel_cycle", "strategy of the cycles, as --flywheel-cycle", default="")
    parser.addini("flywheel_import", "as --flywheel-import, in every run", type="bool", default=False)
    parser.addini("flywheel_path", "file or folder of the executions, from the root folder", default="")
    parser.addini("flywheel_redaction", "private texts: mask (default), hash or off", default="")
    for name, what in _NAMES.items():
        group.addoption(f"--flywheel-{name}", default=None, metavar="NAME", help=what)
        parser.addini(f"flywheel_{name}", what, default="")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """`--flywheel tests/` means the tests of `tests/`; only `--flywheel=PATH` names a file."""
    if "--flywheel" in args or "--flywheel-cycle" in args:
        end = args.index("--") if "--" in args else len(args)
        args[:end] = [_ALONE.get(argument, argument) for argument in args[:end]]
        read = parser.parse_known_args(args)
        early_config.known_args_namespace.flywheel = read.flywheel
        early_config.known_args_namespace.flywheel_cycle = read.flywheel_cycle
        early_config.known_args_namespace.file_or_dir = read.file_or_dir


def pytest_configure(config: pytest.Config) -> None:
    """Start capturing when it was asked for."""
    config.addinivalue_line(
        "markers",
        "flywheel(prompt, version, suite, slice, model, agent, case): names for the executions of a test",
    )
    if _wanted(config):
        from flywheel.capture.pytest_session import start_capture

        start_capture(config)


@pytest.fixture(scope="session")
def flywheel_case() -> FlywheelCase:
    """What the running test says of itself: prompt, version, case, inputs, output, score, model calls.

    One object for the whole session that always means the test that runs now. Without
    --flywheel it takes everything and keeps nothing. See docs/capture.md.
    """
    from flywheel.capture.pytest_case import CASE

    return CASE


def _wanted(config: pytest.Config) -> bool:
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        return "flywheel" in worker
    switch = os.environ.get("FLYWHEEL_PYTEST", "").lower()
    if switch in _OFF or config.option.collectonly:
        return False
    return (
        switch in _ON
        or config.getoption("flywheel") is not None
        or bool(config.getoption("flywheel_import"))
        or bool(config.getini("flywheel"))
        or bool(config.getini("flywheel_import"))
        or bool(config.getoption("flywheel_cycle") or config.getini("flywheel_cycle"))
    )
