"""The formats of other tools, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from flywheel.capture.foreign import Item
from flywheel.capture.inspect_log import BEGINS, inspect_items
from flywheel.capture.junit import junit_items
from flywheel.capture.langsmith_runs import langsmith_items
from flywheel.capture.otel import otel_items
from flywheel.capture.promptfoo import promptfoo_items
from flywheel.capture.reportlog import reportlog_items
from flywheel.capture.source_files import SourceFile

FOREIGN: Final[Mapping[str, Callable[[SourceFile], Iterator[Item]]]] = {
    "junit": junit_items,
    "reportlog": reportlog_items,
    "otel": otel_items,
    "langsmith": langsmith_items,
    "promptfoo": promptfoo_items,
    "inspect": inspect_items,
}
"""What reads the items of a file of each format."""

COUNTS: Final[Mapping[str, str]] = {
    "junit": "test case",
    "reportlog": "line",
    "otel": "span",
    "langsmith": "run",
    "promptfoo": "result",
    "inspect": "sample",
}
"""What the positions of a format's items count."""

NOT_TEXT: Final[Mapping[str, tuple[bytes, ...]]] = {
    "junit": (b"<", b"\xff\xfe<", b"\xfe\xff\0<"),
    "inspect": (BEGINS,),
}
"""How the files of a format begin that it decodes by itself: XML names its encoding, archives are packed."""
