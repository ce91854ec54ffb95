"""Whether rules may replace those that decided before, and what they change in lists."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec
from msgspec.structs import replace

from decision_service.domain.ports import DecisionLog, StoredText
from decision_service.factors.registry import known_factors
from decision_service.rulebook.archive import files_from_body
from decision_service.rulebook.folder import RuleFolder, TextFile, version_name
from decision_service.rulebook.manifest import Publication, publication
from decision_service.rulebook.rulebook import Rulebook, used_kind, used_mark
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.inputs import list_name, read_list
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report
from decision_service.rules.language.yaml import MapNode
from decision_service.rules.program import CompiledRuleset, KeyList

KIND = "list-changes"

LAST_GOOD = "rules"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOLDER_DECODER = msgspec.json.Decoder(RuleFolder)

_ALTERED = "R603"


class ListChange(msgspec.Struct, frozen=True):
    """A digest is empty without a file; of a list that is hashed anew all keys count."""

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
    """The changes of one reading; `by` published the folder, empty where it is not published."""

    at: datetime
    by: str
    changes: tuple[ListChange, ...]


_DECODER = msgspec.json.Decoder(ListChanges)


def list_changes(before: RuleFolder, after: RuleFolder) -> tuple[ListChange, ...]:
    """What a folder changes in the lists of the one that it replaces."""
    return tuple(_changes(before, after))


def list_changes_text(changes: ListChanges) -> StoredText:
    """The entry of the journal of lists; keys sort by the instant."""
    # Keys are texts: with leading zeros they sort as the instants do.
    micros = (changes.at - _EPOCH) // timedelta(microseconds=1)
    key = f"{KIND} {LAST_GOOD}-{micros:020d}-0"
    return StoredText(key, KIND, msgspec.json.encode(changes))


async def newest_list_changes(log: DecisionLog, most: int) -> Sequence[ListChanges]:
    """At most so many entries of the journal, the newest first; raises StoreUnavailable."""
    return [_DECODER.decode(text.body) for text in await log.last_texts(KIND, most)]


def _changes(before: RuleFolder, after: RuleFolder) -> Iterator[ListChange]:
    old = _texts(before)
    new = _texts(after)
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            first = _read(path, old.get(path))
            second = _read(path, new.get(path))
            yield ListChange(
                path,
                first.digest,
                second.digest,
                keys=len(second.keys),
                added=len(second.keys.keys() - first.keys.keys()),
                removed=len(first.keys.keys() - second.keys.keys()),
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


def published_as(folder: RuleFolder) -> Publication | None:
    manifest = folder.manifest
    return None if manifest is None else publication(manifest.path, manifest.text)


class LastTexts(Protocol):
    """The part of a DecisionLog that finds the last good folder."""

    async def last_text(self, kind: str) -> StoredText | None: ...


async def last_good_folder(log: LastTexts) -> RuleFolder | None:
    """The folder that decided last before releases were journalled; None where none can be read."""
    # A whole folder takes long to decode, and the event loop must not wait for it.
    return await asyncio.to_thread(_folder, await log.last_text(LAST_GOOD))


def _folder(last: StoredText | None) -> RuleFolder | None:
    try:
        return None if last is None else _FOLDER_DECODER.decode(last.body)
    # One in a form of another program is no hindrance: then no folder is known.
    except msgspec.MsgspecError:
        return None


async def keep_data(log: DecisionLog, folder: RuleFolder, last: RuleFolder | None) -> RuleFolder:
    """The folder, in which versions keep the files of `_data` that the package brought before.

    A newer package may bring other files. What has decided keeps those it decided with, and what
    is in force, the folder `last`, keeps those it was loaded with: an upgrade changes no digest and
    nobody's decision. A version that is new to this store has the package's newest. Raises
    StoreUnavailable.
    """
    # Nothing of `_data` is from the package: what the folder has itself is its own content.
    if not folder.shipped:
        return folder
    kept = {}
    for product in folder.products:
        for number, file in product.rulesets.items():
            name = version_name(product.product, number)
            data = await _data_decided_with(log, product.product, number)
            if data is None and last is not None:
                data = _data_loaded_with(last, product.product, number, text=file.text)
            if data is not None and data != folder.data:
                # Files that the folder has itself count as they are.
                kept[name] = {one: text for one, text in data.items() if one in folder.shipped}
    return replace(folder, kept=kept)


async def _data_decided_with(
    log: DecisionLog, product: str, version: int
) -> Mapping[str, str] | None:
    mark = await log.last_text(used_kind(product, version))
    text = None if mark is None else await log.text(mark.body.decode())
    return None if text is None else files_from_body(text.body).data


def _data_loaded_with(
    last: RuleFolder, product: str, version: int, text: str
) -> Mapping[str, str] | None:
    """The data of a version that the folder in force has in the same words."""
    for one in last.products:
        file = one.rulesets.get(version)
        if one.product == product and file is not None and file.text == text:
            return last.data_of(product, version)
    return None


async def altered(
    log: DecisionLog, folder: RuleFolder, rulebook: Rulebook
) -> tuple[Diagnostic, ...]:
    found: list[tuple[TextFile, CompiledRuleset, str]] = []
    for product in folder.products:
        versions = rulebook.products[product.product].versions
        for number, file in sorted(product.rulesets.items()):
            earlier = await _decided_otherwise(log, versions[number])
            if earlier:
                found.append((file, versions[number], earlier))
    return await asyncio.to_thread(_problems, found) if found else ()


def _problems(found: Iterable[tuple[TextFile, CompiledRuleset, str]]) -> tuple[Diagnostic, ...]:
    report = Report()
    for file, ruleset, earlier in found:
        root = yaml.read(file.path, file.text, report)
        top = Place(file.path, 1, 1, end=2)
        place = root.key_place("version") if isinstance(root, MapNode) else top
        name = ruleset.ruleset
        number = ruleset.version
        message = f"{name} v{number} has decided with other content (digest {earlier[:12]})"
        hint = (
            f"bring v{number} back as it was, its tables, `_data` and `_shared` too, "
            f"and write the change as v{number + 1}"
        )
        report.error(_ALTERED, place, message, hint)
    # Faults that the reading found are reported where the folder was loaded.
    return tuple(problem for problem in report.diagnostics() if problem.code == _ALTERED)


async def _decided_otherwise(log: DecisionLog, ruleset: CompiledRuleset) -> str:
    mark = used_mark(ruleset)
    last = await log.last_text(mark.kind)
    # It has decided with this very content, or never: then it may.
    if last is None or await log.text(mark.digest) is not None:
        return ""
    earlier = last.body.decode()
    text = await log.text(earlier)
    if text is not None and await asyncio.to_thread(_digest, text) == ruleset.digest:
        return ""
    return earlier


def _digest(text: StoredText) -> str:
    """The digest of a stored ruleset as it is computed now: newer code may compute another."""
    # Without checks, since what has decided passed those of its time.
    found = compile_ruleset(files_from_body(text.body), known_factors(), checks=()).ruleset
    return "" if found is None else found.digest
