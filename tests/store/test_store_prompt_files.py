"""A process that is killed while it releases a prompt file."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.store.open import open_store
from flywheel.store.prompt_files import ProductionPromptManager

TEXTS = tuple(f"Version {letter}. {{question}}\n" + letter * 200_000 for letter in "ab")

FOR_EVER = """
import itertools, sys
from datetime import UTC, datetime
from pathlib import Path
from flywheel.store.open import open_store
from flywheel.store.prompt_files import ProductionPromptManager
store = open_store(sys.argv[1])
manager = ProductionPromptManager(store, "default", Path(sys.argv[2]))
for version in itertools.cycle(store.prompts.versions("default", "p")):
    manager.release(version, Path(sys.argv[3]), datetime.now(UTC))
    print("released", flush=True)
"""


def test_a_killed_release_leaves_one_of_both_texts(tmp_path: Path) -> None:
    """After kill -9 the file holds a whole text, the next release works, and backups are whole."""
    store, path, folder = open_store(str(tmp_path / "s.db")), tmp_path / "p.txt", tmp_path / "kept"
    for text in TEXTS:
        store.prompts.add(
            PromptVersion(prompt="p", version=content_hash(text), text=text, variables=("question",))
        )
    for releases in (1, 4, 7):
        command = [sys.executable, "-c", FOR_EVER, str(tmp_path / "s.db"), str(folder), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(releases):
                process.stdout.readline()
            process.kill()
        assert path.read_text() in TEXTS
    manager = ProductionPromptManager(store, "default", folder)
    held = path.read_text()
    other = next(v for v in store.prompts.versions("default", "p") if v.text != held)

    change = manager.release(other, path, datetime.now(UTC))

    assert path.read_text() == other.text
    assert change.backup is not None
    assert (folder / change.backup).read_text() == held
    assert all(kept.read_text() in TEXTS for kept in folder.glob("2*.txt"))
    store.close()
