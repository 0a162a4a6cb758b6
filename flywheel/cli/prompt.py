"""`flywheel prompt`: prompts with their immutable versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import make_table, moment, say_nothing_there, short
from flywheel.cli.names import known_prompt, known_version
from flywheel.cli.options import JsonOption, PromptArgument, StoreOption, WorkspaceOption, examples
from flywheel.cli.prompt_quality import draw_check, features
from flywheel.errors import UnknownName
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.prompt import PromptVersion

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Prompts: named, with immutable versions.")

app.command("features", epilog=examples("flywheel prompt features 'bbh/*' --by slice"))(features)

VersionArgument = Annotated[
    str | None,
    typer.Argument(metavar="[VERSION]", help="Hash, label, or 'live'. Default: live, else newest."),
]


@app.command(
    "add",
    epilog=examples("flywheel prompt add triage triage.txt --label v1 --live"),
)
def add(
    *,
    name: PromptArgument,
    file: Annotated[str, typer.Argument(metavar="FILE", help="UTF-8 text, kept to the byte; - reads stdin.")],
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="L", help="A name for this version; repeatable.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Make this version live.")] = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a file as a version of a prompt. The same text twice is one version."""
    from flywheel.cli.prompt_instructions import check_instructions
    from flywheel.cli.prompt_keeping import keep_version, tell_made_live, version_of
    from flywheel.cli.text_files import read_utf8

    door = open_door(store, workspace, as_json)
    version = version_of(door.workspace, name, read_utf8(file), label or [])
    check_instructions([version])
    kept = keep_version(door.own_store, version, live=live)
    tell_made_live(door, [kept])
    door.answer(kept.document(), kept.draw)


@app.command(
    "import",
    epilog=examples(
        "flywheel prompt import prompts.jsonl --name 'bbh/{task}' --label-from version "
        "--text-from template --live-label direct"
    ),
)
def import_prompts(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="One version a line.")],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="PATTERN", help="Prompt name; {column} is filled from the line."),
    ] = None,
    label_from: Annotated[
        str | None, typer.Option("--label-from", metavar="COLUMN", help="Column that holds the label.")
    ] = None,
    text_from: Annotated[
        str | None, typer.Option("--text-from", metavar="COLUMN", help="Column that holds the text.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=FIELD", help="Column for name, label or text; repeatable."),
    ] = None,
    live_label: Annotated[
        str | None, typer.Option("--live-label", metavar="L", help="Make the versions of this label live.")
    ] = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep many versions of many prompts from one file: all of them, or none."""
    from flywheel.capture.prompt_files import PromptFileSettings, prompts_file
    from flywheel.cli.prompt_instructions import check_instructions
    from flywheel.cli.prompt_keeping import keep_versions, tell_made_live
    from flywheel.cli.suite_files import parse_mapping

    door = open_door(store, workspace, as_json)
    mapping = parse_mapping(columns or [])
    mapping |= {label_from: "label"} if label_from else {}
    mapping |= {text_from: "text"} if text_from else {}
    versions = prompts_file(file, PromptFileSettings(door.workspace, name, mapping))
    check_instructions(versions)
    kept = keep_versions(door.own_store, versions, live_label)
    tell_made_live(door, kept)
    document: Document = {
        "read": len(versions),
        "added": sum(k.added for k in kept),
        "prompts": sorted({k.version.prompt for k in kept}),
        "made_live": sorted({k.version.prompt for k in kept if k.made_live}),
    }

    def draw(console: Console) -> None:
        prompts, live = document["prompts"], document["made_live"]
        console.print(
            f"{count_of(document['read'], 'version')} read, {document['added']} added, "
            f"{count_of(len(prompts), 'prompt')}, {len(live)} with a new live version."
        )
        console.print("See: flywheel prompt list", style="dim")

    door.answer(document, draw)


@app.command("list", epilog=examples("flywheel prompt list"))
def list_prompts(
    store: StoreOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """All prompts of the workspace, each with its live version."""
    door = open_door(store, workspace, as_json)
    rows = []
    for name in door.store.prompts.names(door.workspace):
        live = door.store.releases.live(door.workspace, name)
        versions = door.store.prompts.versions(door.workspace, name)
        labels = next((v.labels for v in versions if live and v.version == live.version), ())
        rows.append(
            {
                "prompt": name,
                "versions": len(versions),
                "recorded": len(door.store.prompts.recorded(door.workspace, name)),
                "live": live.version if live else None,
                "labels": list(labels),
                "since": live.released_at.isoformat() if live else None,
            }
        )

    def draw(console: Console) -> None:
        if not rows:
            say_nothing_there(console, "No prompts yet.", "Add one: flywheel prompt add NAME FILE --live")
            return
        table = make_table(None, ("prompt", "versions", "ran", "live", "labels"), right=("versions", "ran"))
        for row in rows:
            table.add_row(
                str(row["prompt"]),
                str(row["versions"]),
                str(row["recorded"]),
                short(row["live"]),  # type: ignore[arg-type]
                ", ".join(row["labels"]),  # type: ignore[arg-type]
            )
        console.print(table)

    door.answer({"workspace": door.workspace, "prompts": rows}, draw)


@app.command("show", epilog=examples("flywheel prompt show triage", "flywheel prompt show triage v1 > v1"))
def show(
    name: PromptArgument,
    version: VersionArgument = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """The text of a version, to the byte, with nothing around it."""
    door = open_door(store, workspace, as_json)
    found = chosen_version(door, name, version)

    def draw(_console: Console) -> None:
        typer.echo((found.text or "").encode("utf-8", "surrogatepass"), nl=False)

    if found.text is None and not as_json:
        raise UnknownName(without_text(found))
    door.answer(found.model_dump(mode="json"), draw)


@app.command(
    "check", epilog=examples("flywheel prompt check triage", "flywheel prompt check triage v1 --json")
)
def check(
    name: PromptArgument,
    version: VersionArgument = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score of a text from 0 to 100 without running it: what is weak, where, and the cure.

    Exit code 1 when an issue is critical.
    """
    from flywheel.learn.prompt_analysis import analyze_prompt

    door = open_door(store, workspace, as_json)
    found = chosen_version(door, name, version)
    if found.text is None:
        raise UnknownName(without_text(found))
    analysis = analyze_prompt(found.text)
    said = {"prompt": name, "version": found.version, **analysis.model_dump(mode="json")}
    text = found.text
    door.answer(said, lambda console: draw_check(console, f"{name} {found.short}", text, analysis))
    if analysis.critical_issues:
        raise typer.Exit(1)


@app.command("diff", epilog=examples("flywheel prompt diff triage v1 live"))
def diff(
    name: PromptArgument,
    old: Annotated[str, typer.Argument(metavar="OLD", help="Hash, first digits, label, or 'live'.")],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="The other one; the live version by default.")
    ] = "live",
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What changed between two versions, as a unified diff.

    At the end of a changed line a blank shows as ·, a tab as ⇥, a carriage return as ␍.
    """
    from flywheel.cli.prompt_diff import diff_lines, visible

    door = open_door(store, workspace, as_json)
    known_prompt(door.store, door.workspace, name)
    pair = [known_version(door.store, door.workspace, name, ref) for ref in (old, new)]
    for version in pair:
        if version.text is None:
            raise UnknownName(without_text(version))
    lines = diff_lines(pair[0].text or "", pair[1].text or "", (pair[0].short, pair[1].short))
    document: Document = {
        "prompt": name,
        "old": pair[0].version,
        "new": pair[1].version,
        "same": pair[0].version == pair[1].version,
        "diff": "".join(lines),
    }

    def draw(console: Console) -> None:
        from rich.text import Text

        colours = {"+": "green", "-": "red", "@": "cyan"}
        for line in lines:
            console.print(Text(visible(line), style=colours.get(line[0], "")), soft_wrap=True)
        if not lines:
            console.print("The two versions are the same text.")

    door.answer(document, draw)


@app.command("log", epilog=examples("flywheel prompt log triage"))
def log(
    name: PromptArgument,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """All versions of a prompt, oldest first, with those known only from executions."""
    door = open_door(store, workspace, as_json)
    known_prompt(door.store, door.workspace, name)
    live = door.store.releases.live(door.workspace, name)
    versions = door.store.prompts.versions(door.workspace, name)
    hashes = {v.version for v in versions}
    labels = [r for r in door.store.prompts.recorded(door.workspace, name) if r not in hashes]
    document: Document = {
        "prompt": name,
        "live": live.version if live else None,
        "versions": [v.model_dump(mode="json") for v in versions],
        "recorded_without_text": labels,
    }

    def draw(console: Console) -> None:
        table = make_table(None, ("version", "labels", "added", "origin", "text"), right=("text",))
        for version in versions:
            names = (["live"] if live and live.version == version.version else []) + [*version.labels]
            table.add_row(
                version.short,
                ", ".join(names),
                moment(version.created_at),
                version.origin,
                f"{len(version.text or ''):,} chars",
            )
        for label in labels:
            table.add_row(label, "", "", "executions", "not captured")
        console.print(table)

    door.answer(document, draw)


def chosen_version(door: Door, name: str, ref: str | None) -> PromptVersion:
    """The version a user means: the one named, else the live one, else the newest."""
    known_prompt(door.store, door.workspace, name)
    if ref is None and door.store.releases.live(door.workspace, name) is None:
        versions = door.store.prompts.versions(door.workspace, name)
        if versions:
            return versions[-1]
    return known_version(door.store, door.workspace, name, ref or "live")


def without_text(version: PromptVersion) -> str:
    """Why a version that is known by its label alone cannot be shown."""
    return (
        f"Version {version.version!r} of {version.prompt!r} is known only from executions; its text was not "
        "captured. It can be compared, not shown or released. Add the text with: "
        f"flywheel prompt add {version.prompt} FILE --label {version.version}"
    )
