"""What changed rules loosen, compared with those that decide now: each is named, to be accepted.

A version that may decide is compared with the version that it replaces, whatever its number, and a
product with the one whose place it takes, whatever its name. So a copy that lacks a guarantee is
asked about as the guarantee's deletion is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import PurePosixPath

import msgspec
from msgspec.structs import replace

from decision_service.rulebook.acceptance import list_changes
from decision_service.rulebook.changes import (
    ChangeKind,
    Direction,
    Leaf,
    Part,
    WrittenChange,
    compare_parts,
)
from decision_service.rulebook.differences import (
    as_map,
    entries_of,
    items_by,
    leaf,
    single,
    values_of,
    whole_root,
)
from decision_service.rulebook.folder import ProductTexts, RuleFolder, files_of
from decision_service.rulebook.laws import law_problems
from decision_service.rulebook.plan_differences import compare_plans, file_of
from decision_service.rulebook.rulebook import MOST_PERCENT, POLICY, Rulebook
from decision_service.rules.construct import SEGMENT
from decision_service.rules.keys import MAX_AGE
from decision_service.rules.language.diagnostics import Place, Report, Severity
from decision_service.rules.language.fields import as_duration
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode, read
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.rules.tests_file import case_target

_APART = re.compile(r"_shared/.*|[^/]+/((rollout|desk|v\d+)\.yaml|(tables|lists|tests)/.*)")
"""Files that are compared as what they mean: versions, their tests, plans and lists."""

# Of a version, what no case of given factor values can notice: what is read, asked and promised.
_PROMISES = ("time_zone", "currency", MAX_AGE, "valid_for", "recourse")
_NAMED_PROMISES = ("inputs", "reasons", "tags")

_LIMITS = ("min", "max", "unit")
_BOUNDS = {"min": Direction.TIGHTENS, "max": Direction.LOOSENS}
"""What a greater bound of an input or a parameter does."""

_HEADER_OF_TESTS = ("ruleset", "version")
_ADMITTING = re.compile(r"\bnot in lists\.(\w+)")
_COUNSEL = "checked_by_counsel"
_LONGEST = 100
_ASKED_OF_PLANS = frozenset({"go-live", "challenger", "guardrails", "caps", "review"})
"""Groups of a plan of which each change is asked about whose effect its text does not show."""

_SHORT = {
    ChangeKind.ADDED: ("is new", Direction.TIGHTENS),
    ChangeKind.REMOVED: ("is gone", Direction.LOOSENS),
    ChangeKind.CHANGED: ("differs", Direction.CHANGES),
}


class RulesState(msgspec.Struct, frozen=True):
    """A folder and the rulebook that it loads as."""

    folder: RuleFolder
    rulebook: Rulebook

    def texts(self, product: str) -> ProductTexts:
        """A product's files; raises StopIteration for a product that the folder lacks."""
        return next(one for one in self.folder.products if one.product == product)

    def files(self, version: CompiledRuleset) -> RulesetFiles:
        """The files that a version is made of."""
        return files_of(self.folder, self.texts(version.ruleset), version.version)


class Replacement(msgspec.Struct, frozen=True):
    """A version that may decide, or is changed, beside the one whose place it takes."""

    after: CompiledRuleset
    before: CompiledRuleset

    @property
    def path(self) -> str:
        """The version's file within the rules folder."""
        return f"{self.after.ruleset}/v{self.after.version}.yaml"


def replaced_products(old: Rulebook, new: Rulebook) -> Mapping[str, str]:
    """For each product that comes while another goes, the one whose place it takes.

    Of several that go it is the one with the most rules in common, and the first by name.
    """
    gone = sorted(old.products.keys() - new.products.keys())
    if not gone:
        return {}
    found = {}
    for name in sorted(new.products.keys() - old.products.keys()):
        known = new.products[name].champion.places.keys()
        common = {one: len(known & old.products[one].champion.places.keys()) for one in gone}
        found[name] = max(gone, key=common.__getitem__)
    return found


def replacements(old: Rulebook, new: Rulebook) -> Iterator[Replacement]:
    """Each version that may decide with the one that it replaces, then each that was edited.

    A champion and a challenger decide in place of the champion that decides now, and so a shadow
    would. A version that decided in the same role before is compared with itself.
    """
    renamed = replaced_products(old, new)
    for name, product in new.products.items():
        was = old.products.get(renamed.get(name, name))
        if was is None:
            continue
        for number, ruleset in sorted(product.versions.items()):
            role = product.roles.get(number)
            same = was.versions.get(number)
            # Whoever takes another's place is measured by it, also where the number was there
            # before.
            if role and (same is None or was.roles.get(number) != role):
                yield Replacement(ruleset, was.champion)
            elif same is not None:
                yield Replacement(ruleset, same)


def guard_changes(before: RulesState, after: RulesState) -> Iterator[WrittenChange]:
    """What differs in what guards rules; the group is the newer file by its path in the folder."""
    for one in replacements(before.rulebook, after.rulebook):
        old = _guards(before, one.before, one)
        new = _guards(after, one.after, one)
        yield from _said(compare_parts(old, new))
        yield from _said(_tests_compared(before, after, one))
    yield from _files_compared(before, after)


def _said(changes: Iterable[WrittenChange]) -> Iterator[WrittenChange]:
    for change in changes:
        words, direction = _SHORT[change.sort]
        if change.direction is not Direction.CHANGES:
            direction = change.direction
        # What was there is in the files: the name of it is what is accepted
        if change.sort is ChangeKind.CHANGED and len(change.words) <= _LONGEST:
            words = change.words
        yield replace(change, words=words, direction=direction)


def _guards(state: RulesState, version: CompiledRuleset, one: Replacement) -> Iterator[Part]:
    """The parts of a version that guard it, in the group of the newer one's file."""
    root = whole_root(state.files(version), version)
    for key in _PROMISES:
        if (node := root.get(key)) is not None:
            grows = {"": Direction.LOOSENS} if key in (MAX_AGE, "valid_for") else {}
            yield replace(single(one.path, key, node), values={"": _sized(node)}, grows=grows)
    for key in _NAMED_PROMISES:
        for name, node in entries_of(root.get(key)):
            yield _named_part(one.path, f"{key.removesuffix('s')} {name}", node)
    for name, node in items_by(root.get("guarantees"), "name").items():
        yield single(one.path, f"guarantee {name}", node)
    for name, node in items_by(root.get("conditions"), "id").items():
        yield _named_part(one.path, f"condition {name}", node)
    for name, node in entries_of(root.get("params")):
        values = {key: _sized(value) for key, value in entries_of(node) if key in _LIMITS}
        yield Part(one.path, f"limits of params.{name}", values, grows=_BOUNDS)
    yield from _stage_guards(one.path, root)


def _stage_guards(group: str, root: MapNode) -> Iterator[Part]:
    """The segment of each stage, and what each rule does where its data is missing."""
    for stage_name, stage in items_by(root.get("stages"), "name").items():
        if (segment := stage.get(SEGMENT)) is not None:
            part = single(group, f"segment of stage {stage_name}", segment, expression=True)
            yield replace(part, new=Direction.TIGHTENS)
        rules = stage.get("rules")
        for rule in rules.items if isinstance(rules, ListNode) else ():
            if isinstance(rule, MapNode) and isinstance(name := rule.get("id"), Scalar):
                # Unwritten it is REFER: to write that out is no change.
                missing = rule.get("when_missing") or Scalar("REFER", plain=True, place=name.place)
                yield single(group, f"when_missing of {name.text}", missing)


def _named_part(group: str, subject: str, node: YamlNode) -> Part:
    """An input, a reason, a tag or a condition, by the keys that say what it is."""
    values = values_of(as_map(node), "id")
    sized = {key: _sized(value) for key, value in entries_of(node) if key in _BOUNDS}
    return Part(group, subject, values | sized, grows=_BOUNDS)


def _sized(node: YamlNode) -> Leaf:
    """A length of time in seconds, so that more and less can be told; else as it is written."""
    found = leaf(node)
    length = as_duration(node, "a length", Report())
    return found if length is None else Leaf(found.text, int(length.total_seconds()))


def _tests_compared(
    before: RulesState, after: RulesState, one: Replacement
) -> Iterator[WrittenChange]:
    """The cases of the version and of the one it replaces, whatever their files are called."""
    old = _tests(before, one.before)
    new = _tests(after, one.after)
    path = next(iter(new), "") or f"{one.after.ruleset}/tests/v{one.after.version}.yaml"
    if old and not new:
        words, direction = _SHORT[ChangeKind.REMOVED]
        count = sum(len(parts) for parts in old.values())
        words = f"{words}, with {count} parts"
        yield WrittenChange(path, "the file", ChangeKind.REMOVED, words=words, direction=direction)
        return
    yield from compare_parts(_as_parts(path, old), _as_parts(path, new))


def _tests(state: RulesState, version: CompiledRuleset) -> dict[str, Mapping[str, YamlNode]]:
    """The parts of each file of tests of a version, by its path in the folder."""
    product = state.texts(version.ruleset)
    champion = state.rulebook.products[version.ruleset].champion.version
    found: dict[str, Mapping[str, YamlNode]] = {}
    for file in product.tests:
        target = case_target(file.path, file.text)
        # A file that names no version is about the champion
        about = champion if target is None else target.version
        if about == version.version:
            parts = {
                name: node
                for name, node in _parts(file.path, file.text).items()
                if name not in _HEADER_OF_TESTS
            }
            found[f"{product.product}{file.path.removeprefix(product.path)}"] = parts
    return found


def _as_parts(group: str, files: Mapping[str, Mapping[str, YamlNode]]) -> Iterator[Part]:
    for parts in files.values():
        for name, node in parts.items():
            yield single(group, name, node)


def _files_compared(before: RulesState, after: RulesState) -> Iterator[WrittenChange]:
    """Letters, stories, `_data`, laws and the policy: file by file."""
    # A product under a new name is compared with what it was, and not taken for a new one.
    renamed = replaced_products(before.rulebook, after.rulebook)
    old = _other_files(before.folder, {gone: name for name, gone in renamed.items()})
    new = _other_files(after.folder, {})
    for path in sorted({*old, *new}):
        if old.get(path) == new.get(path):
            continue
        first = _parts(path, old.get(path))
        second = _parts(path, new.get(path))
        # Without a policy everything is asked for, so that one that comes or goes has floors to
        # compare.
        if path != POLICY and (path not in old or path not in new):
            sort = ChangeKind.REMOVED if path in old else ChangeKind.ADDED
            words, direction = _SHORT[sort]
            words = f"{words}, with {len(first) or len(second)} parts"
            yield WrittenChange(path, "the file", sort, words=words, direction=direction)
            continue
        changes = compare_parts(
            [single(path, name, node) for name, node in first.items()],
            [single(path, name, node) for name, node in second.items()],
        )
        for change in _said(changes):
            direction = change.direction
            if path == POLICY:
                direction = _of_policy(change)
            elif change.subject == _COUNSEL:
                direction = Direction.TIGHTENS if change.after == "yes" else Direction.LOOSENS
            yield replace(change, direction=direction)


def _other_files(folder: RuleFolder, renamed: Mapping[str, str]) -> dict[str, str]:
    """The files that are compared by their paths; those of a renamed product under its new name."""
    found = {}
    laws = {f"_law/{file.path.rpartition('/')[2]}": file.text for file in folder.laws}
    for path, text in chain(folder.contents.items(), laws.items()):
        product, slash, rest = path.partition("/")
        name = f"{renamed.get(product, product)}{slash}{rest}"
        if not _APART.fullmatch(name):
            found[name] = text
    return found


def _of_policy(change: WrittenChange) -> Direction:
    """A floor that is lower loosens, and so does what is accepted."""
    if change.subject == "accept" and change.before and change.after:
        return Direction.CHANGES
    old = _floor(change.before)
    new = _floor(change.after)
    return Direction.TIGHTENS if new > old else Direction.LOOSENS


def _floor(side: str) -> int:
    # A floor that is not written is the whole.
    shown = side or str(MOST_PERCENT)
    return int(shown) if shown.isdecimal() else 0


def loosenings(before: RulesState, after: RulesState) -> Iterator[WrittenChange]:
    """What is to be accepted by name: guards that are gone or altered, and looser plans.

    The name of one is its group and subject, `personal-loan-ph/v2.yaml: guarantee of age`.
    """
    return loosenings_among(guard_changes(before, after), before, after)


def loosenings_among(
    guards: Iterable[WrittenChange], before: RulesState, after: RulesState
) -> Iterator[WrittenChange]:
    """The same where the `guard_changes` of the two are known already."""
    yield from _products_gone(before.rulebook, after.rulebook)
    for change in guards:
        if change.direction is not Direction.TIGHTENS:
            yield change
    admitting = _admitting_lists(after.folder)
    for one in list_changes(before.folder, after.folder):
        # Fewer keys let more through where a rule stops those on the list, more keys where it stops
        # the others.
        is_wider = one.added and PurePosixPath(one.path).stem in admitting
        if one.before and (one.removed or not one.added or is_wider):
            yield WrittenChange(one.path, "the list", ChangeKind.CHANGED, words=one.words)
    yield from _plans_loosened(before.rulebook, after.rulebook)
    yield from _against_laws(before.rulebook, after.rulebook)


def _admitting_lists(folder: RuleFolder) -> frozenset[str]:
    """The lists whose keys are let through: a rule stops whoever is not on them."""
    texts = [*folder.shared_files.values()]
    for product in folder.products:
        texts += [file.text for file in product.rulesets.values()]
    found: set[str] = set()
    for text in texts:
        found.update(_ADMITTING.findall(text))
    return frozenset(found)


def _products_gone(old: Rulebook, new: Rulebook) -> Iterator[WrittenChange]:
    """A product that is gone, and the one that takes its place if one comes."""
    place = {gone: name for name, gone in replaced_products(old, new).items()}
    for name in sorted(old.products.keys() - new.products.keys()):
        words = f"is gone, and {place[name]} comes" if name in place else "is gone"
        yield WrittenChange(
            name, "the product", ChangeKind.REMOVED, words=words, direction=Direction.LOOSENS
        )


def _plans_loosened(old: Rulebook, new: Rulebook) -> Iterator[WrittenChange]:
    renamed = replaced_products(old, new)
    for name, product in new.products.items():
        was = old.products.get(renamed.get(name, name))
        for change in () if was is None else compare_plans(was.plan, product.plan):
            if _asked_of_plan(change):
                yield replace(change, group=f"{name}/{file_of(change)}")


def _asked_of_plan(change: WrittenChange) -> bool:
    if change.direction is Direction.CHANGES:
        return change.group in _ASKED_OF_PLANS and change.sort is not ChangeKind.ADDED
    return change.direction is Direction.LOOSENS


def _against_laws(old: Rulebook, new: Rulebook) -> Iterator[WrittenChange]:
    """Versions that may decide and do not say, or do not prove, what a law asks of a price."""
    for version in new.deciding.values():
        for found in law_problems(new.laws, [version], old.digests):
            if found.severity is Severity.ERROR:
                path = f"{version.ruleset}/v{version.version}.yaml"
                words = f"{found.message} ({found.code})"
                yield WrittenChange(
                    path, "the law", ChangeKind.CHANGED, words=words, direction=Direction.LOOSENS
                )


def name_of(change: WrittenChange) -> str:
    """The name by which a change is accepted."""
    return f"{change.group}: {change.subject}"


def unaccepted(found: Iterable[WrittenChange], accepted: Collection[str]) -> list[str]:
    """A sentence for each change that neither its name nor that of its file accepts."""
    return [
        f"{name_of(one)} {one.words} ({one.direction})"
        for one in found
        if not {one.group, name_of(one)} & {*accepted}
    ]


def _parts(path: str, text: str | None) -> Mapping[str, YamlNode]:
    """The parts of a file by name: items of a list that have one, keys of a map, else the whole."""
    if text is None:
        return {}
    root = read(path, text, Report()) if path.endswith((".yaml", ".yml")) else None
    if not isinstance(root, MapNode):
        return {"the file": Scalar(text, plain=False, place=Place(path, 1, 1, end=2))}
    found: dict[str, YamlNode] = {}
    for entry in root.entries:
        key = entry.key
        node = entry.value
        named = items_by(node, "name")
        if isinstance(node, ListNode) and len(named) == len(node.items):
            found |= {f"{key.removesuffix('s')} {name}": one for name, one in named.items()}
        elif isinstance(node, MapNode):
            found |= {f"{key} {inner.key}": inner.value for inner in node.entries}
        else:
            found[key] = node
    return found
