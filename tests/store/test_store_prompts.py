"""Prompts: immutable versions with labels."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flywheel.errors import InputError
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.store.open import SqlStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def version(text: str, *labels: str, prompt: str = "triage") -> PromptVersion:
    """A version of a prompt."""
    return PromptVersion(
        prompt=prompt,
        version=content_hash(text),
        text=text,
        labels=labels,
        variables=("message",),
        created_at=NOON,
        origin="test",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "a\r\nb\rc\n",
        '```json\n{{"x": {message}}}\n```',
        "日本 \u2028 é é",
        "nul \u0000 in it",
        "half \ud800",
    ],
    ids=["empty", "plain", "line-ends", "braces", "unicode", "nul", "surrogate"],
)
def test_a_text_survives_to_the_byte(store: SqlStore, text: str) -> None:
    """Line ends, braces, fences, Unicode, NUL and half characters come back as they went in."""
    given = version(text, "v1")
    assert store.prompts.add(given)
    assert store.prompts.get("default", "triage", "v1") == given
    assert store.prompts.versions("default", "triage") == [given]


def test_adding_again_adds_only_labels(store: SqlStore) -> None:
    """The same text twice is one version; its labels gather."""
    assert store.prompts.add(version("one", "b"))
    assert not store.prompts.add(version("one", "a", "b"))
    assert [kept.labels for kept in store.prompts.versions("default", "triage")] == [("a", "b")]


def test_a_version_is_found_by_hash_label_or_prefix(store: SqlStore) -> None:
    """Full hash, label and eight or more digits name it; seven digits and other prompts do not."""
    given = version("one", "v1")
    store.prompts.add(given)
    for ref in (given.version, "v1", given.version[:8], given.short):
        assert store.prompts.get("default", "triage", ref) == given
    for ref in (given.version[:7], "v2", "%", ""):
        assert store.prompts.get("default", "triage", ref) is None
    assert store.prompts.get("default", "other", "v1") is None
    assert store.prompts.get("elsewhere", "triage", "v1") is None


def test_a_prefix_of_several_versions_asks_for_more(store: SqlStore) -> None:
    """An ambiguous prefix is refused with the candidates; a longer one is found."""
    one, two = version("Prompt 49288"), version("Prompt 49576")
    assert one.version[:8] == two.version[:8]
    store.prompts.add(one)
    store.prompts.add(two)
    with pytest.raises(InputError, match="2 versions"):
        store.prompts.get("default", "triage", one.version[:8])
    assert store.prompts.get("default", "triage", one.version[:16]) == one


def test_a_label_stays_unless_it_is_moved(store: SqlStore) -> None:
    """A label that points elsewhere is refused and nothing changes; move=True moves it."""
    one, two = version("one", "live"), version("two", "live")
    store.prompts.add(one)
    with pytest.raises(InputError, match="move=True"):
        store.prompts.add(two)
    assert store.prompts.versions("default", "triage") == [one]
    store.prompts.add(two, move=True)
    assert store.prompts.get("default", "triage", "live") == two
    assert [kept.labels for kept in store.prompts.versions("default", "triage")] == [(), ("live",)]


def test_a_moved_label_leaves_executions_with_their_version(store: SqlStore) -> None:
    """Executions recorded under a label keep the text it named at that time."""
    one, two = version("one", "live"), version("two", "live")
    store.prompts.add(one)
    store.executions.write([Execution(execution_id="a", prompt="triage", version="live", outcome="passed")])
    store.prompts.add(two, move=True)
    store.executions.write([Execution(execution_id="b", prompt="triage", version="live", outcome="passed")])
    assert store.prompts.recorded("default", "triage") == sorted([one.version, two.version])
    assert store.executions.counts(Scope(prompt="triage", version="live")).stored == 1


def test_a_label_only_executions_carry_has_no_text(store: SqlStore) -> None:
    """It can be named and compared; text is None until somebody adds it."""
    store.executions.write([Execution(execution_id="a", prompt="triage", version="cot", outcome="passed")])
    found = store.prompts.get("default", "triage", "cot")
    assert found is not None
    assert (found.version, found.text) == ("cot", None)
    assert store.prompts.versions("default", "triage") == []
    assert store.prompts.recorded("default", "triage") == ["cot"]
    store.prompts.add(version("think step by step", "cot"))
    assert store.prompts.recorded("default", "triage") == [content_hash("think step by step")]


def test_a_version_without_text_is_not_kept(store: SqlStore) -> None:
    """There is nothing to keep, and the error says what to do."""
    with pytest.raises(InputError, match="has no text"):
        store.prompts.add(PromptVersion(prompt="triage", version="cot", text=None))
    assert store.prompts.names("default") == []


def test_names_are_those_written_or_recorded(store: SqlStore) -> None:
    """Prompts with a version or an execution, sorted, each once, per workspace."""
    store.prompts.add(version("one"))
    store.prompts.add(version("one", prompt="Zebra"))
    store.executions.write(
        [
            Execution(execution_id="a", prompt="triage", outcome="passed"),
            Execution(execution_id="b", prompt="alpha", outcome="passed"),
            Execution(execution_id="c", outcome="passed"),
            Execution(execution_id="d", prompt="far", workspace="other", outcome="passed"),
        ]
    )
    assert store.prompts.names("default") == ["Zebra", "alpha", "triage"]
    assert store.prompts.names("other") == ["far"]


def test_versions_come_oldest_first(store: SqlStore) -> None:
    """In the order they were added."""
    texts = ["c", "a", "b"]
    for text in texts:
        store.prompts.add(version(text))
    assert [kept.text for kept in store.prompts.versions("default", "triage")] == texts
