"""A rules folder, or a selected part of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from decision_service.cli.errors import CommandError, Exit
from decision_service.config import load
from decision_service.language.diagnostics import Diagnostic, Severity, count, render
from decision_service.pipeline.rules.checks.blocked import blocked_names
from decision_service.pipeline.rules.folder import RuleFolder
from decision_service.pipeline.rules.loading import LoadResult, load_rules
from decision_service.pipeline.rules.publishing.manifest import manifest_problems
from decision_service.storage.rules_folder.files import RulesFolderMissing, read_rules

PathArgument = Annotated[
    Path, typer.Argument(metavar="PATH", help="the rules folder, one product's folder, or one file")
]
DEFAULT_PATH = Path("rules")
_NAME_ONE = (
    "name the rules folder, a product's folder or one of its files, or begin a folder with "
    "`decision-service init FOLDER`"
)
_WITHIN = ("tests", "tables", "lists", "stories", "_data", "_shared")


@dataclass(frozen=True, slots=True)
class RulesSelection:
    """A rules folder, and the selected part (by the paths that messages show)."""

    folder: RuleFolder
    root: Path
    part: str = ""

    def has(self, path: str) -> bool:
        """Whether a file belongs to the part."""
        return not self.part or path == self.part or path.startswith(self.part + "/")

    @property
    def files(self) -> int:
        """How many files the part has."""
        name = shown_name(self.root)
        own = self.folder.contents.keys() - {f"_data/{file}" for file in self.folder.shipped}
        return sum(self.has(f"{name}/{path}") for path in own)


def select_rules(path: Path) -> RulesSelection:
    """The rules folder that a path lies in; raises CommandError where it holds nothing of one."""
    selection = find_rules(path)
    broken = any(selection.has(file.path) for file in selection.folder.unreadable)
    if not selection.files and not broken:
        raise CommandError(f"{path} holds nothing of a rules folder: {_NAME_ONE}", Exit.USAGE)
    return selection


def find_rules(path: Path) -> RulesSelection:
    """The folder that a path lies in, whatever it holds; raises CommandError for none."""
    resolved = path.resolve()
    root = _root_of(resolved)
    shown = path if root == resolved else _above(path, resolved, root)
    try:
        folder = read_rules(shown)
    except RulesFolderMissing as error:
        raise CommandError(
            f"{path} cannot be opened ({error.reason}): {_NAME_ONE}", Exit.USAGE
        ) from None
    part = resolved.relative_to(root).as_posix()
    return RulesSelection(folder, shown, "" if part == "." else f"{shown_name(shown)}/{part}")


def loaded(selection: RulesSelection) -> LoadResult:
    """The folder's rules, published or not; raises CommandError with every error in them."""
    loading = load_rules(unpublished(selection.folder), datetime.now(UTC), blocked_names(load()))
    if loading.rulebook is None:
        raise CommandError(
            f"{count(loading.errors)}: mend them first",
            Exit.FINDINGS,
            tuple(render(diagnostic) for diagnostic in loading.errors),
        )
    return loading


def unpublished(folder: RuleFolder) -> RuleFolder:
    """The folder as its author works on it: what was published last does not bind it."""
    return replace(folder, manifest=None)


def publication(folder: RuleFolder) -> tuple[Diagnostic, ...]:
    """What is not as it was published: a warning to an author, an error to a service."""
    manifest = folder.manifest
    if manifest is None:
        return ()
    found = manifest_problems(manifest.path, manifest.text, folder.contents)
    return tuple(replace(problem, severity=Severity.WARNING) for problem in found)


def _root_of(path: Path) -> Path:
    """The folder of products above a file, a product or a folder within one."""
    folder = path.parent if path.is_file() else path
    while folder.name in _WITHIN:
        folder = folder.parent
    return folder.parent if _is_product(folder) else folder


def _is_product(path: Path) -> bool:
    return path.is_dir() and any(path.glob("v*.yaml"))


def _above(path: Path, resolved: Path, root: Path) -> Path:
    """The root as the user would write it: as many steps above the given path."""
    steps = len(resolved.relative_to(root).parts)
    above = path
    for _ in range(steps):
        above = above.parent if above.name not in ("", "..") else above / ".."
    return above


def shown_name(root: Path) -> str:
    """The root as messages show it."""
    return root.as_posix() if root.parts and not root.is_absolute() else root.resolve().name
