"""All that a policy looks for, in one text at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from flywheel.learn.redaction_contacts import addresses, emails, phones
from flywheel.learn.redaction_findings import Find, Finding
from flywheel.learn.redaction_numbers import accounts, cards, lettered_ids, national_ids
from flywheel.learn.redaction_policy import CustomPattern, RedactionPolicy
from flywheel.learn.redaction_secrets import passwords, private_keys, tokens
from flywheel.learn.redaction_trigger import digit_runs

_CONTEXT_BEFORE: Final = 48
"""Characters before digits that can name them, as in `social security number: `."""

_CONTEXT_BEHIND: Final = 36
"""Characters behind digits that can belong to them, such as the last groups of an account."""


def finders(policy: RedactionPolicy) -> tuple[Find, ...]:
    """Those that look for kinds which the policy does not keep."""
    kept = frozenset(policy.kept)

    def wanted(find: Find) -> Find:
        return lambda text: (finding for finding in find(text) if finding.kind not in kept)

    def counted(text: str) -> Iterator[Finding]:
        for run in digit_runs(text):
            first = max(0, run.start - _CONTEXT_BEFORE)
            for found in _near(text[first : run.end + _CONTEXT_BEHIND], run.digits, policy.calling_code):
                if first + found.start < run.end and run.start < first + found.end:
                    yield found._replace(start=first + found.start, end=first + found.end)

    looks: Sequence[Find] = (private_keys, tokens, passwords, counted, addresses, emails)
    return (*map(_custom, policy.patterns), *(map(wanted, looks) if kept else looks))


def _near(text: str, digits: int, calling_code: str) -> Iterator[Finding]:
    yield from lettered_ids(text)
    if digits >= 8:
        yield from phones(text, calling_code)
        yield from accounts(text)
        yield from national_ids(text)
    if digits >= 13:
        yield from cards(text)


def _custom(pattern: CustomPattern) -> Find:
    compiled = re.compile(pattern.pattern)

    def find(text: str) -> Iterator[Finding]:
        for found in compiled.finditer(text):
            group = 1 if compiled.groups and found[1] else 0
            if found[group]:
                yield Finding(*found.span(group), pattern.name, found[group])

    return find


def apart(found: Sequence[Finding], marks: Sequence[Finding]) -> list[Finding]:
    """Findings from left to right; of two that overlap the longer names what covers both.

    What lies within a mark of an earlier redaction is left alone; what holds a
    whole mark is taken out with it.
    """
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda f: (f.start, -f.end)):
        if any(_reaches_into(finding, mark) for mark in marks):
            continue
        if not kept or finding.start >= kept[-1].end:
            kept.append(finding)
            continue
        last = kept[-1]
        longer = max(last, finding, key=lambda f: f.end - f.start)
        kept[-1] = longer._replace(start=last.start, end=max(last.end, finding.end))
    return kept


def _reaches_into(finding: Finding, mark: Finding) -> bool:
    overlaps = mark.start < finding.end and finding.start < mark.end
    holds_more = finding.start <= mark.start and mark.end <= finding.end and finding[:2] != mark[:2]
    return overlaps and not holds_more
