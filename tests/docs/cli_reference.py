"""Reference of the command line, written from the program itself.

`python tests/docs/cli_reference.py` rewrites the part of docs/cli.md between
its markers; a test holds the two equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

from flywheel.cli.main import COMMANDS, load

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
START, END = "<!-- commands: start -->\n", "<!-- commands: end -->\n"
SHARED = ("--store", "--workspace", "--json", "--help")


def reference() -> str:
    """Markdown of every command with its arguments and options, in the order of --help."""
    parts: list[str] = []
    panel = ""
    for entry in COMMANDS:
        if entry.panel != panel:
            panel = entry.panel
            parts.append(f"## {panel}\n")
        for path, command in commands_of(entry.name, load(entry.address)):
            parts.append(_section(path, command))
    return "\n".join(parts)


def commands_of(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command, or the commands of a group, each with the words that call it."""
    if isinstance(command, TyperGroup):
        for child_name, child in command.commands.items():
            yield f"{name} {child_name}", child
    else:
        yield name, command


def _section(path: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    words = " ".join(["flywheel", path, *(_metavar(a) for a in arguments)])
    lines = [f"### `flywheel {path}`\n", f"`{words} [OPTIONS]`\n", _plain(command.help), "\n```sh"]
    lines += [line.removeprefix("Example: ") for line in (command.epilog or "").split("\n\n")]
    lines.append("```\n")
    rows = [(_metavar(a), a.help) for a in arguments]
    rows += [(_option(p), _help(p)) for p in command.params if _own(p)]
    if rows:
        lines += ["| | |", "|---|---|", *(f"| `{name}` | {said} |" for name, said in rows), ""]
    return "\n".join(lines)


def _own(param: Any) -> bool:
    return param.param_type_name == "option" and param.opts[0] not in SHARED


def _metavar(argument: Any) -> str:
    return str(argument.metavar)


def _option(param: Any) -> str:
    choices = getattr(param.type_descriptor, "choices", None)
    value = "|".join(str(c.value) for c in choices) if choices else param.metavar
    flag = getattr(param, "is_flag", False)
    return param.opts[0] if flag or not value else f"{param.opts[0]} {value}".replace("|", "\\|")


def _help(param: Any) -> str:
    needed = " Required." if param.required else ""
    default = param.default
    shown = default not in (None, False, "", []) and not callable(default)
    value = getattr(default, "value", default)
    return f"{param.help}{needed}" + (f" Default: {value}." if shown else "")


def _plain(text: str) -> str:
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text.strip())


def rewritten(page: str) -> str:
    """The page with its reference brought up to date."""
    before, rest = page.split(START)
    return f"{before}{START}\n{reference()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
