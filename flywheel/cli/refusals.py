"""How a command that cannot go on says so, with its exit code."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import typer

from flywheel.errors import FlywheelError

if TYPE_CHECKING:
    from pydantic import ValidationError

USAGE_ERROR: Any = typer.BadParameter.__bases__[0]
"""Typer's error for wrong arguments, which has no public name of its own."""

DONE, CHECK_SAYS_NO, WRONG_USE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130


@dataclass(frozen=True, slots=True)
class Refusal:
    """What stopped a command.

    Attributes:
        kind: class of the error.
        message: for a person; what was got, what is needed, what to do next.
        exit_code: what the process returns.
    """

    kind: str
    message: str
    exit_code: int

    def say(self, *, as_json: bool) -> None:
        """In red on stderr, or as a JSON document on stdout."""
        if as_json:
            error = {"type": self.kind, "message": self.message, "exit_code": self.exit_code}
            typer.echo(json.dumps({"error": error}, ensure_ascii=False, indent=2))
            return
        if not self.message:
            return
        first, _, rest = self.message.partition("\n")
        red = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        typer.secho(f"Error: {first}", err=True, fg="red" if red else None)
        if rest:
            typer.echo(rest, err=True)


def exit_code_of(call: Callable[[], object], *, as_json: bool, store: str | None = None) -> int:
    """Run a command line; print what stopped it, once, in one place.

    Args:
        call: the command line; gives None, or an exit code.
        as_json: print an error as `{"error": {...}}` on stdout.
        store: what `--store` was given, for commands that an error names.

    Returns:
        0 done, 1 the verdict or check says no, 2 wrong use, 3 a service or store
        is unreachable, 130 interrupted.
    """
    try:
        result = call()
    except USAGE_ERROR as error:
        refusal = _usage(error)
    except FlywheelError as error:
        refusal = Refusal(type(error).__name__, with_store(str(error), store), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _stopped()
    except BrokenPipeError:
        _close_quietly()
        return DONE
    except OSError as error:
        refusal = Refusal("FileError", file_error_text(error), WRONG_USE)
    except ValueError as error:
        if not isinstance(error, _validation_error()):
            raise
        refusal = Refusal("InputError", validation_text(error), WRONG_USE)
    else:
        # Typer turns Ctrl-C into this code itself.
        return _stopped() if result == INTERRUPTED else result if isinstance(result, int) else DONE
    refusal.say(as_json=as_json)
    return refusal.exit_code


def with_store(message: str, store: str | None) -> str:
    """An error whose advice to make or upgrade a store names the store that was meant.

    Examples:
        >>> with_store("Nothing was changed. Run: flywheel upgrade", "team.db")
        'Nothing was changed. Run: flywheel upgrade --store team.db'
        >>> with_store("Nothing was changed. Run: flywheel upgrade", None)
        'Nothing was changed. Run: flywheel upgrade'
    """
    if store is None:
        return message
    from flywheel.cli.doors import shown_address

    named = f" --store {shlex.quote(shown_address(store))}"
    return re.sub(r"Run: flywheel (?:upgrade|init)\b(?! --)", lambda found: found[0] + named, message)


def given_store(line: Sequence[str]) -> str | None:
    """The value of `--store` on a command line, the last one where there are several.

    Examples:
        >>> given_store(["report", "--store", "a.db"]), given_store(["--store=b.db"]), given_store(["report"])
        ('a.db', 'b.db', None)
    """
    found = [after for word, after in pairwise(line) if word == "--store"]
    found += [word.removeprefix("--store=") for word in line if word.startswith("--store=")]
    return found[-1] if found else None


def validation_text(error: ValidationError) -> str:
    """A Pydantic ValidationError of user input as lines a person can act on.

    Examples:
        >>> from flywheel.records.case import AnswerOption
        >>> try:
        ...     AnswerOption(name="")
        ... except ValueError as error:
        ...     print(validation_text(error))
        This input cannot be used; nothing was changed.
          name: String should have at least 1 character, got ''
    """
    lines = ["This input cannot be used; nothing was changed."]
    for problem in error.errors(include_url=False, include_context=False):
        where = ".".join(str(part) for part in problem["loc"]) or "input"
        got = repr(problem.get("input"))
        lines.append(f"  {where}: {problem['msg']}, got {got[:80]}")
    return "\n".join(lines)


def file_error_text(error: OSError) -> str:
    """An operating system error with the path, the reason, the next step."""
    path = f" {str(error.filename)!r}" if error.filename is not None else ""
    reason = error.strerror or str(error)
    return f"Cannot use{path}: {reason}. Nothing was changed. Check the path plus its permissions."


def _validation_error() -> type[ValidationError]:
    """Pydantic's error, when pydantic was loaded at all; --help must not load it."""
    pydantic = sys.modules.get("pydantic")
    return cast("type[ValidationError]", pydantic.ValidationError if pydantic else UnicodeError)


def _usage(error: Exception) -> Refusal:
    context: typer.Context | None = getattr(error, "ctx", None)
    message = error.format_message() if isinstance(error, USAGE_ERROR) else str(error)
    message = message.replace("Value error, ", "")
    if type(error).__name__ == "NoArgsIsHelpError":
        # Making this error has drawn the help already, unless it is plain text.
        return Refusal("UsageError", message, WRONG_USE)
    message = " ".join(message.split())
    path = context.command_path if context is not None else "flywheel"
    return Refusal("UsageError", f"{message}\nSee: {path} --help", WRONG_USE)


def _stopped() -> int:
    typer.echo("Stopped. Nothing is left half-written.", err=True)
    return INTERRUPTED


def _close_quietly() -> None:
    """Point stdout at nothing, so that the interpreter's last flush stays silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
