"""How prompt versions get into the store, live ones included."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING

from flywheel.cli.drawing import short, styled
from flywheel.errors import InputError
from flywheel.learn.templates import variables
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.cli.doors import Document, Door
    from flywheel.ports import Store


@dataclass(frozen=True, slots=True)
class Kept:
    """What happened to one version.

    Attributes:
        added: False when the text was there already.
        made_live: False when nobody asked, or it was live before.
    """

    version: PromptVersion
    added: bool
    made_live: bool

    def document(self) -> Document:
        """As JSON, without the text."""
        return {
            **self.version.model_dump(mode="json", exclude={"text"}),
            "added": self.added,
            "made_live": self.made_live,
        }

    def draw(self, console: Console) -> None:
        """As two lines."""
        said = "added" if self.added else "was there before"
        live = ", now live" if self.made_live else ""
        console.print(styled("[bold]{}[/] {} {}", self.version.prompt, self.version.short, said + live))
        variables = ", ".join(self.version.variables) or "none"
        console.print(f"variables: {variables}", style="dim", markup=False)


def version_of(workspace: str, prompt: str, text: str, labels: Sequence[str]) -> PromptVersion:
    """A text as a version of a prompt.

    Raises:
        InputError: there is no text.

    Examples:
        >>> version_of("default", "triage", "Route: {question}", ["v1"]).variables
        ('question',)
    """
    if not text.strip():
        raise InputError(
            f"The text for prompt {prompt!r} is empty. Nothing was stored. Give a file with text."
        )
    return PromptVersion(
        workspace=workspace,
        prompt=prompt,
        version=content_hash(text),
        text=text,
        labels=tuple(dict.fromkeys(labels)),
        variables=variables(text),
    )


def keep_version(store: Store, version: PromptVersion, *, live: bool) -> Kept:
    """Keep a version with its labels; make it live when asked.

    Args:
        store: where it is kept.
        version: with text.
        live: whether it replaces what is live now.

    Raises:
        InputError: a label names another version already.
        StaleRelease: somebody moved what is live at the same moment.
    """
    added = store.prompts.add(version)
    return Kept(version, added, live and make_live(store, version))


def keep_versions(store: Store, versions: Sequence[PromptVersion], live_label: str | None) -> list[Kept]:
    """Keep many versions; those that carry the label go live."""
    return [keep_version(store, v, live=live_label is not None and live_label in v.labels) for v in versions]


def tell_made_live(door: Door, kept: Sequence[Kept]) -> None:
    """Tell an observer, where there is one, which versions became live."""
    from flywheel.phases.telling import tell_live

    moved = dict.fromkeys((one.version.workspace, one.version.prompt) for one in kept if one.made_live)
    if moved:
        with door.telling() as observer:
            for workspace, prompt in moved:
                tell_live(observer, door.own_store, workspace, prompt)


def make_live(store: Store, version: PromptVersion) -> bool:
    """Point the release at a version by hand; False when it was live before."""
    before = store.releases.live(version.workspace, version.prompt)
    if before is not None and before.version == version.version:
        return False
    revision = before.revision if before else None
    identity = "\n".join((version.workspace, version.prompt, version.version, str(revision)))
    event = ReleaseEvent(
        release_id="hand-" + hashlib.blake2b(identity.encode(), digest_size=8).hexdigest(),
        prompt=version.prompt,
        workspace=version.workspace,
        version=version.version,
        previous=before.version if before else None,
        kind=ReleaseKind.MANUAL if before else ReleaseKind.FIRST,
        state=JournalState.INTENT,
        why=f"made live by hand, in place of {short(before.version)}" if before else "first version",
        actor=getuser(),
        created_at=datetime.now(UTC),
    )
    store.releases.promote(None, event, revision)
    return True
