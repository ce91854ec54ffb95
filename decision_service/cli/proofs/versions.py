"""A version as it is, or as a git revision has it: `product@2`, `REVISION:product@2`."""

from __future__ import annotations

from pathlib import Path

from decision_service.cli.rules.diff.revisions import rules_of
from decision_service.cli.rules.version import NamedVersion, find_version


def find_anywhere(word: str, rules: Path) -> NamedVersion:
    """The compiled version that a word names; raises CommandError.

    Without a revision before the colon it is one of the rules folder, or a file.
    """
    revision, colon, named = word.rpartition(":")
    if not colon or Path(word).exists():
        return find_version(word, rules)
    with rules_of(revision, rules) as folder:
        return find_version(named, folder)
