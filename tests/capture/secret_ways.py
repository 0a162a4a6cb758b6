"""Ways by which evidence with planted secrets comes in: files of each format, a suite of tests."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import sqlalchemy as sa
from planted_secrets import Planted, secret_part
from recorder_world import hidden

from flywheel.store.open import SqlStore

LONG = 24
"""Characters of a long key that are a leak when they stand alone, at its start or its end."""

WHOLE = frozenset({"jwt", "email", "phone", "card", "iban", "national_id", "ipv4", "ipv6"})
"""Kinds of which a part tells nothing, or that start alike."""

SUITE_OF_SECRETS = """
import json, logging
import pytest

TEXTS = json.load(open("texts.json"))

@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_it(number, flywheel_case):
    text = TEXTS[number]
    case = flywheel_case.prompt("triage").inputs({"note": text, text: 1}).metadata({"header": [text]})
    case.model_call("small", inputs=text, output=[text], error=text)
    case.set(comment=text)
    if number % 3:
        logging.getLogger("app").warning("seen")
        raise ValueError(text) if number % 3 == 1 else AssertionError(text)
"""


def leaks(data: bytes, secrets: Sequence[Planted]) -> list[str]:
    """Planted values, or telling parts of them, that are in the data, plain or as JSON spells them."""
    by_start: dict[bytes, set[bytes]] = {}
    for one in secrets:
        for part in _telling(one):
            for spelled in {part, json.dumps(part)[1:-1]}:
                raw = spelled.encode()
                by_start.setdefault(raw[:6], set()).add(raw)
    return [
        part.decode()
        for position in range(len(data) - 5)
        for part in by_start.get(data[position : position + 6], ())
        if data.startswith(part, position)
    ]


def _telling(one: Planted) -> list[str]:
    if one.kind == "pem":
        return one.value.split("\n")[1:-1]
    whole = secret_part(one.value)
    if one.kind in WHOLE or len(whole) <= LONG:
        return [whole]
    return [whole, whole[:LONG], whole[-LONG:]]


def jsonl_file(path: Path, secrets: Sequence[Planted]) -> Path:
    """Lines of evidence, a secret in each, in one of many places; among them lines with models."""
    lines: list[dict[str, Any]] = []
    for position, one in enumerate(secrets):
        line = hidden(position, one.text) | {"prompt": "triage", "execution_id": f"j{position}"}
        if position % 5 == 0:
            line["models"] = [{"model": one.text[:300].replace("\0", ""), "cost_usd": 0.1}]
        lines.append(line)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def csv_file(path: Path, secrets: Sequence[Planted]) -> Path:
    """A table with secrets in its cells."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["execution_id", "prompt", "outcome", "inputs", "output", "error_message", "comment"])
        for position, one in enumerate(secrets):
            cells = ["", "", "", ""]
            cells[position % 4] = one.text
            table.writerow([f"c{position}", "triage", "failed", *cells])
    return path


def junit_file(path: Path, secrets: Sequence[Planted]) -> Path:
    """A report of failed tests with secrets in messages, tracebacks, output, properties."""
    cases = []
    for position, one in enumerate(secrets):
        text = one.text.replace("\0", "")
        parts = (
            f"<failure message={quoteattr(text)}>x</failure>",
            f"<error message='ValueError' type='ValueError'>{escape(text)}</error>",
            f"<system-out>{escape(text)}</system-out><failure message='no'/>",
            f"<properties><property name='note' value={quoteattr(text)}/></properties><failure/>",
        )
        cases.append(
            f"<testcase classname='t' name='n{position}' time='0.1'>{parts[position % 4]}</testcase>"
        )
    path.write_text(f"<testsuites><testsuite name='s'>{''.join(cases)}</testsuite></testsuites>")
    return path


def otel_file(path: Path, secrets: Sequence[Planted]) -> Path:
    """Spans of model calls with secrets in messages, status and attributes of their own."""
    spans = []
    for position, one in enumerate(secrets):
        keys = ("gen_ai.prompt", "gen_ai.completion", "app.note", one.text)
        facts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "small",
            keys[position % 4]: one.text,
        }
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in facts.items()]
        times = {"startTimeUnixNano": "1795264840513619100", "endTimeUnixNano": "1795264840532330442"}
        status = {"code": 2, "message": one.text}
        ids = {"traceId": f"{position:032x}", "spanId": f"{position:016x}", "name": "chat"}
        spans.append(ids | times | {"attributes": attributes, "status": status})
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}))
    return path


def rejected_file(path: Path, secrets: Sequence[Planted]) -> Path:
    """Lines that are no evidence: unknown keys, values out of range, broken JSON, each with a secret."""
    lines = []
    for position, one in enumerate(secrets):
        text = one.text
        wrong: tuple[dict[str, Any], ...] = (
            {"outcome": text},
            {"outcome": "passed", "score": text},
            {"outcome": "passed", text: 1, "output": text},
            {"outcome": "failed", "models": [{"model": "small", "cost_usd": text}]},
            {"outcome": "passed", "started_at": text},
            {"outcome": "passed", "latency_ms": [text]},
            {"outcome": "passed", "schema_version": {"a": text}},
        )
        line = json.dumps(wrong[position % 7], ensure_ascii=position % 2 == 0)
        lines.append(line if position % 3 else line[:-1])
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def everything_in(store: SqlStore, address: str) -> bytes:
    """Every byte that a store keeps: the files of SQLite, all rows of all tables of PostgreSQL."""
    if address.startswith("sqlite"):
        folder = Path(address.removeprefix("sqlite:///")).parent
        return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    rows = []
    with store.executions.database.read() as connection:
        for table in sa.inspect(connection).get_table_names():
            rows += connection.exec_driver_sql(f'SELECT t::text FROM "{table}" t').scalars()
    return "\n".join(rows).encode()
