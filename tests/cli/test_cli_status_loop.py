"""The health of the loop in `flywheel status`."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import sqlalchemy as sa


def test_a_rollback_counts_against_the_loop(triage):
    """A release without report cases has no answer; once it is rolled back it was none."""
    triage("cycle", "--prompt", "triage", "--all-time")
    before = triage("status", "--json").document["loop"]
    triage("rollback", "triage", "--why", "worse in use")
    after = triage("status", "--json").document["loop"]

    assert (before["applied"], before["unanswered"], before["false"]["of"]) == (1, 1, 0)
    assert (after["applied"], after["unanswered"], after["false"]["count"]) == (1, 0, 1)
    page = triage("status").out
    assert "what became of applied improvements" in page
    assert "below 5 %: missed" in page or "below 5 %: cannot tell yet" in page


def test_without_releases_there_is_no_table(triage):
    """Nothing is said of improvements before there was one."""
    answer = triage("status")

    assert answer.code == 0
    assert "applied improvements" not in answer.out


def test_many_prompts_cost_no_query_each(triage):
    """The page of six prompts asks the store as often as that of one."""
    rows = [
        {"execution_id": f"e{n}-{k}", "prompt": f"p{n}", "version": "v1", "outcome": outcome}
        for n in range(5)
        for k, outcome in enumerate(("passed", "failed", "skipped"))
    ]
    one = statements(lambda: triage("status", "--json"))
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    triage("import", "jsonl", "rows.jsonl")

    six = statements(lambda: triage("status", "--json"))

    shown = {row["prompt"]: row for row in triage("status", "--json").document["prompts"]}
    assert len(shown) == 6
    assert (shown["p3"]["executions"], shown["p3"]["success_rate"]) == (2, 0.5)
    assert len(six) == len(one)


def statements(work) -> list[str]:
    """What a piece of work asks databases."""
    found: list[str] = []
    mine = threading.get_ident()

    def look(_connection, _cursor, statement, _parameters, _context, _many):
        # Threads of tests before this one may still read their stores.
        if threading.get_ident() == mine:
            found.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", look)
    try:
        work()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", look)
    return found
