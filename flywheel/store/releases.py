"""What is live, its releases, its undoing: the front of journal, pointer, reviews."""

from __future__ import annotations

import hashlib
from datetime import datetime

from flywheel.errors import InputError, StaleRelease, UnknownName
from flywheel.records.release import JournalState, LiveVersion, ReleaseEvent, ReleaseKind, Review
from flywheel.records.verdict import Verdict
from flywheel.store.journal import (
    DONE,
    event_of,
    events_of,
    is_orphan,
    mark_reverted,
    release_row,
    released_names,
    unfinished,
)
from flywheel.store.live import all_live, live_of
from flywheel.store.promotion import Change, carry_out, verify
from flywheel.store.prompts import SqlPrompts
from flywheel.store.reviews import (
    APPROVED,
    REJECTED,
    WAITING,
    already_decided,
    find_review,
    list_reviews,
    put_review,
    write_decision,
)
from flywheel.store.session import Database, lock_writers


class SqlReleases:
    """The live pointer of every prompt, moved through a write-ahead journal.

    A release is three transactions: the intent; the move of the pointer with
    its evidence; the reading back of the text. A process may be killed between
    any two: `recover` brings the journal right. Do not call these inside a
    transaction of your own that may be undone, or the intent is undone with it.

    Args:
        db: where they are kept.

    Examples:
        >>> from datetime import UTC
        >>> from flywheel.records.prompt import PromptVersion, content_hash
        >>> from flywheel.store.open import open_store
        >>> store, text = open_store("sqlite://"), "Answer: {question}"
        >>> store.prompts.add(PromptVersion(prompt="triage", version=content_hash(text), text=text))
        True
        >>> event = ReleaseEvent(
        ...     release_id="r1", prompt="triage", workspace="default", version=content_hash(text),
        ...     previous=None, kind="manual", state="intent", created_at=datetime.now(UTC),
        ... )
        >>> store.releases.promote(None, event, expected_revision=None).revision
        1
        >>> [e.state.value for e in store.releases.history("default", "triage")]
        ['verified']
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def live(self, workspace: str, prompt: str) -> LiveVersion | None:
        """What is live for a prompt, None when nothing is."""
        with self._db.read() as connection:
            return live_of(connection, workspace, prompt)

    def all_live(self, workspace: str) -> dict[str, LiveVersion]:
        """What is live for every prompt of a workspace that has a live version, by prompt."""
        with self._db.read() as connection:
            return all_live(connection, workspace)

    def promote(
        self, verdict: Verdict | None, event: ReleaseEvent, expected_revision: int | None
    ) -> LiveVersion:
        """Move the pointer: intent, move with evidence in one transaction, verify.

        An event whose release_id is already applied changes nothing.

        Args:
            verdict: what earned the release, None for one made by hand.
            event: names the version by its whole content hash; previous is
                kept as what really was live.
            expected_revision: of what was live when the release was prepared;
                None when nothing was.

        Returns:
            What is live afterwards.

        Raises:
            StaleRelease: the pointer moved since expected_revision was read.
            UnknownName: the version has no text.
            InputError: the version is live already, or the release_id is taken.
            StoreError: the text read back is not the version's; the move was undone.
        """
        return carry_out(self._db, Change(event, verdict, expected_revision))

    def rollback(
        self, workspace: str, prompt: str, to: str | None, why: str, actor: str, now: datetime
    ) -> ReleaseEvent:
        """Restore the previous version (or `to`) to the byte.

        Repeated without `to` it goes further back, never forward again. The
        lineage keeps an edge rollback_of from the version that came back to
        the one it replaced.

        Args:
            workspace: of the prompt.
            prompt: its name.
            to: content hash, unique prefix of 8 digits or more, or label.
            why: kept in the journal; not blank.
            actor: who asks.
            now: the time of the release.

        Raises:
            UnknownName: nothing is live, nothing was live before, or `to` names no version with text.
            InputError: why is blank, or `to` is live.
            StaleRelease: another release came in between.
        """
        if not why.strip():
            msg = f"A rollback of prompt {prompt!r} needs a reason. Nothing was moved. Give --why TEXT."
            raise InputError(msg)
        with self._db.read() as connection:
            live = live_of(connection, workspace, prompt)
            events = events_of(connection, workspace, prompt)
        if live is None:
            msg = (
                f"Nothing is live for prompt {prompt!r} of workspace {workspace!r}, so nothing can be rolled "
                f"back. Nothing was moved. Make a version live with: flywheel prompt add {prompt} FILE --live"
            )
            raise UnknownName(msg)
        target = self._named(workspace, prompt, to) if to is not None else _version_before(events, live)
        if target == live.version:
            msg = f"Version {target[:12]!r} of prompt {prompt!r} is live already. Nothing was written."
            raise InputError(msg)
        event = ReleaseEvent(
            release_id=_identity("rollback", workspace, prompt, str(live.revision), target),
            prompt=prompt,
            workspace=workspace,
            version=target,
            previous=live.version,
            kind=ReleaseKind.ROLLBACK,
            state=JournalState.INTENT,
            why=why,
            actor=actor,
            created_at=now,
        )
        carry_out(self._db, Change(event, None, live.revision))
        with self._db.read() as connection:
            return event_of(release_row(connection, workspace, event.release_id))

    def recover(self, workspace: str, now: datetime) -> list[ReleaseEvent]:
        """Finish or undo what a killed process left in the journal.

        An intent is reverted when its process is dead, or when it is older
        than a minute; the pointer had not moved. An applied release is
        verified. An intent of a process that still works on it is left alone.

        Returns:
            What it touched, in its new state, oldest first.
        """
        with self._db.read() as connection:
            rows = unfinished(connection, workspace)
        touched = []
        for row in rows:
            event = event_of(row)
            if event.state is JournalState.APPLIED:
                verify(self._db, event)
            elif is_orphan(row, now):
                because = f"process {row.pid} of {row.host} ended before the pointer was moved"
                with self._db.write() as connection:
                    if not mark_reverted(connection, event, because, JournalState.INTENT):
                        continue
            else:
                continue
            with self._db.read() as connection:
                touched.append(event_of(release_row(connection, workspace, event.release_id)))
        return touched

    def history(self, workspace: str, prompt: str | None) -> list[ReleaseEvent]:
        """All releases of a prompt, or of all, newest first, the reverted ones with their reason."""
        with self._db.read() as connection:
            return events_of(connection, workspace, prompt)

    def released(self, workspace: str) -> dict[str, frozenset[str]]:
        """Content hashes with labels of the versions that are or were live, by prompt."""
        with self._db.read() as connection:
            return released_names(connection, workspace)

    def stage(self, review: Review, verdict: Verdict) -> Review:
        """Put a change before a person; the same change twice is one review.

        Returns:
            The review, or the one that already waits for the same change.
        """
        with self._db.write() as connection:
            # Two cycles that stage the same change at once must see each other's review.
            lock_writers(connection)
            return put_review(self._db, connection, review, verdict)

    def reviews(self, workspace: str, state: str | None = WAITING) -> list[Review]:
        """Reviews in a state (waiting, approved, rejected; None is all), oldest first."""
        with self._db.read() as connection:
            return list_reviews(connection, workspace, state)

    def review(self, workspace: str, review_id: str) -> tuple[Review, Verdict] | None:
        """One review with the verdict that staged it."""
        with self._db.read() as connection:
            return find_review(connection, workspace, review_id)

    def decide(
        self, workspace: str, review_id: str, approve: bool, reviewer: str, note: str, now: datetime
    ) -> Review:
        """Approve (promotes) or reject a waiting review.

        The release and the approval are one transaction.

        Raises:
            InputError: the reviewer is blank, or the review was decided before; the first decision stands.
            UnknownName: no such review, or its version has no text.
            StaleRelease: what is live is neither what the change was compared with nor another
                candidate of the same experiment; the review keeps waiting.
        """
        if not reviewer.strip():
            msg = f"Review {review_id!r} needs the name of who decides. It keeps waiting. Give --by NAME."
            raise InputError(msg)
        found = self.review(workspace, review_id)
        if found is None:
            msg = (
                f"No review {review_id!r} in workspace {workspace!r}. Nothing was changed. "
                "See: flywheel review list --state all"
            )
            raise UnknownName(msg)
        review, verdict = found
        if review.state != WAITING:
            raise InputError(already_decided(review))
        decided = review.model_copy(
            update={
                "state": APPROVED if approve else REJECTED,
                "reviewer": reviewer.strip(),
                "note": note,
                "decided_at": now,
            }
        )
        if approve:
            self._release_reviewed(decided, verdict, now)
        else:
            with self._db.write() as connection:
                write_decision(connection, decided)
        return decided

    def _release_reviewed(self, decided: Review, verdict: Verdict, now: datetime) -> None:
        live = self.live(decided.workspace, decided.prompt)
        if live is not None and live.version != decided.previous and not self._sibling(decided, live):
            raise StaleRelease(_moved_on(decided, live))
        event = ReleaseEvent(
            release_id=_identity("review", decided.workspace, decided.review_id),
            prompt=decided.prompt,
            workspace=decided.workspace,
            version=decided.version,
            previous=decided.previous,
            kind=ReleaseKind.REVIEW,
            state=JournalState.INTENT,
            cycle_id=decided.cycle_id,
            why=decided.note or decided.because,
            actor=decided.reviewer or "",
            created_at=now,
        )
        change = Change(
            event,
            verdict,
            live.revision if live else None,
            lambda connection: write_decision(connection, decided),
        )
        carry_out(self._db, change)

    def _sibling(self, decided: Review, live: LiveVersion) -> bool:
        """Whether the cycle that staged the change also released what is live: one experiment held both."""
        newest = self.history(decided.workspace, decided.prompt)[0]
        same = decided.cycle_id is not None and newest.cycle_id == decided.cycle_id
        return same and newest.version == live.version

    def _named(self, workspace: str, prompt: str, ref: str) -> str:
        version = SqlPrompts(self._db).get(workspace, prompt, ref)
        if version is None:
            msg = (
                f"Prompt {prompt!r} of workspace {workspace!r} has no version {ref!r}. Nothing was moved. "
                f"Give a content hash, 8 or more of its digits, or a label; see: flywheel prompt log {prompt}"
            )
            raise UnknownName(msg)
        return version.version


def _version_before(events: list[ReleaseEvent], live: LiveVersion) -> str:
    """What was live before the live version, where a rollback takes back all that came after its target."""
    stack: list[str] = []
    for event in reversed(events):
        if event.state not in DONE:
            continue
        if event.kind is ReleaseKind.ROLLBACK and event.version in stack:
            while stack[-1] != event.version:
                stack.pop()
        else:
            stack.append(event.version)
    if len(stack) < 2:
        msg = (
            f"Prompt {live.prompt!r} of workspace {live.workspace!r} has no release before the live version "
            f"{live.version[:12]!r}, so there is nothing to go back to. Nothing was moved. "
            f"Name a version with --to; see: flywheel prompt log {live.prompt}"
        )
        raise UnknownName(msg)
    return stack[-2]


def _identity(kind: str, *parts: str) -> str:
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12)
    return f"{kind}-{digest.hexdigest()}"


def _moved_on(review: Review, live: LiveVersion) -> str:
    compared = repr(review.previous[:12]) if review.previous else "nothing"
    return (
        f"Review {review.review_id!r} of prompt {review.prompt!r} compares version {review.version[:12]!r} "
        f"with {compared}, but version {live.version[:12]!r} is live since "
        f"{live.released_at:%Y-%m-%d %H:%M:%S} UTC. Nothing was moved and the review keeps waiting. "
        "Reject it and run a cycle against what is live now, or roll back first."
    )
