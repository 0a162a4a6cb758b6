"""A process that kills itself between two steps of a release.

Arguments: ADDRESS VERSION AFTER EXPECTED; -1 expects nothing live.
"""

from __future__ import annotations

import os
import signal
import sys

from release_material import event_to

from flywheel.errors import StaleRelease
from flywheel.records.release import ReleaseKind
from flywheel.store.journal import write_intent
from flywheel.store.open import open_store
from flywheel.store.promotion import Change, carry_out, move


def main(address: str, version: str, after: str, expected: int) -> None:
    """Do the steps up to `after`, then end by SIGKILL; `move_half` dies inside the move's transaction."""
    wanted = expected if expected >= 0 else None
    db = open_store(address).database
    event = event_to(version, f"release-{version[:8]}", kind=ReleaseKind.CYCLE)
    if after == "race":
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            carry_out(db, Change(event, None, wanted))
        except StaleRelease:
            print("stale")
        else:
            print("won")
        return
    write_intent(db, event)
    if after == "wait":
        print("intent", flush=True)
        sys.stdin.readline()
        return
    if after == "move_half":
        move(db, Change(event, None, wanted, lambda _connection: os.kill(os.getpid(), signal.SIGKILL)))
    if after == "move":
        move(db, Change(event, None, wanted))
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
