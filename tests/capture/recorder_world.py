"""What tests of the recorder share: what a store holds, texts hidden in executions."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from planted_secrets import Planted, secret_part

from flywheel.capture.recorder import RecorderSettings
from flywheel.records.execution import Execution
from flywheel.store.execution_rows import EXECUTION, ROW_COLUMNS, record_of
from flywheel.store.open import SqlStore


def stored(store: SqlStore) -> list[Execution]:
    """Everything, in the order of storing."""
    columns = [EXECUTION.c[name] for name in ROW_COLUMNS[:-1]]
    with store.executions.database.read() as connection:
        return list(map(record_of, connection.execute(sa.select(*columns).order_by(EXECUTION.c.seq))))


def spooled(settings: RecorderSettings) -> list[Path]:
    """Files of the spool."""
    assert settings.spool is not None
    return sorted(settings.spool.rglob("*.jsonl"))


def hidden(position: int, text: str) -> dict[str, object]:
    """An execution with a text in one of many places."""
    places: tuple[dict[str, object], ...] = (
        {"inputs": {"messages": [{"role": "user", "content": text}]}},
        {"output": text},
        {"error_message": f"Traceback: {text}"},
        {"comment": text},
        {"metadata": {"request": {"headers": [text], text: 1}}},
        {"expected": [[text]]},
        {"inputs": repr({"body": text})},
        {"error_type": text[:300].replace("\0", "") or "x", "session_id": text[:300] or "x"},
    )
    return {"execution_id": f"r{position}", "outcome": "error", **places[position % len(places)]}


def remaining(data: bytes, secrets: list[Planted]) -> list[str]:
    """Planted values that are still there."""
    by_start: dict[bytes, list[bytes]] = {}
    for one in secrets:
        parts = one.value.split("\n")[1:-1] if one.kind == "pem" else [secret_part(one.value)]
        for part in parts:
            by_start.setdefault(part.encode()[:6], []).append(part.encode())
    return [
        part.decode()
        for position in range(len(data) - 5)
        for part in by_start.get(data[position : position + 6], ())
        if data.startswith(part, position)
    ]
