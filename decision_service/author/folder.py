"""The rules that a command names: a folder or a part of one, a version, a git revision."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from msgspec.structs import replace

from decision_service.author.constants import NamedVersion
from decision_service.cli.output import CommandError, Exit, read_text
from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import RuleFolder, RulesFolderMissing, files_of, read_rules
from decision_service.rulebook.load import LoadResult, blocked_names, load_rules
from decision_service.rulebook.loosenings import RulesState
from decision_service.rulebook.manifest import manifest_problems
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import Diagnostic, Severity, count, render
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.rules.tests_file import case_target
from decision_service.runtime.config import load

PathArgument = Annotated[
    Path, typer.Argument(metavar="PATH", help="the rules folder, one product's folder, or one file")
]
DEFAULT_PATH = Path("rules")
_NAME_ONE = (
    "name the rules folder, a product's folder or one of its files, or begin a folder with "
    "`decision-service init FOLDER`"
)

_WITHIN = ("tests", "tables", "lists", "stories", "_data", "_law", "_shared")
RulesOption = Annotated[
    Path, typer.Option("--rules", help="the rules folder that product@version looks in")
]
_NO_RULES = ("rollout.yaml", "desk.yaml")
_NAMED = re.compile(r"(?P<product>[a-z0-9-]+)@v?(?P<version>[0-9]{1,6})")
_FORM = "name a file such as rules/personal-loan-ph/v1.yaml, or personal-loan-ph@1"
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class RulesSelection:
    folder: RuleFolder
    root: Path
    part: str = ""

    def has(self, path: str) -> bool:
        return not self.part or path == self.part or path.startswith(self.part + "/")

    @property
    def files(self) -> int:
        name = shown_name(self.root)
        own = self.folder.contents.keys() - {f"_data/{file}" for file in self.folder.shipped}
        paths = [f"{name}/{path}" for path in own]
        # Laws are no part of the rules: they count where they are what was asked about
        paths += [law.path for law in self.folder.laws if f"{name}/_law" in self.part]
        return sum(self.has(path) for path in paths)


def select_rules(path: Path) -> RulesSelection:
    selection = find_rules(path)
    broken = any(selection.has(file.path) for file in selection.folder.unreadable)
    if not selection.files and not broken:
        raise CommandError(f"{path} holds nothing of a rules folder: {_NAME_ONE}")
    return selection


def find_rules(path: Path) -> RulesSelection:
    """The folder that a path lies in, whatever it holds; raises CommandError for none."""
    resolved = path.resolve()
    root = _root_of(resolved)
    shown = path if root == resolved else _above(path, resolved, root)
    try:
        folder = read_rules(shown)
    except RulesFolderMissing as error:
        raise CommandError(f"{path} cannot be opened ({error.reason}): {_NAME_ONE}") from None
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
    folder = path.parent if path.is_file() else path
    while folder.name in _WITHIN:
        folder = folder.parent
    is_product = folder.is_dir() and any(folder.glob("v*.yaml"))
    return folder.parent if is_product else folder


def _above(path: Path, resolved: Path, root: Path) -> Path:
    above = path
    for _ in resolved.relative_to(root).parts:
        above = above.parent if above.name not in ("", "..") else above / ".."
    return above


def shown_name(root: Path) -> str:
    return root.as_posix() if root.parts and not root.is_absolute() else root.resolve().name


def names_version(word: str) -> bool:
    """Whether a word is meant as a version; else it names a folder, a plan or a revision."""
    path = Path(word)
    file = path.is_file() or path.suffix == ".yaml"
    return _NAMED.fullmatch(word) is not None or (file and path.name not in _NO_RULES)


def find_version(word: str, rules: Path = DEFAULT_PATH) -> NamedVersion:
    """The version that a word names; raises CommandError for none, or with every error in it."""
    files = _files(word, rules)
    compilation = compile_ruleset(files, catalogue())
    if compilation.ruleset is None:
        errors = [d for d in compilation.diagnostics if d.severity is Severity.ERROR]
        raise CommandError(
            f"{files.path} does not compile ({count(errors)}): mend it first",
            Exit.FINDINGS,
            tuple(render(d) for d in errors),
        )
    return NamedVersion(files, compilation.ruleset)


def _files(word: str, rules: Path) -> RulesetFiles:
    if Path(word).is_file():
        return _of_file(Path(word))
    named = _NAMED.fullmatch(word)
    if named is None:
        raise CommandError(f"there is no file {word}: {_FORM}")
    folder = select_rules(rules).folder
    product = named["product"]
    version = int(named["version"])
    found = next((p for p in folder.products if p.product == product), None)
    if found is None:
        known = ", ".join(p.product for p in folder.products) or "none"
        raise CommandError(f"{rules} has no product {product}: the products are {known}")
    if version not in found.rulesets:
        known = ", ".join(f"v{number}" for number in sorted(found.rulesets)) or "none"
        raise CommandError(f"{product} has no version {version}: the versions are {known}")
    return files_of(folder, found, version)


def _of_file(path: Path) -> RulesetFiles:
    selection = find_rules(path)
    for product in selection.folder.products:
        for version, file in product.rulesets.items():
            if file.path == selection.part:
                files = files_of(selection.folder, product, version)
                return files if product.plan is not None else _astray(files)
    data = selection.folder.data
    return _astray(RulesetFiles("", str(path), read_text(path, _FORM), data=data))


def _astray(files: RulesetFiles) -> RulesetFiles:
    target = case_target(files.path, files.text)
    return replace(files, product=target.ruleset) if target is not None else files


@dataclass(frozen=True, slots=True)
class LoadedRules:
    selection: RulesSelection
    loading: LoadResult

    @classmethod
    def read(cls, path: Path) -> LoadedRules:
        selection = select_rules(path)
        return cls(selection, loaded(selection))

    @property
    def rulebook(self) -> Rulebook:
        assert self.loading.rulebook is not None  # noqa: S101 - else it does not load
        return self.loading.rulebook

    @property
    def part(self) -> str:
        name = shown_name(self.selection.root)
        return self.selection.part.removeprefix(name).removeprefix("/")

    @property
    def state(self) -> RulesState:
        return RulesState(self.selection.folder, self.rulebook)

    def files(self, ruleset: CompiledRuleset) -> RulesetFiles:
        return self.state.files(ruleset)

    def named(self, ruleset: CompiledRuleset) -> NamedVersion:
        return NamedVersion(self.files(ruleset), ruleset)

    @property
    def texts(self) -> dict[str, bytes]:
        """The stored files of the versions by digest."""
        return {text.digest: text.body for text in self.loading.texts}


@contextmanager
def rules_of(word: str, rules: Path) -> Iterator[Path]:
    """What lies at `word`, or a copy of `rules` at that git revision, removed at the end."""
    if Path(word).exists():
        yield Path(word)
        return
    commit = _commit(word)
    with TemporaryDirectory(prefix="decision-service-") as folder:
        archive = io.BytesIO(_archive(commit, word, rules))
        try:
            with tarfile.open(fileobj=archive) as tar:
                tar.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise CommandError(f"the revision cannot be unpacked ({error})") from None
        yield Path(folder) / rules


def _commit(word: str) -> str:
    if _git(("rev-parse", "--is-inside-work-tree")) is None:
        raise CommandError(
            f"{word} is no folder, and there is no git repository here to look for a revision: "
            "name two folders of rules, or go to the repository"
        )
    found = _git(("rev-parse", "--verify", "--quiet", "--end-of-options", f"{word}^{{commit}}"))
    if found is None:
        raise CommandError(
            f"{word} is neither a folder nor a revision of this git repository: fetch it first, "
            "or name another one"
        )
    return found.decode().strip()


def _archive(commit: str, word: str, rules: Path) -> bytes:
    if rules.is_absolute() or ".." in rules.parts:
        raise CommandError(
            f"--rules is {rules}: name it as it lies below this folder in the repository"
        )
    found = _git(("archive", "--format=tar", commit, "--", rules.as_posix()))
    if found is None:
        raise CommandError(
            f"the revision {word} has no folder {rules} below this one: name it with --rules"
        )
    return found


def _git(words: Sequence[str]) -> bytes | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, and a revision after --end-of-options
            ("git", *words),  # noqa: S607 - git as the path has it
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        raise CommandError(
            "git is not installed, which reads revisions: install it, or name two folders"
        ) from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"git took more than {_SECONDS} seconds") from None
    return None if done.returncode else done.stdout


def find_anywhere(word: str, rules: Path) -> NamedVersion:
    """The version that `REVISION:word` names, or a word as `find_version` takes it."""
    revision, colon, named = word.rpartition(":")
    if not colon or Path(word).exists():
        return find_version(word, rules)
    with rules_of(revision, rules) as folder:
        return find_version(named, folder)
