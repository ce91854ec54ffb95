"""The privacy notice: who gets what, for what, for how long, and how to withdraw."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import msgspec
import yaml

from decision_service.edge.http.connect.refused import PageRefused, read_bounded
from decision_service.edge.http.connect.texts import LANGUAGES

LARGEST = 65_536
"""Bytes of a notice's file."""

BLANKS = ("company", "months", "withdrawn")
"""What `{…}` may stand for: the lender's name, how many months decisions are kept, and what becomes
of them when consent is withdrawn."""

_BLANK = re.compile(r"\{(\w*)\}")


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of the notice: its title and its text, both plain text."""

    title: str
    text: str

    def filled(self, values: Mapping[str, str]) -> Entry:
        """The entry with the values of its blanks."""
        return Entry(fill(self.title, values), fill(self.text, values))


Notice = Mapping[str, tuple[Entry, ...]]
"""The entries by language."""


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with the values of its blanks; others stay as they are."""
    return _BLANK.sub(lambda found: values.get(found[1], found[0]), text)


def read_notice(path: Path | None = None) -> Notice:
    """The notice of a file of at most LARGEST bytes, or the service's own; raises PageRefused."""
    if path is None:
        return _decoded(resources.files(__package__).joinpath("pages/notice.yaml").read_bytes())
    content = read_bounded(path, LARGEST)
    try:
        notice = _decoded(content)
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise PageRefused(
            f"{path} is no notice ({' '.join(str(error).split())}): write for each of "
            f"{' and '.join(LANGUAGES)} a list of entries with title and text"
        ) from None
    _check(path, notice)
    return notice


def _decoded(content: bytes) -> Notice:
    return msgspec.yaml.decode(content, type=dict[str, tuple[Entry, ...]])


def _check(path: Path, notice: Notice) -> None:
    shown = " and ".join(LANGUAGES)
    for language in LANGUAGES:
        if not notice.get(language):
            raise PageRefused(f"{path} has no entries in {language}: the page is shown in {shown}")
    for language, entries in notice.items():
        if language not in LANGUAGES:
            raise PageRefused(
                f"{path} has entries in {language}: the page is shown in {shown} only"
            )
        for place, entry in enumerate(entries, 1):
            for blank in _BLANK.findall(entry.title + entry.text):
                if blank not in BLANKS:
                    raise PageRefused(
                        f"{path}: entry {place} in {language} has {{{blank}}}, which stands for "
                        f"nothing: there are {', '.join(f'{{{one}}}' for one in BLANKS)}"
                    )
