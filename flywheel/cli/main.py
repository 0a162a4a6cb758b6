"""The front door: `flywheel COMMAND`, every command loaded only when it is called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from flywheel.cli.refusals import exit_code_of, given_store


class Entry(NamedTuple):
    """One command: where it lives, what it does in one line."""

    name: str
    address: str
    help: str
    panel: str


START, SEE, IMPROVE, DECIDE = "Start here", "See what happens", "Make it better", "Stay in charge"

COMMANDS: tuple[Entry, ...] = (
    Entry("demo", "demo:app", "One whole turn on the sample application, offline, in seconds.", START),
    Entry("init", "init:init_app", "Create the store; safe to repeat.", START),
    Entry("upgrade", "init:upgrade_app", "Bring an older store to this program's schema.", START),
    Entry("import", "importing:app", "Bring in recorded executions from files.", START),
    Entry("prompt", "prompt:app", "Prompts: named, with immutable versions.", START),
    Entry("suite", "suite:app", "Suites: named sets of cases.", START),
    Entry("run", "run:app", "Cases against prompts with models; goes on where it stopped.", START),
    Entry("models", "models:app", "Models by name: keys, prices, what they took.", START),
    Entry("report", "report:app", "Pass rate, errors, latency, tokens, cost.", SEE),
    Entry("patterns", "patterns:app", "Failure patterns, the most damaging first.", SEE),
    Entry("flaky", "flaky:app", "Unstable tests, with a list to put away.", SEE),
    Entry("rank", "rank:app", "Order models, versions or agents on common cases.", SEE),
    Entry("route", "route:app", "Which model to ask, with the chance that each is best.", SEE),
    Entry("baseline", "baseline:app", "Models x slices: who reaches its targets, on what.", SEE),
    Entry("probe", "probe:app", "What breaks a prompt: other wordings, noise, attacks.", SEE),
    Entry("calibration", "calibration:app", "Whether stated confidence means what it says.", SEE),
    Entry("sessions", "sessions:app", "Completeness of captured data, with what is missing.", SEE),
    Entry("judge", "judge:app", "Models that score: labels to hold them against, pairs.", SEE),
    Entry("trust", "trust:app", "How far agents can be relied on, and what that rests on.", SEE),
    Entry("learned", "learned:app", "Patterns, rules, profiles of what agents recommend.", SEE),
    Entry("watch", "watch:app", "Quality of what is live: levels, falls, trends; alerts.", SEE),
    Entry("value", "value:app", "What testing is worth: health, velocity, ROI and more.", SEE),
    Entry("status", "status:app", "Live versions, last cycles, waiting reviews, open alerts.", SEE),
    Entry("serve", "serve:app", "HTTP API with the dashboard, on this machine.", SEE),
    Entry("alerts", "alerts:app", "What a person should look at, with its channels.", SEE),
    Entry("compare", "compare:app", "Verdict on two versions from recorded executions.", IMPROVE),
    Entry("plan", "plan:app", "What an experiment could show and would cost.", IMPROVE),
    Entry("cycle", "cycle:app", "The six phases: from evidence to a better prompt.", IMPROVE),
    Entry("review", "review:app", "Staged changes waiting for a person.", DECIDE),
    Entry("release", "release:release_app", "What is live, with its history.", DECIDE),
    Entry("rollback", "release:rollback_app", "Put a previous version back, to the byte.", DECIDE),
    Entry("lineage", "lineage:app", "Who came from whom, on what evidence.", DECIDE),
    Entry("check", "check:app", "What a deployment needs, before it is one.", DECIDE),
    Entry("redaction", "redaction:app", "What is taken out of evidence before it is stored.", DECIDE),
)
"""Every command, in the order of a user's journey."""


class LazyGroup(TyperGroup):
    """The commands of COMMANDS; a module is imported when its command is called."""

    def __init__(self, **attributes: object) -> None:
        super().__init__(**cast("dict[str, Any]", attributes))
        self._addresses = {entry.name: entry.address for entry in COMMANDS}
        for entry in COMMANDS:
            self.commands[entry.name] = TyperCommand(
                name=entry.name, help=entry.help, rich_help_panel=entry.panel
            )

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:  # noqa: ANN401
        """The real command behind a name, imported now; Typer does not name these types in public."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(self._addresses[name]) if name else command, rest

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: object,
    ) -> int:
        """Run a command line and leave with its exit code."""
        line = list(sys.argv[1:] if args is None else args)
        run = super().main

        def call() -> object:
            return run(
                line,
                prog_name or "flywheel",
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )

        code = exit_code_of(call, as_json="--json" in line, store=given_store(line))
        if standalone_mode:
            sys.exit(code)
        return code


def load(address: str) -> TyperCommand | TyperGroup:
    """The command at `module:attribute` of this package."""
    module, attribute = address.split(":")
    app = getattr(importlib.import_module(f"flywheel.cli.{module}"), attribute)
    return cast("TyperCommand | TyperGroup", get_command(app))


app = typer.Typer(
    name="flywheel",
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Example: flywheel demo",
)


def _print_version(value: bool) -> None:
    if value:
        from flywheel import __version__

        typer.echo(f"flywheel {__version__}")
        raise typer.Exit


@app.callback()
def flywheel(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turns test runs, traces plus imports of LLM applications into prompts that are measurably better."""


def main() -> None:
    """Entry point of the `flywheel` script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a bar still gets the numbers.
            stream.reconfigure(errors="replace")
    get_command(app)()
