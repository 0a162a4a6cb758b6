"""What each workspace wants taken out of its evidence."""

from __future__ import annotations

from flywheel.learn.redaction_policy import CustomPattern, Private, RedactionMode, RedactionPolicy
from flywheel.store.open import SqlStore

POLICY = RedactionPolicy(
    workspace="team",
    mode=RedactionMode.HASH,
    salt="pepper",
    patterns=(CustomPattern(name="client", pattern=r"\bC-[0-9]{6}\b"),),
    kept=frozenset({Private.IP, Private.PHONE}),
    calling_code="+49",
)


def test_a_workspace_without_a_policy_masks(store: SqlStore):
    """The default takes everything out and is written nowhere."""
    assert store.workspaces.policy("team") == RedactionPolicy(workspace="team")


def test_a_policy_reads_back(store: SqlStore):
    """All of it, for its own workspace only."""
    store.workspaces.set_policy(POLICY)

    assert store.workspaces.policy("team") == POLICY
    assert store.workspaces.policy("other") == RedactionPolicy(workspace="other")


def test_a_policy_replaces_the_one_before(store: SqlStore):
    """The last one set counts; setting it again changes nothing."""
    store.workspaces.set_policy(POLICY)
    for _ in range(2):
        store.workspaces.set_policy(RedactionPolicy(workspace="team", mode=RedactionMode.OFF))

    assert store.workspaces.policy("team") == RedactionPolicy(workspace="team", mode=RedactionMode.OFF)


def test_the_salt_shows_nowhere():
    """Neither the repr of a policy nor its text has the salt in it."""
    assert "pepper" not in repr(POLICY) + str(POLICY)
