"""Prompt files: the text of a release where an application reads it, with backups."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from flywheel.errors import InputError, PolicyError, StoreUnreachable, UnknownName
from flywheel.learn.prompt_validation import Surroundings, validate_prompt
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.ports import Store
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.prompt_file import FileRelease, StageResult

HISTORY = "history.jsonl"


@dataclass(frozen=True, slots=True)
class ProductionPromptManager:
    """Releases versions into files, with a backup of what was there, and takes them back to the byte.

    A file is replaced in one step, so that a reader, or a process that is
    killed, leaves it with the bytes before or those after. What it held before
    is in the folder of backups before it is replaced.

    Attributes:
        store: of the versions.
        workspace: of the prompts.
        folder: for backups, with a history a line.
        policy: what is private.
    """

    store: Store
    workspace: str
    folder: Path
    policy: RedactionPolicy = field(default_factory=RedactionPolicy)

    def validate(
        self, version: PromptVersion, replaced: str | None, suite: str | None = None
    ) -> tuple[StageResult, ...]:
        """The four stages of one version.

        Args:
            version: with its text.
            replaced: what applications read now; None for a first one.
            suite: whose cases it must be able to take; None looks at none.

        Raises:
            UnknownName: the version has no text, or there is no such suite.
        """
        if version.text is None:
            raise UnknownName(f"Version {version.version!r} is a label without a text. Nothing was written.")
        inputs = None
        if suite is not None:
            if self.store.cases.suite(self.workspace, suite) is None:
                raise UnknownName(f"There is no suite {suite!r}. Nothing was written.")
            inputs = {case.case_id: case.inputs for case in self.store.cases.cases(self.workspace, suite)}
        reviews = self.store.releases.reviews(self.workspace, "approved")
        around = Surroundings(
            replaced=replaced,
            inputs=inputs,
            edges=self.store.lineage.edges(self.workspace, version.prompt),
            approved=any((r.prompt, r.version) == (version.prompt, version.version) for r in reviews),
            policy=self.policy,
        )
        return validate_prompt(version.version, version.text, around)

    def release(
        self, version: PromptVersion, path: Path, now: datetime, *, overwrite: bool = False
    ) -> FileRelease:
        """Write a version into a file, after a backup of what it holds.

        Args:
            version: with its text.
            path: of the file; its folder must be there.
            now: the time.
            overwrite: also when the file holds a text that no release wrote.

        Returns:
            What was done; the same version again changes nothing and keeps no backup.

        Raises:
            PolicyError: somebody else changed the file; it was left as it is.
            StoreUnreachable: the file or the backup cannot be written.
        """
        held = _held(path)
        last = self.history(path)
        before = None if held is None else content_hash(_text(held, path))
        if held is not None and not overwrite and not self._known(version, before, last):
            raise PolicyError(
                f"{str(path)!r} holds a text that flywheel did not write there and does not know. It was "
                f"left as it is. Keep it with: flywheel prompt add {version.prompt} {path}; "
                "or write over it with --overwrite."
            )
        return self._replace(version.prompt, path, (version.text or "").encode(), "release", now)

    def rollback(self, prompt: str, path: Path, now: datetime) -> FileRelease:
        """Put back what the file held before its last change, to the byte; twice goes back and forth.

        Raises:
            UnknownName: nothing was ever released into this file.
            InputError: the file held nothing before.
        """
        history = self.history(path)
        if not history:
            raise UnknownName(f"Nothing was released into {str(path)!r}; it was left as it is.")
        backup = history[-1].backup
        if backup is None:
            raise InputError(f"{str(path)!r} held nothing before its last change; it was left as it is.")
        return self._replace(prompt, path, (self.folder / backup).read_bytes(), "rollback", now)

    def history(self, path: Path) -> list[FileRelease]:
        """Changes of one file, oldest first."""
        try:
            lines = (self.folder / HISTORY).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        found = [FileRelease.model_validate(row) for line in lines if (row := _whole(line)) is not None]
        return [one for one in found if Path(one.path).resolve() == path.resolve()]

    def _known(self, version: PromptVersion, before: str | None, last: Sequence[FileRelease]) -> bool:
        if before in (version.version, last[-1].version if last else None):
            return True
        return (
            before is not None and self.store.prompts.get(self.workspace, version.prompt, before) is not None
        )

    def _replace(self, prompt: str, path: Path, new: bytes, kind: str, now: datetime) -> FileRelease:
        held = _held(path)
        change = FileRelease(
            prompt=prompt,
            workspace=self.workspace,
            path=str(path),
            version=content_hash(_text(new, path)),
            previous=None if held is None else content_hash(_text(held, path)),
            backup=None,
            kind=kind,
            at=now,
        )
        if held == new:
            return change
        try:
            if held is not None:
                change = change.model_copy(update={"backup": self._kept(path, held, now)})
            _written(path, new)
            self.folder.mkdir(parents=True, exist_ok=True)
            _appended(self.folder / HISTORY, change.model_dump_json())
        except OSError as error:
            kept = f"The bytes before are in it, or in {str(self.folder)!r}."
            msg = f"{str(path)!r} was not released: {error}. {kept} Mend that and release again."
            raise StoreUnreachable(msg) from error
        return change

    def _kept(self, path: Path, held: bytes, now: datetime) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"[^\w.-]+", "_", path.name)
        name = f"{now:%Y%m%dT%H%M%S%f}-{content_hash(_text(held, path))[:12]}-{stem}"
        _written(self.folder / name, held)
        return name


def text_in(path: Path) -> str | None:
    """What a file holds, None where it is not there.

    Raises:
        InputError: it cannot be read, or is no text in UTF-8.
    """
    held = _held(path)
    return None if held is None else _text(held, path)


def _held(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}. Nothing was written.") from error


def _text(held: bytes, path: Path) -> str:
    try:
        return held.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is no text in UTF-8, so no prompt. It was left as it is.") from error


def _written(path: Path, new: bytes) -> None:
    """Replace a file in one step, on disk before it takes the name; behind a link, what it leads to."""
    path = path.resolve()
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _whole(line: str) -> dict[str, object] | None:
    """A line of the history; None for the half of one that a killed process left."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _appended(path: Path, line: str) -> None:
    """One line more, on a line of its own also behind the half of one."""
    with path.open("ab+") as file:
        file.seek(max(0, file.tell() - 1))
        start = "" if file.read(1) in (b"", b"\n") else "\n"
        file.write(f"{start}{line}\n".encode())
