"""The journal of lists: what each accepted reading of the rules folder changed in them.

Entries are stored texts whose keys sort by the instant; keys of lists stand in none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from decision_service.language.diagnostics import Report
from decision_service.pipeline.ports import DecisionLog
from decision_service.pipeline.rules.folder import RuleFolder
from decision_service.pipeline.rules.publishing.manifest import publication
from decision_service.ruleset.program.lists import KeyList
from decision_service.ruleset.reading.lists import list_name, read_list

KIND = "list-changes"


class ListChange(msgspec.Struct, frozen=True):
    """One list's change; `path` is within the rules folder, a digest is empty without a file.

    `added` and `removed` count keys; of a list that is hashed anew, all.
    """

    path: str
    before: str
    after: str
    keys: int
    added: int
    removed: int

    @property
    def words(self) -> str:
        """What became of the list, without its keys."""
        if not self.after:
            return f"is gone; it had {_keys(self.removed)}"
        if not self.before:
            return f"is new: {_keys(self.added)}"
        if not self.added and not self.removed:
            return "has the same keys, with other days or remarks"
        return f"has {_keys(self.added)} more and {self.removed} fewer"


def _keys(number: int) -> str:
    return f"{number:,} key{'' if number == 1 else 's'}"


class ListChanges(msgspec.Struct, frozen=True):
    """The changes of one reading; `by` published the folder, empty where nobody did."""

    at: datetime
    by: str
    changes: tuple[ListChange, ...]


_DECODER = msgspec.json.Decoder(ListChanges)


def list_changes(before: RuleFolder | None, after: RuleFolder, now: datetime) -> ListChanges | None:
    """What a folder changes in the lists of the one that it replaces; None where nothing."""
    found = tuple(_changes(before or RuleFolder(), after))
    if not found:
        return None
    manifest = after.manifest
    published = None if manifest is None else publication(manifest.path, manifest.text)
    return ListChanges(now, "" if published is None else published.by, found)


async def newest_list_changes(log: DecisionLog, most: int) -> Sequence[ListChanges]:
    """At most so many entries of the journal, the newest first; raises StoreUnavailable."""
    return [_DECODER.decode(text.body) for text in await log.last_texts(KIND, most)]


def _changes(before: RuleFolder, after: RuleFolder) -> Iterator[ListChange]:
    old, new = _texts(before), _texts(after)
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            first, second = (_read(path, texts.get(path)) for texts in (old, new))
            yield ListChange(
                path,
                first.digest,
                second.digest,
                len(second.keys),
                len(second.keys.keys() - first.keys.keys()),
                len(first.keys.keys() - second.keys.keys()),
            )


def _texts(folder: RuleFolder) -> dict[str, str]:
    own = {
        f"{product.product}/{path}": text
        for product in folder.products
        for path, text in product.lists.items()
    }
    return {**folder.shared_lists, **own}


def _read(path: str, text: str | None) -> KeyList:
    found = None if text is None else read_list(path, text, Report())
    return found or KeyList(list_name(path) or "", "", {})
