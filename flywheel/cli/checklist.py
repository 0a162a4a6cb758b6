"""Six phases as a live checklist on a terminal, as plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from flywheel.records.cycle import Phase

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class Checklist:
    """What each phase of one cycle is doing, drawn while it happens.

    Args:
        console: of stderr; a terminal gets the live list, a file one line per finished phase.
        title: what the cycle is about.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._said: dict[Phase, str] = {}
        self._running: Phase | None = None
        self._spinner = Spinner("dots")
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _stack: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()
            self._console.print(self._draw())

    def update(self, phase: Phase, message: str) -> None:
        """Take what the cycle says about a phase; the last thing said is what it found."""
        if self._running is not None and phase is not self._running:
            self._tell(self._running)
        self._running = phase
        self._said[phase] = message
        if message.startswith("waiting for"):
            self._tell(phase)
        if phase is Phase.TRACK and message != "running":
            self._tell(phase)
            self._running = None

    def _tell(self, phase: Phase) -> None:
        if not self._console.is_terminal:
            self._console.print(Text(f"{self._title}: {phase.value}: {self._said[phase]}"), soft_wrap=True)

    def _draw(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_row("", Text(self._title, style="bold"), "")
        for phase in Phase:
            mark: RenderableType = Text("·", style="dim")
            if phase is self._running:
                mark = self._spinner
            elif phase in self._said:
                mark = Text("✓", style="green")
            table.add_row(mark, Text(phase.value), Text(self._said.get(phase, ""), style="dim"))
        return table
