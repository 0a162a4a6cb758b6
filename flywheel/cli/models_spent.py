"""`flywheel models --spent`: the ledger of the store, summed up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flywheel.cli.doors import Document, Door
from flywheel.cli.drawing import UNKNOWN, amount, make_table, moment, say_nothing_there
from flywheel.errors import InputError
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.model_call import CallSummary, LedgerGroup

USUAL_HOURS = 24.0


def start_of(since: str | None, hours: float | None) -> datetime:
    """The moment from which on the ledger is read.

    Args:
        since: `12h`, `7d` or a time.
        hours: so many before now.

    Raises:
        InputError: both are given, or the time cannot be read.

    Examples:
        >>> start_of("2026-11-20", None).isoformat()
        '2026-11-20T00:00:00+00:00'
    """
    from flywheel.cli.importing_live import moment_of

    now = datetime.now(UTC)
    if since is None:
        return now - timedelta(hours=USUAL_HOURS if hours is None else hours)
    if hours is not None:
        raise InputError("--since and --hours contradict each other; give one. Nothing was read.")
    return moment_of(since, now)


def show_spent(door: Door, group: str, since: datetime) -> None:
    """Answer with the ledger of the door's workspace.

    Args:
        door: store with workspace.
        group: what makes a row: model, purpose or cycle.
        since: calls that started earlier are left out.
    """
    from flywheel.records.model_call import LedgerGroup
    from flywheel.store.open import open_store

    by = LedgerGroup(group)
    kept = open_store(door.settings.database_url, create=False)
    rows = kept.model_calls.summary(since, door.workspace, by)
    document: Document = {
        "workspace": door.workspace,
        "since": since.isoformat(),
        "hours": (datetime.now(UTC) - since).total_seconds() / 3600,
        "by": by.value,
        "kept_answers": kept.responses.count(),
        f"{by.value}s": [{by.value: row.group, **row.model_dump(exclude={"group"})} for row in rows],
    }
    kept.close()

    def draw(console: Console) -> None:
        if rows:
            _draw(console, by, rows)
            return
        say_nothing_there(
            console,
            f"No model was asked since {moment(since)} UTC.",
            "Ask one: flywheel run SUITE --prompt NAME --model M",
        )

    door.answer(document, draw)


def _draw(console: Console, by: LedgerGroup, rows: list[CallSummary]) -> None:
    columns = (by.value, "calls", "tokens", "USD", "p50", "p95", "outcomes")
    table = make_table(None, columns, right=columns[1:6])
    for row in rows:
        known = row.spend.usd or not row.spend.unpriced
        table.add_row(
            row.group or "outside of a cycle",
            f"{row.spend.calls:,}",
            f"{row.spend.tokens:,}",
            f"{row.spend.usd:.4f}" if known else UNKNOWN,
            amount(row.p50_latency_ms, " ms"),
            amount(row.p95_latency_ms, " ms"),
            ", ".join(f"{outcome} {number:,}" for outcome, number in row.outcomes.items()),
        )
    console.print(table)
    unpriced = sum(row.spend.unpriced for row in rows)
    if unpriced:
        console.print(
            f"{count_of(unpriced, 'call')} without a known price; USD does not count them.",
            style="dim",
        )
