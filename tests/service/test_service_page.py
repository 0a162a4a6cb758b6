"""The dashboard as a reader meets it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from service_world import NOW, client_of, make_live, stage, wiring_at

from flywheel.records.alert import Alert, Severity
from flywheel.records.analysis import FailurePattern
from flywheel.records.execution import Execution
from flywheel.service.markup import EMPTY
from flywheel.service.page import SECTIONS, page_of
from flywheel.service.view import View, read_view
from flywheel.store.open import SqlStore, open_store

HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'{question}"


class Outline(HTMLParser):
    """Elements of a page, with those that were not closed in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []

    # The parser's own names.
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102
        self.seen.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:  # noqa: D102
        if tag in EMPTY:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def outline(page: str) -> Outline:
    """A page read by a parser of HTML."""
    found = Outline()
    found.feed(page)
    return found


@pytest.fixture(scope="module")
def hostile() -> View:
    """A workspace in which every text is an attack."""
    store = open_store("sqlite://")
    name = HOSTILE[:290]
    version = make_live(store, "default", HOSTILE, prompt=name)
    store.executions.write(
        Execution(
            execution_id=str(number),
            prompt=name,
            version=version,
            model=HOSTILE if number % 2 else "m",
            slice=HOSTILE if number % 2 else "s",
            outcome="passed" if number % 3 else "failed",
        )
        for number in range(12)
    )
    store.alerts.send(
        Alert(alert_id="a", severity=Severity.HIGH, subject=HOSTILE, message=HOSTILE, raised_at=NOW)
    )
    view = read_view(store, "default", NOW)
    store.close()
    pattern = FailurePattern(
        pattern_key="k",
        kind="format",
        title=HOSTILE,
        cause=HOSTILE,
        recommendation=HOSTILE,
        count=4,
        share=1.0,
        confidence=0.9,
        state="came_back",
    )
    return replace(view, patterns=(pattern,), workspace=HOSTILE)


def test_hostile_text_stays_text(hostile: View) -> None:
    """Nothing a prompt, a name or an alert holds becomes an element or an attribute."""
    found = outline(page_of(hostile))

    assert {tag for tag, _ in found.seen} & {"script", "img", "iframe", "object"} == set()
    assert [a for _, attrs in found.seen for a in attrs if a.startswith("on")] == []
    assert (found.open, found.faults) == ([], [])
    assert "&lt;script&gt;" in page_of(hostile)


def test_the_page_loads_nothing_and_runs_nothing(small: TestClient) -> None:
    """No address of elsewhere is in it, and its headers forbid any."""
    answer = small.get("/")

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert re.findall(r"(?:src|href)=\"(?!#)[^\"]*\"|url\(|@import|https?://", answer.text) == []
    assert 'content="300"' in answer.text


def test_the_page_can_be_read_by_ear(hostile: View) -> None:
    """One first heading, named sections, tables with captions, pictures in words."""
    page = page_of(hostile)
    found = outline(page)
    tags = [tag for tag, _ in found.seen]
    ids = {attrs["id"] for tag, attrs in found.seen if tag == "h2"}

    assert ('<html lang="en">' in page, tags.count("h1"), tags.count("main")) == (True, 1, 1)
    assert [attrs["aria-labelledby"] for tag, attrs in found.seen if tag == "section"] == [
        name for name, _, _ in SECTIONS
    ]
    assert ids == {name for name, _, _ in SECTIONS}
    assert tags.count("caption") == tags.count("table") > 3
    assert all(attrs.get("scope") in ("row", "col") for tag, attrs in found.seen if tag == "th")
    assert page.count("<svg") == page.count("95 % interval", page.index("<main>")) - page.count(
        "(95 % interval)"
    )


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    """An empty store, a live version nobody ran, executions nobody scored: never a 0 %."""
    store = open_store("sqlite://")
    empty = page_of(read_view(store, "default", NOW))
    version = make_live(store, "default", "Route. {question}")
    unheard = Execution(execution_id="u", prompt="triage", version="older", outcome="unscored")
    store.executions.write([unheard])
    page = page_of(read_view(store, "default", NOW))
    store.close()

    assert "Nothing is known of quality" in empty
    assert f"live {version[:12]}" in page
    assert page.count("unknown: no scored execution") == 2
    assert "unknown, known for 0 of 1 executions" in page
    assert " 0.0\xa0%" not in empty + page


def test_every_rate_has_its_interval_and_its_number(small: TestClient) -> None:
    """Six of ten passed: the rate, what it may be, and of how many."""
    page = small.get("/").text

    assert "60.0\xa0% (31.3 to 83.2\xa0%)" in page
    assert "6 of 10" in page
    assert "What testing is worth" in page
    for named in ("review-of-de", "20 better, 4 worse", "billing", "login"):
        assert named in page


def test_quality_is_that_of_the_live_version_where_it_is_known(store: SqlStore) -> None:
    """Executions of older versions count in the second row only, those of experiments in none."""
    version = make_live(store, "default", "Route. {question}")
    for name, source, outcome in (
        ("live", "ci", "passed"),
        ("older", "ci", "failed"),
        ("x", "experiment", "failed"),
    ):
        given = version if name == "live" else "v0"
        store.executions.write(
            [
                Execution(
                    execution_id=name,
                    prompt="triage",
                    version=given,
                    outcome=outcome,
                    source=source,
                    started_at=datetime(2026, 1, 2, tzinfo=UTC),
                )
            ]
        )

    page = page_of(read_view(store, "default", NOW))

    rows = re.findall(r"<th scope=\"row\">triage</th><td>(live|all)\b(.*?)</tr>", page)
    assert [(name, re.findall(r"(\d+ of \d+)", cells)) for name, cells in rows] == [
        ("live", ["1 of 1"]),
        ("all", ["1 of 2"]),
    ]


def test_a_page_is_made_once_for_those_who_ask_together(tmp_path: Path) -> None:
    """Kept for some seconds; another workspace has a page of its own."""
    address = f"sqlite:///{tmp_path / 'kept.db'}"
    store = open_store(address)
    wiring = wiring_at(address, tmp_path)
    kept = replace(wiring, kept=type(wiring.kept)(3_600.0))
    client = client_of(kept)
    before = client.get("/").text
    make_live(store, "default", "Route. {question}")
    stage(store, "default", "r1", "Route better. {question}")

    assert client.get("/").text == before
    assert client_of(wiring).get("/").text != before
    wiring.store.close()
    store.close()


def test_costs_beyond_all_numbers_leave_the_page_up(client: TestClient) -> None:
    """Two costs whose sum is infinite are taken as unknown; the page is still made."""
    rows = [{"execution_id": name, "outcome": "passed", "cost_usd": 1e308} for name in ("a", "b")]

    assert client.post("/api/v1/executions", json=rows).json()["stored"] == 2
    assert client.get("/").status_code == 200
