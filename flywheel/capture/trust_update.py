"""Trust in all agents computed anew, with what changed since the last time."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel.capture.recommending import trust_of
from flywheel.learn.trust import TrustScorer
from flywheel.ports import Clock
from flywheel.records.trust import TrustReport
from flywheel.store.open import SqlStore


@dataclass(frozen=True, slots=True)
class TrustUpdate:
    """A report that is kept, beside the one before.

    Attributes:
        report: the scores now.
        gained, lost: agents that are trusted now but were not, the other way round; sorted.
    """

    report: TrustReport
    gained: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def message(self) -> str:
        """One line for a log."""
        trusted = sum(one.trusted for one in self.report.agents)
        said = [f"{len(self.report.agents):,} agents, {trusted:,} trusted"]
        said += [f"now trusted: {', '.join(self.gained)}"] if self.gained else []
        said += [f"no longer trusted: {', '.join(self.lost)}"] if self.lost else []
        return ". ".join(said)


def update_trust(
    store: SqlStore, workspace: str, clock: Clock, scorer: TrustScorer | None = None
) -> TrustUpdate:
    """Compute trust in all agents from what is stored, keep it, say who gained or lost it.

    An agent seen for the first time has gained trust when it has it.

    Args:
        store: of the evidence; the scores are kept in it.
        workspace: whose agents.
        clock: tells the time.
        scorer: settings other than the defaults.

    Raises:
        StoreError: the store cannot be read or written.
    """
    before = {one.agent for one in store.trust.latest(workspace) if one.trusted}
    report = trust_of(store, workspace, clock, scorer)
    store.trust.keep(report)
    now = {one.agent for one in report.agents if one.trusted}
    return TrustUpdate(report, tuple(sorted(now - before)), tuple(sorted(before - now)))
