"""Whether rules may replace those that decided before, and the last good ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from decision_service.domain.ports import DecisionLog, StoredText
from decision_service.factors.registry import catalogue
from decision_service.rulebook.archive import files_from_body
from decision_service.rulebook.folder import RuleFolder, TextFile, version_name
from decision_service.rulebook.manifest import (
    MANIFEST,
    Measured,
    Publication,
    Signers,
    approval_problems,
    evidence_problems,
    publication,
)
from decision_service.rulebook.rulebook import POLICY, Rulebook, used_kind, used_mark
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.inputs import list_name, read_list
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report, Severity
from decision_service.rules.language.yaml import MapNode
from decision_service.rules.program import CompiledRuleset, KeyList

KIND = "list-changes"

PUBLISHED = "manifest"
_DECIDED = "decided"

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


def list_changes(before: RuleFolder | None, after: RuleFolder, now: datetime) -> ListChanges | None:
    """What a folder changes in the lists of the one that it replaces; None where nothing."""
    found = tuple(_changes(before or RuleFolder(), after))
    if not found:
        return None
    published = published_as(after)
    return ListChanges(now, "" if published is None else published.by, found)


async def newest_list_changes(log: DecisionLog, most: int) -> Sequence[ListChanges]:
    """At most so many entries of the journal, the newest first; raises StoreUnavailable."""
    return [_DECODER.decode(text.body) for text in await log.last_texts(KIND, most)]


def _changes(before: RuleFolder, after: RuleFolder) -> Iterator[ListChange]:
    old = _texts(before)
    new = _texts(after)
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            first, second = (_read(path, texts.get(path)) for texts in (old, new))
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


def manifest_record(folder: RuleFolder) -> Sequence[StoredText]:
    """The manifest, and the mark that its rules have decided; empty without a manifest."""
    published = published_as(folder)
    if published is None or folder.manifest is None:
        return ()
    signatures = sum(one is not None for one in (published.proposed_by, published.approved_by))
    # Sorts by the instant; a publication that was signed since follows the same one without.
    key = f"{PUBLISHED}@{published.at} {published.digest} {signatures}"
    return (
        StoredText(key, PUBLISHED, folder.manifest.text.encode()),
        StoredText(_decided(published), _DECIDED, b""),
    )


async def newest_publications(log: DecisionLog, most: int) -> Sequence[Publication]:
    """At most so many publications that decided here, the newest first; raises StoreUnavailable."""
    return await asyncio.to_thread(_publications, await log.last_texts(PUBLISHED, most))


def _publications(texts: Sequence[StoredText]) -> Sequence[Publication]:
    """Each once, as it was signed last."""
    found = (publication(MANIFEST, text.body.decode()) for text in reversed(texts))
    by_name = {one.name: one for one in found if one is not None}
    return sorted(by_name.values(), key=lambda one: one.at, reverse=True)


async def downgrades(
    log: DecisionLog, folder: RuleFolder, last: RuleFolder | None
) -> tuple[Diagnostic, ...]:
    """Why a folder would replace the `last` good one with older rules; empty where it does not.

    That is so where it was published earlier, decided before, or is not published any more. A store
    that has never seen published rules takes every folder.
    """
    deciding = None if last is None else published_as(last)
    if deciding is None or last is None or last.manifest is None:
        return ()
    published = published_as(folder)
    path = last.manifest.path
    if published is None:
        return (
            _problem(
                "M005", path, f"there is no manifest, and {_named(deciding)}", deciding=deciding
            ),
        )
    if published.at < deciding.at:
        message = f"these rules were published at {published.at}, and {_named(deciding)}"
        return (_problem("M006", path, message, deciding=deciding),)
    if published.digest == deciding.digest or published.allow_rollback == deciding.name:
        return ()
    if await log.text(_decided(published)) is not None:
        message = f"these rules decided here before, and {_named(deciding)}"
        return (_problem("M007", path, message, deciding=deciding),)
    return ()


def _named(deciding: Publication) -> str:
    return f"those of {deciding.by}, published at {deciding.at}, decide now"


def _problem(code: str, path: str, message: str, deciding: Publication) -> Diagnostic:
    command = "decision-service rules publish --by NAME"
    hint = (
        f"publish them as new ones: {command}; where they decided before: "
        f"{command} --allow-rollback {deciding.name}"
    )
    return Diagnostic(
        code, Severity.ERROR, path, line=1, column=1, end=2, message=message, hint=hint
    )


def published_as(folder: RuleFolder) -> Publication | None:
    manifest = folder.manifest
    return None if manifest is None else publication(manifest.path, manifest.text)


def _decided(published: Publication) -> str:
    """The key of the mark; earlier versions stored the first manifest of equal rules there."""
    return f"{PUBLISHED}-{published.digest}"


async def keep(log: DecisionLog, folder: RuleFolder, now: datetime) -> Sequence[ListChange]:
    """Unless stored already; what it changes in lists is journalled with it, and returned."""
    last = await log.last_text(LAST_GOOD)
    texts, changes = await asyncio.to_thread(_texts_of_folder, folder, last, now)
    if texts:
        await log.put_texts(texts)
    return changes


async def last_good_folder(log: DecisionLog) -> RuleFolder | None:
    """The last good folder; None where none was stored in a form that can be read."""
    return await asyncio.to_thread(_folder, await log.last_text(LAST_GOOD))


def _texts_of_folder(
    folder: RuleFolder, last: StoredText | None, now: datetime
) -> tuple[Sequence[StoredText], Sequence[ListChange]]:
    """What is to be stored, and the changes of lists; on a thread, since lists may be large."""
    body = msgspec.json.encode(folder)
    if last is not None and last.body == body:
        return (), ()
    key = _key_of_folder(now, last)
    changes = list_changes(_folder(last), folder, now)
    texts = [StoredText(key, LAST_GOOD, body), *manifest_record(folder)]
    if changes is None:
        return texts, ()
    texts.append(StoredText(f"{KIND} {key}", KIND, msgspec.json.encode(changes)))
    return texts, changes.changes


def _folder(last: StoredText | None) -> RuleFolder | None:
    try:
        return None if last is None else _FOLDER_DECODER.decode(last.body)
    except msgspec.MsgspecError:
        return None


def _key_of_folder(now: datetime, last: StoredText | None) -> str:
    """A key that sorts after the last one, whatever the clock says, and names that one."""
    before = 0 if last is None else int(last.digest.split("-")[1])
    micros = max((now - _EPOCH) // timedelta(microseconds=1), before + 1)
    return f"{LAST_GOOD}-{micros:020d}-{before}"


async def keep_data(log: DecisionLog, folder: RuleFolder) -> RuleFolder:
    """The folder, in which versions keep the files of `_data` that the package brought before.

    A newer package may bring other files. What has decided keeps those it decided with, and what
    was loaded before keeps those it was loaded with: an upgrade changes no digest and nobody's
    decision. A version that is new to this store has the package's newest. Raises StoreUnavailable.
    """
    if not folder.shipped:
        return folder
    last = await last_good_folder(log)
    kept = {}
    for product in folder.products:
        for number, file in product.rulesets.items():
            name = version_name(product.product, number)
            data = await _data_decided_with(log, product.product, number)
            if data is None and last is not None:
                data = _data_loaded_with(last, product.product, number, text=file.text)
            if data is not None and data != folder.data:
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
    """The data of a version that the last good folder has in the same words."""
    for one in last.products:
        file = one.rulesets.get(version)
        if one.product == product and file is not None and file.text == text:
            return last.data_of(product, version)
    return None


ReadSigners = Callable[[], Signers]
"""The callers who may sign now."""


async def unacceptable(
    log: DecisionLog,
    folder: RuleFolder,
    rulebook: Rulebook,
    now: datetime,
    *,
    edits_used: bool,
    signers: ReadSigners | None = None,
) -> tuple[Diagnostic, ...]:
    """Problems of rules older than those that decide, or that change a version that has decided.

    The latter is allowed where `edits_used`, on made-up people. With `signers` two of them must
    have signed the publication.
    """
    last = await last_good_folder(log)
    unsigned = (
        ()
        if signers is None
        else unapproved(folder, rulebook, last, signers=signers(), today=now.date())
    )
    older = unsigned or await downgrades(log, folder, last)
    if older or edits_used:
        return older
    return await altered(log, folder, rulebook)


def unapproved(
    folder: RuleFolder,
    rulebook: Rulebook | None,
    last: RuleFolder | None,
    signers: Signers,
    today: date | None,
) -> tuple[Diagnostic, ...]:
    """A key withdrawn since ends none that decides; without `rulebook` no floor is looked at."""
    manifest = folder.manifest
    if manifest is None:
        return approval_problems(f"{folder.root}/{MANIFEST}", None, signers, today=today)
    decides = last is not None and last.manifest == manifest
    published = published_as(folder)
    found = approval_problems(manifest.path, published, signers, today=None if decides else today)
    if published is None:
        return found
    below = () if rulebook is None else floor_problems(manifest.path, published.tested, rulebook)
    return (*found, *evidence_problems(manifest.path, published, folder.evidence), *below)


def floor_problems(
    path: str, tested: Mapping[str, Measured], rulebook: Rulebook
) -> Iterator[Diagnostic]:
    """M016 for each version that may decide and whose tests are below the floor of the policy."""
    floors = msgspec.to_builtins(rulebook.policy.floors)
    for name in rulebook.deciding:
        found = msgspec.to_builtins(tested.get(name, Measured(0, 0)))
        for figure, floor in floors.items():
            if found[figure] < floor:
                message = (
                    f"{figure} of {name}: {found[figure]} %, less than the {floor} % of {POLICY}"
                )
                hint = "`decision-service rules test --figures` prints the cases that it lacks"
                yield Diagnostic(
                    "M016",
                    Severity.ERROR,
                    path,
                    line=1,
                    column=1,
                    end=2,
                    message=message,
                    hint=hint,
                )


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
    return tuple(problem for problem in report.diagnostics() if problem.code == _ALTERED)


async def _decided_otherwise(log: DecisionLog, ruleset: CompiledRuleset) -> str:
    mark = used_mark(ruleset)
    last = await log.last_text(mark.kind)
    if last is None or await log.text(mark.digest) is not None:
        return ""
    earlier = last.body.decode()
    text = await log.text(earlier)
    if text is not None and await asyncio.to_thread(_digest, text) == ruleset.digest:
        return ""
    return earlier


def _digest(text: StoredText) -> str:
    """The digest of a stored ruleset as it is computed now: newer code may compute another."""
    found = compile_ruleset(files_from_body(text.body), catalogue(), checks=()).ruleset
    return "" if found is None else found.digest
