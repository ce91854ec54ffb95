"""`_data/*.yaml` as files: read once for all versions that share them, and what they have alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TypeAlias, TypeVar

from decision_service.language.diagnostics import Place, Report, did_you_mean
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.parser import read
from decision_service.ruleset.program.model import RulesetFiles

T = TypeVar("T")
Reading: TypeAlias = Callable[[str, str, Report], T]

PROVIDERS_FILE = "provider_types.yaml"


def shared(reading: Reading[T], files: RulesetFiles, name: str, report: Report) -> T | None:
    """What a file holds, read once for all versions that share it; None where there is none."""
    text = files.data.get(name)
    if text is None:
        return None
    path = str(PurePosixPath(files.path).parent.parent / "_data" / name)
    found: T | None = _faultless(reading, path, text)
    if found is None:
        return reading(path, text, report)
    report.add_text(path, text)
    return found


def opened(
    path: str,
    text: str,
    report: Report,
    *,
    required: Collection[str] = (),
    optional: Collection[str] = (),
) -> Fields | None:
    """A file's text as a map of these keys."""
    node = read(path, text, report)
    what = f"`{PurePosixPath(path).name}`"
    if node is None:
        return None
    return Fields.of(node, what, report, required=required, optional=optional)


def check_pattern(pattern: str, place: Place, providers: Iterable[str], report: Report) -> None:
    """R136 for a pattern that matches none of the providers that the file lists, if there is one.

    Without the file, or where it could not be read, nothing is known of a pattern.
    """
    known = list(providers)
    if not known or any(fnmatchcase(provider, pattern) for provider in known):
        return
    families = [f"{provider.partition('_')[0]}_*" for provider in known]
    hint = did_you_mean(pattern, [*known, *families])
    message = f"`{pattern}` matches no provider of `{PROVIDERS_FILE}`"
    report.error("R136", place, message, hint or "write an id that stands there, or add it there")


@lru_cache(16)
def _faultless(reading: Reading[T], path: str, text: str) -> T | None:
    """What a text holds about which there is nothing to say."""
    report = Report()
    found = reading(path, text, report)
    return None if report.diagnostics() else found
