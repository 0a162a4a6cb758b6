"""The demo's page in the README, with the parts of it that never change.

`make demo 2>/dev/null | python tests/docs/readme_demo.py` puts what it printed into the README.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
START, END = "<!-- demo: start -->\n", "<!-- demo: end -->\n"


def shown() -> str:
    """The page the README shows."""
    return README.read_text(encoding="utf-8").split(START)[1].split(END)[0]


def rewritten(readme: str, page: str) -> str:
    """The README with another page."""
    lines = "\n".join(line.rstrip() for line in page.strip("\n").splitlines())
    before, rest = readme.split(START)
    return f"{before}{START}\n```text\n{lines}\n```\n\n{END}{rest.split(END)[1]}"


def stable_parts(page: str) -> dict[str, list[str]]:
    """What the page says without its numbers: headings, patterns, verdicts, commands."""
    verdicts = re.findall(r"^ +(SHIP|STAGE|HOLD|REJECT) +\S+ +\S+ +(\w+)", page, re.MULTILINE)
    return {
        "headings": re.findall(r"^(What failed|What was tried|Lineage|Where to look)", page, re.MULTILINE),
        "patterns": sorted(re.findall(r"^  [█·]+ +\d+  (\w+)", page, re.MULTILINE)),
        "verdicts": sorted(f"{ruling} {strategy}" for ruling, strategy in verdicts),
        "commands": re.findall(r"^    (flywheel \w+)", page, re.MULTILINE),
    }


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8"), sys.stdin.read()), encoding="utf-8")
