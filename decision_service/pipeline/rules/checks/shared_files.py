"""What is wrong with files that no single version owns: lists of keys, and shared files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

import msgspec

from decision_service.language.diagnostics import Diagnostic, Place, Report
from decision_service.ruleset.compile.compiler import Compilation
from decision_service.ruleset.reading.lists import list_name, read_list
from decision_service.ruleset.reading.shared import shared_names

NOTHING_LISTED = "R516"
Asked = Collection[str] | None
"""The names of the lists that rules ask; None where not all rules could be read."""


class ListFiles(msgspec.Struct, frozen=True):
    """The list files of one product, or of all (`owner` is empty), by path below `path`."""

    owner: str
    path: str
    texts: Mapping[str, str]
    asked: Asked


def list_problems(
    shared: ListFiles, products: Iterable[ListFiles], today: date
) -> tuple[Diagnostic, ...]:
    """Everything wrong with lists; warnings for those that no rule asks, or that list nothing."""
    report = Report()
    _check(shared, report, today)
    for product in products:
        _check(product, report, today)
        for path in product.texts:
            if f"_shared/{path}" in shared.texts:
                message = f"`{shared.path}/_shared/{path}` has the same name"
                place = Place(f"{product.path}/{path}", 1, 1, 2)
                report.error("R124", place, message, "rename one of them")
    return report.diagnostics()


def shared_problems(
    root: str, files: Mapping[str, str], versions: Collection[Compilation]
) -> tuple[Diagnostic, ...]:
    """Faults of form, and R512 (a warning) for each entry that no version uses.

    Nothing is unused while a version does not compile. `root` is the rules folder as messages show
    it.
    """
    report = Report()
    whole = all(version.ruleset is not None for version in versions)
    used = frozenset().union(*(version.shared for version in versions))
    for path, text in sorted(files.items()):
        for name, place in shared_names(f"{root}/{path}", text, report):
            if whole and (place.file, name) not in used:
                message = f"no version uses `{name}` of this file"
                hint = "use it in a version whose `uses` names the file, or remove it"
                report.warning("R512", place, message, hint)
    return report.diagnostics()


def _check(files: ListFiles, report: Report, today: date) -> None:
    for path, text in sorted(files.texts.items()):
        shown = f"{files.path}/{path}"
        found = read_list(shown, text, report)
        name, place = list_name(path), Place(shown, 1, 1, 2)
        if name is None:
            hint = "use small letters, digits and `_`: blocked_employers.csv"
            report.error("R125", place, f"`{path.rpartition('/')[2]}` is no name of a list", hint)
        elif files.asked is not None and name not in files.asked:
            who = f"version of {files.owner}" if files.owner else "product"
            hint = f"ask it in a rule, `inputs.NAME in lists.{name}`, or remove it"
            report.warning("R514", place, f"no {who} asks this list", hint)
        if found is not None and all(last and last < today for last in found.keys.values()):
            last = max(filter(None, found.keys.values()), default=None)
            why = f"its last key ended on {last}" if last else "it is empty"
            hint = "add a key, or take the list out of the rules that ask it"
            report.warning(NOTHING_LISTED, place, f"nothing is on the list `{name}`: {why}", hint)
