"""`uses:`: reasons and parameters of `_shared/*.yaml`, read as if they stood in the rule file.

The sections are joined before anything reads them, so that every reader sees one map, and each
entry keeps its place in the file where it was written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from msgspec.structs import replace

from decision_service.language.diagnostics import Place, Report, did_you_mean
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import ListNode, MapEntry, MapNode, YamlNode
from decision_service.language.yaml.parser import read
from decision_service.language.yaml.readers import as_list, as_text
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles
from decision_service.ruleset.reading.draft import RulesetDraft

USES = "uses"
SECTIONS = ("params", "reasons")


def with_shared(
    node: YamlNode, files: RulesetFiles, report: Report, kept: Collection[str] | None = None
) -> YamlNode:
    """A rule file's tree with the entries of the shared files that it uses, after its own.

    With `kept` (`params.x`, `reasons.X`) those of its entries alone. Faults are reported.
    """
    uses = node.get(USES) if isinstance(node, MapNode) else None
    if uses is None or not isinstance(node, MapNode):
        return node
    for section in [each for path in _used(uses, files, report) for each in path]:
        node = _joined(node, section, uses.place, report, kept)
    return node


def names_of(ruleset: CompiledRuleset | RulesetDraft) -> frozenset[str]:
    """The parameters and reasons of a version, as `kept` takes them."""
    params, reasons = (
        {f"{section}.{name}" for name in names}
        for section, names in zip(SECTIONS, (ruleset.params, ruleset.reasons), strict=True)
    )
    return frozenset(params | reasons)


def shared_sections(path: str, text: str, report: Report) -> tuple[MapEntry, ...]:
    """The sections of a shared file that are maps; `path` is as messages show it."""
    node = read(path, text, report)
    what = f"`{PurePosixPath(path).name}`"
    fields = node and Fields.of(node, what, report, optional=SECTIONS)
    entries = fields.node.entries if fields else ()
    found = [entry for entry in entries if entry.key in SECTIONS]
    return tuple(entry for entry in found if fields and fields.map(entry.key) is not None)


def shared_names(path: str, text: str, report: Report) -> Iterator[tuple[str, Place]]:
    """What a shared file declares (`params.x`), with its places."""
    for section in shared_sections(path, text, report):
        if isinstance(section.value, MapNode):
            for entry in section.value.entries:
                yield f"{section.key}.{entry.key}", entry.key_place


def _used(uses: YamlNode, files: RulesetFiles, report: Report) -> Iterator[tuple[MapEntry, ...]]:
    seen: set[str] = set()
    items = as_list(uses, f"`{USES}`", report)
    if isinstance(uses, ListNode) and not uses.items:
        report.error("R123", uses.place, f"`{USES}` is empty", "name a file of `_shared`")
    for item in items or ():
        name = as_text(item, "a shared file", report)
        if name is None:
            continue
        if name in seen:
            report.error("R124", item.place, f"`{name}` is used twice", "write it once")
        elif name in files.unreadable:
            continue  # its own fault is told
        elif name not in files.shared:
            hint = did_you_mean(name, files.shared) or "as in `uses: [_shared/reasons.yaml]`"
            report.error("R139", item.place, f"there is no shared file `{name}`", hint)
        else:
            root = PurePosixPath(files.path).parent.parent
            yield shared_sections(str(root / name), files.shared[name], report)
        seen.add(name)


def _joined(
    node: MapNode, section: MapEntry, place: Place, report: Report, kept: Collection[str] | None
) -> MapNode:
    """The tree with a section's entries; an entry that is declared already is reported."""
    own = node.get(section.key)
    if own is None:
        own = MapNode((), place)
        node = replace(node, entries=(*node.entries, MapEntry(section.key, place, own)))
    if not isinstance(own, MapNode) or not isinstance(section.value, MapNode):
        return node
    added: list[MapEntry] = []
    for entry in section.value.entries:
        if own.get(entry.key) is not None:
            _collision(own, section.key, entry, report)
        elif kept is None or f"{section.key}.{entry.key}" in kept:
            added.append(entry)
    whole = replace(own, entries=(*own.entries, *added))
    entries = (replace(e, value=whole) if e.key == section.key else e for e in node.entries)
    return replace(node, entries=tuple(entries))


def _collision(own: MapNode, section: str, entry: MapEntry, report: Report) -> None:
    what = section.removesuffix("s").replace("param", "parameter")
    other = entry.key_place
    message = f"the {what} `{entry.key}` stands in {other.file}, line {other.line}, too"
    report.error("R128", own.key_place(entry.key), message, "rename one of them, or remove it")
