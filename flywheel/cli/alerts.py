"""`flywheel alerts`: what a person should look at, who was told, whether the channels work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import make_table, moment, say_nothing_there, styled
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import UnknownName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from flywheel.records.alert import Alert, Notice
    from flywheel.store.open import SqlStore
    from flywheel.watch.alerting import AutomatedAlertingSystem
    from flywheel.watch.routes import Sent

app = typer.Typer(add_completion=False, no_args_is_help=True, help="What a person should look at.")

AlertArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the alert, or its first digits.")]

SHOWN = 50


@app.command("list", epilog=examples("flywheel alerts list", "flywheel alerts list --all --limit 20"))
def list_alerts(
    every: Annotated[bool, typer.Option("--all", help="Resolved ones too, and news.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="With --all, the newest.")
    ] = SHOWN,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open alerts, the most severe first, with what could not be delivered."""
    door = open_door(store, workspace, as_json)
    opened = _store(door)
    kept = opened.alerts
    alerts = kept.recent(door.workspace, limit) if every else worst_first(kept.open(door.workspace))
    lost = opened.notices.not_delivered(door.workspace)
    document: Document = {
        "alerts": [alert.model_dump(mode="json") for alert in alerts],
        "not_delivered": [notice.model_dump(mode="json") for notice in lost],
    }

    def draw(console: Console) -> None:
        if not alerts:
            say_nothing_there(console, "No alert is open.", "Do the channels work? flywheel alerts test")
        else:
            draw_alerts(console, None, alerts)
        for line in _in_words(lost):
            console.print(line, style="yellow", markup=False, soft_wrap=True)

    door.answer(document, draw)


@app.command("show", epilog=examples("flywheel alerts show 3f2a9c"))
def show(
    alert_id: AlertArgument,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """One alert: what happened, since when, who was told."""
    door = open_door(store, workspace, as_json)
    alert = _found(door, alert_id)
    notices = _store(door).notices.of_alert(door.workspace, alert.alert_id)
    document: Document = {
        "alert": alert.model_dump(mode="json"),
        "notices": [notice.model_dump(mode="json") for notice in notices],
    }
    door.answer(document, lambda console: _draw_one(console, alert, notices))


@app.command("acknowledge", epilog=examples("flywheel alerts acknowledge 3f2a9c --by ann"))
def acknowledge(
    alert_id: AlertArgument,
    by: Annotated[
        str | None, typer.Option("--by", metavar="WHO", help="Who takes it on. Default: the user here.")
    ] = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an alert on: it stays open, but is not told again before it gets worse."""
    from getpass import getuser

    door = open_door(store, workspace, as_json)
    known = _found(door, alert_id)
    if not known.is_open:
        over = f"It is over since {moment(known.resolved_at)} UTC; nothing was done: {known.subject}"
        door.answer({"alert": known.model_dump(mode="json")}, lambda out: out.print(over, markup=False))
        return
    alert = _system(door).acknowledge(door.workspace, known.alert_id, by or getuser())
    said = f"{alert.acknowledged_by} has it since {moment(alert.acknowledged_at)} UTC: {alert.subject}"
    door.answer({"alert": alert.model_dump(mode="json")}, lambda out: out.print(said, markup=False))


@app.command("resolve", epilog=examples("flywheel alerts resolve 3f2a9c"))
def resolve(
    alert_id: AlertArgument,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """An alert is over; the next one about its subject is a new one."""
    door = open_door(store, workspace, as_json)
    alert = _system(door).resolve(door.workspace, _found(door, alert_id).alert_id)
    said = f"Resolved at {moment(alert.resolved_at)} UTC: {alert.subject}"
    door.answer({"alert": alert.model_dump(mode="json")}, lambda out: out.print(said, markup=False))


@app.command("deliver", epilog=examples("flywheel alerts deliver"))
def deliver(
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let alerts rise that nobody took on; send what is still to be sent. For a schedule, every few minutes.

    Exit code 1 when something was not delivered.
    """
    door = open_door(store, workspace, as_json)
    told = _system(door).tend(door.workspace)
    document: Document = {
        "risen": [alert.model_dump(mode="json") for alert in told.alerts],
        "sent": [_plain(one) for one in told.sent],
    }

    def draw(console: Console) -> None:
        console.print(f"{len(told.alerts)} risen, {len(told.sent) - len(told.failures)} delivered")
        for line in told.problems():
            console.print(line, style="yellow", markup=False, soft_wrap=True)

    door.answer(document, draw)
    if told.failures:
        raise typer.Exit(1)


@app.command("test", epilog=examples("flywheel alerts test", "flywheel alerts test --channel mail"))
def try_channels(
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="NAME", help="Only this one. Default: all.")
    ] = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send one alert through every channel, whatever its least severity; nothing is kept.

    Exit code 1 when a channel did not take it.
    """
    door = open_door(store, workspace, as_json)
    sent = _tried(door, channel)
    arrived = [one for one in sent if one.state.value == "delivered"]

    def draw(console: Console) -> None:
        table = make_table(None, ("channel", "came of it"))
        for one in sent:
            table.add_row(one.channel, f"{one.state.value}{': ' if one.error else ''}{one.error}")
        console.print(table)

    door.answer({"channels": [_plain(one) for one in sent], "delivered": len(arrived)}, draw)
    if len(arrived) < len(sent):
        raise typer.Exit(1)


def worst_first(alerts: Sequence[Alert]) -> list[Alert]:
    """Alerts by severity, the newest of each first."""
    return sorted(alerts, key=lambda alert: (-alert.severity.rank, -alert.raised_at.timestamp()))


def draw_alerts(console: Console, heading: str | None, alerts: Sequence[Alert]) -> None:
    """A row per alert, with its id, what it says below what it is about."""
    from rich.text import Text

    from flywheel.watch.console import COLOURS

    table = make_table(heading, ("severity", "id", "since (UTC)", "what"))
    for alert in alerts:
        state = f", {alert.times} times" if alert.times > 1 else ""
        state += "" if alert.is_open else ", over"
        state += f", {alert.acknowledged_by} has it" if alert.is_open and alert.acknowledged_by else ""
        table.add_row(
            Text(alert.severity.value.upper(), style=COLOURS[alert.severity], no_wrap=True),
            Text(alert.alert_id[:12], no_wrap=True),
            moment(alert.raised_at),
            Text.assemble(f"{alert.subject}{state}\n", (alert.message, "dim")),
        )
    console.print(table)


def _draw_one(console: Console, alert: Alert, notices: Sequence[Notice]) -> None:
    console.print(styled("[bold]{} {}[/]", alert.severity.value.upper(), alert.subject))
    console.print(alert.message, markup=False)
    again = f", {alert.times} times, last {moment(alert.last_raised_at)}" if alert.times > 1 else ""
    console.print(f"raised {moment(alert.raised_at)} UTC{again}", style="dim")
    if alert.acknowledged_at is not None:
        since = moment(alert.acknowledged_at)
        console.print(f"{alert.acknowledged_by} has it since {since} UTC", style="dim", markup=False)
    if alert.resolved_at is not None:
        console.print(f"over since {moment(alert.resolved_at)} UTC", style="dim")
    if not notices:
        console.print("No channel was to be told.", style="dim")
        return
    table = make_table(None, ("when (UTC)", "channel", "why", "as", "came of it"))
    for notice in notices:
        came = f"{notice.state.value}{': ' if notice.error else ''}{notice.error}"
        row = (notice.channel, notice.reason.value, notice.severity.value, came)
        table.add_row(moment(notice.done_at or notice.created_at), *row)
    console.print(table)


def _in_words(lost: Sequence[Notice]) -> list[str]:
    """Channels with what they did not deliver."""
    lines: dict[tuple[str, str, str], int] = {}
    for notice in lost:
        key = (notice.channel, notice.state.value, notice.error)
        lines[key] = lines.get(key, 0) + 1
    return [
        f"channel {channel!r}: {count} {state}{': ' if error else ''}{error}"
        for (channel, state, error), count in lines.items()
    ]


def _store(door: Door) -> SqlStore:
    """The store, which must be there."""
    from flywheel.store.open import open_store

    return open_store(door.settings.database_url, create=False)


def _system(door: Door) -> AutomatedAlertingSystem:
    import os

    from flywheel.watch.alerting import alerting_system
    from flywheel.watch.alerts_file import read_alerts

    return alerting_system(_store(door), read_alerts(os.environ))


def _found(door: Door, alert_id: str) -> Alert:
    kept = _store(door).alerts
    found = kept.get(door.workspace, alert_id)
    if found is None:
        matching = [a for a in kept.recent(door.workspace, 10_000) if a.alert_id.startswith(alert_id)]
        found = matching[0] if len(matching) == 1 else None
    if found is None:
        raise UnknownName(
            f"No alert {alert_id!r} in workspace {door.workspace!r}. Nothing was changed. "
            "See: flywheel alerts list --all"
        )
    return found


def _tried(door: Door, channel: str | None) -> list[Sent]:
    import os
    from datetime import UTC, datetime

    from flywheel.cli.names import nearest
    from flywheel.records.alert import Alert, Severity
    from flywheel.watch.alerts_file import read_alerts
    from flywheel.watch.channels import routes_of
    from flywheel.watch.routes import send_all

    config = read_alerts(os.environ)
    if channel is not None and channel not in config.channels:
        near = nearest(channel, list(config.channels))
        raise UnknownName(f"No channel {channel!r}. {near} Nothing was sent.")
    wanted = [one for name, one in config.channels.items() if channel in (None, name)]
    alert = Alert(
        alert_id="test",
        workspace=door.workspace,
        severity=Severity.INFO,
        subject="test of this channel",
        message="This alert is a test; there is nothing to do.",
        raised_at=datetime.now(UTC),
    )
    routes = routes_of(wanted, os.environ, door.settings.home)
    results = send_all(routes, {route.name: [alert] for route in routes}, config.alerts.deadline_s)
    return [one for some in results for one in some]


def _plain(sent: Sent) -> dict[str, Any]:
    return {
        "channel": sent.channel,
        "alert_id": sent.alert_id,
        "state": sent.state.value,
        "error": sent.error or None,
    }
