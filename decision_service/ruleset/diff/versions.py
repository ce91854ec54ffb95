"""Compares two versions: whether they decide alike, and everything in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import FactorSpec
from decision_service.language.changes import ChangeKind, WrittenChange
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.nodes import MapNode, Scalar
from decision_service.language.yaml.parser import read
from decision_service.ruleset.compile.compiler import compile_ruleset
from decision_service.ruleset.diff import sections
from decision_service.ruleset.diff.stages import StageSide, stages
from decision_service.ruleset.diff.trees import NOTHING, same
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles
from decision_service.ruleset.reading.shared import names_of, with_shared

_NAMES = ("ruleset", "version", "title")
_BEFORE_STAGES = (
    sections.header,
    sections.data,
    sections.inputs,
    sections.params,
    sections.derived,
    sections.reasons,
    sections.tags,
)
_AFTER_STAGES = (
    sections.offer,
    sections.conditions,
    sections.post_checks,
    sections.validity,
    sections.recourse,
)


class RulesetDiff(msgspec.Struct, frozen=True):
    """`identical`: the digests are equal, so that only limits of parameters may differ.

    `alike`: only product, number or title differ.
    """

    identical: bool
    alike: bool
    changes: tuple[WrittenChange, ...]


def compare(
    before: RulesetFiles, after: RulesetFiles, catalogue: Mapping[str, FactorSpec]
) -> RulesetDiff:
    """Two versions that compile; digests decide whether they are the same, not their texts."""
    old, new = _compiled(before, catalogue), _compiled(after, catalogue)
    if old.digest == new.digest:
        limits = tuple(sections.limits(_side(before, old).root, _side(after, new).root))
        return RulesetDiff(identical=True, alike=True, changes=limits)
    changes = tuple(_changes(_side(before, old), _side(after, new)))
    renamed = compile_ruleset(_named_like(before, after), catalogue).ruleset
    if renamed is not None and renamed.digest == old.digest:
        named = tuple(c for c in changes if c.group == sections.ABOUT)
        return RulesetDiff(identical=False, alike=True, changes=named)
    if all(c.group == sections.ABOUT and c.subject in _NAMES for c in changes):
        changes = (*changes, _UNNAMED)
    return RulesetDiff(identical=False, alike=False, changes=changes)


_UNNAMED = WrittenChange(
    "other",
    "the digests",
    ChangeKind.CHANGED,
    "differ for a reason that this comparison cannot name",
)


def _compiled(files: RulesetFiles, catalogue: Mapping[str, FactorSpec]) -> CompiledRuleset:
    found = compile_ruleset(files, catalogue).ruleset
    if found is None:
        raise ValueError(f"{files.path} does not compile: check it first")
    return found


def _side(files: RulesetFiles, ruleset: CompiledRuleset) -> StageSide:
    """A version's tree, with what it uses of shared files."""
    root = read(files.path, files.text, Report())
    root = root and with_shared(root, files, Report(), names_of(ruleset))
    return StageSide(root if isinstance(root, MapNode) else NOTHING, files)


def _root(files: RulesetFiles) -> MapNode:
    root = read(files.path, files.text, Report())
    return root if isinstance(root, MapNode) else NOTHING


def _changes(before: StageSide, after: StageSide) -> Iterator[WrittenChange]:
    for section in _BEFORE_STAGES:
        yield from section(before.root, after.root)
    yield from stages(before, after)
    for section in _AFTER_STAGES:
        yield from section(before.root, after.root)
    yield from _shared_data(before.files, after.files)


def _shared_data(before: RulesetFiles, after: RulesetFiles) -> Iterator[WrittenChange]:
    for name in sorted({*before.data, *after.data}):
        old, new = (_tree(name, files) for files in (before, after))
        if old is None or new is None or not same(old, new):
            yield WrittenChange("shared data", f"_data/{name}", ChangeKind.CHANGED, "differs")


def _tree(name: str, files: RulesetFiles) -> MapNode | None:
    text = files.data.get(name)
    node = None if text is None else read(name, text, Report())
    return node if isinstance(node, MapNode) else None


def _named_like(before: RulesetFiles, after: RulesetFiles) -> RulesetFiles:
    """The newer files with the older product, number and title, to compare the rest by digest."""
    old, new = _root(before), _root(after)
    lines = after.text.removeprefix("\ufeff").splitlines(keepends=True)
    for key in _NAMES:
        given, wanted = new.get(key), old.get(key)
        if isinstance(given, Scalar) and isinstance(wanted, Scalar) and given.verbatim:
            place = given.place
            line = lines[place.line - 1]
            text = wanted.text if given.plain and wanted.plain else _within_quotes(wanted.text)
            lines[place.line - 1] = line[: place.column - 1] + text + line[place.end - 1 :]
    folder = PurePosixPath(after.path).parent
    path = str(folder / PurePosixPath(before.path).name)
    return replace(after, product=before.product, path=path, text="".join(lines))


def _within_quotes(text: str) -> str:
    return text.replace('"', "").replace("'", "''")
