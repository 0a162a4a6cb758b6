"""What became live, or was decided by a person, told from what the store keeps of it."""

from __future__ import annotations

from flywheel.ports import CycleObserver, Store
from flywheel.records.cycle import Phase
from flywheel.records.release import Review
from flywheel.records.verdict import Verdicts


def tell_live(observer: CycleObserver | None, store: Store, workspace: str, prompt: str) -> None:
    """Tell which version is live now.

    The store is asked, not whoever moved it: a cycle that is read again must
    not bring back what a person has undone meanwhile.

    Args:
        observer: None tells nobody.
        store: of releases.
        workspace: of the prompt.
        prompt: its name.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> tell_live(None, open_store("sqlite://"), "default", "triage")
    """
    if observer is None:
        return
    live = store.releases.live(workspace, prompt)
    version = None if live is None else store.prompts.get(workspace, prompt, live.version)
    if live is not None and version is not None and version.text is not None:
        observer.released(version, live)


def tell_review(observer: CycleObserver | None, store: Store, review: Review) -> None:
    """Tell what a person said of a staged change, then what is live where it was approved.

    Args:
        observer: None tells nobody.
        store: of cycles, releases.
        review: decided.
    """
    if observer is None:
        return
    observer.reviewed(review, _verdicts_of(store, review))
    if review.state == "approved":
        tell_live(observer, store, review.workspace, review.prompt)


def _verdicts_of(store: Store, review: Review) -> Verdicts | None:
    kept = None if review.cycle_id is None else store.cycles.finished(review.cycle_id, Phase.VALIDATE)
    return None if kept is None else Verdicts.model_validate_json(kept)
