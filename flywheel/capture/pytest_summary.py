"""What a captured session says at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from flywheel.capture.pytest_commands import Imported
from flywheel.capture.pytest_tally import Tally
from flywheel.capture.spool import Spool

_ORDER: Final = ("passed", "failed", "error", "skipped", "unscored")


@dataclass(slots=True)
class Afterwards:
    """What was done with the executions after the last test.

    Attributes:
        imported: None where no import was asked for.
        turned: one line about the cycle of each prompt.
    """

    imported: Imported | None = None
    turned: list[str] = field(default_factory=list)


def write_summary(
    reporter: pytest.TerminalReporter,
    spool: Spool,
    tally: Tally,
    after: Afterwards,
    left: Sequence[str],
) -> None:
    """One section; one line under -q, only what went wrong under -qq."""
    imported = after.imported
    verbosity = reporter.config.get_verbosity()
    shown = shown_path(spool.path, reporter.config.invocation_params.dir)
    if verbosity >= 0:
        reporter.section("flywheel")
        for line in _told(tally):
            reporter.write_line(line)
        if not tally.total:
            reporter.write_line("nothing was captured, so no file was written")
        elif not left and spool.lost < tally.total:
            reporter.write_line(f"written to {shown}")
            reporter.write_line(_next(shown, imported))
            for line in after.turned:
                reporter.write_line(line)
    elif verbosity == -1 and tally.total:
        done = ", imported" if imported is not None and imported.done else ""
        reporter.write_line(f"flywheel: {_executions(tally.total)} in {shown}{done}")
    for warning in _warnings(spool, tally, imported, left, shown):
        reporter.write_line(f"flywheel: {warning}", yellow=True)


def shown_path(path: Path, start: Path) -> str:
    """A path as a person would type it from where pytest was started."""
    return str(path.relative_to(start)) if path.is_relative_to(start) else str(path)


def _told(tally: Tally) -> list[str]:
    further = tally.further
    outcomes = ", ".join(
        f"{tally.outcomes[outcome]} {outcome}" for outcome in _ORDER if tally.outcomes[outcome]
    )
    within = [f"{further[key]} {key}" for key in ("rerun", "subtest", "xfailed", "xpassed") if further[key]]
    lines = [
        f"captured {_executions(tally.total)}"
        + (f": {outcomes}" if outcomes else "")
        + (f" (of these {', '.join(within)})" if within else "")
    ]
    data = (
        [f"{further['with data']} with inputs, output, expectation or score"] if further["with data"] else []
    )
    if further["model calls"]:
        tokens = f" ({further['tokens']:,} tokens)" if further["tokens"] else ""
        data.append(f"{further['model calls']} model call{'s' * (further['model calls'] > 1)}{tokens}")
    if tally.redacted:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.redacted.items()))
        data.append(f"private texts taken out: {kinds}")
    return [*lines, *([", ".join(data)] if data else [])]


def _next(shown: str, imported: Imported | None) -> str:
    if imported is not None and imported.done:
        return f"imported: {imported.because}; next: flywheel report"
    return f"next: flywheel import jsonl {shown}"


def _warnings(
    spool: Spool, tally: Tally, imported: Imported | None, left: Sequence[str], shown: str
) -> list[str]:
    warnings = []
    if spool.lost:
        warnings.append(
            f"{spool.lost} of {_executions(tally.total)} could not be written to {shown}: {spool.problem}. "
            "The tests were not affected. Name another place with --flywheel=PATH."
        )
    elif left:
        because = spool.problem or "it is on another machine"
        warnings.append(f"a part was not joined ({because}), import it by itself: {', '.join(left)}")
    if tally.further["refused"]:
        rest = tally.further["refused"] - len(tally.refused)
        more = f"; and {rest} more" if rest else ""
        warnings.append(f"left out, no execution can hold it: {'; '.join(tally.refused)}{more}")
    if imported is not None and not imported.done:
        warnings.append(f"not imported: {imported.because} Later: flywheel import jsonl {shown}")
    return warnings


def _executions(count: int) -> str:
    return f"{count} execution{'' if count == 1 else 's'}"
