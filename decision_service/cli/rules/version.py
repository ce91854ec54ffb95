"""One ruleset version that a command names: a file, or `product@version`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import DEFAULT_PATH, find_rules, select_rules
from decision_service.cli.text_files import read_text
from decision_service.factors.registry import catalogue
from decision_service.language.diagnostics import Severity, count, render
from decision_service.pipeline.rules.folder import RuleFolder, files_of
from decision_service.ruleset.compile.compiler import compile_ruleset
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles
from decision_service.ruleset.testing.case_reading import case_target

RulesOption = Annotated[
    Path, typer.Option("--rules", help="the rules folder that product@version looks in")
]
PLAN_FILE = "rollout.yaml"
_NAMED = re.compile(r"(?P<product>[a-z0-9-]+)@v?(?P<version>[0-9]{1,6})")
_FORM = "name a file such as rules/personal-loan-ph/v1.yaml, or personal-loan-ph@1"


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """A version's files with what they compile to."""

    files: RulesetFiles
    ruleset: CompiledRuleset

    @property
    def name(self) -> str:
        """`personal-loan-ph v1`."""
        return f"{self.ruleset.ruleset} v{self.ruleset.version}"


def names_version(word: str) -> bool:
    """Whether a word is meant as a version; else it names a folder, a plan or a revision."""
    path = Path(word)
    file = path.is_file() or path.suffix == ".yaml"
    return _NAMED.fullmatch(word) is not None or (file and path.name != PLAN_FILE)


def find_version(word: str, rules: Path = DEFAULT_PATH) -> NamedVersion:
    """The compiled version that a word names.

    Raises CommandError where there is none (usage), or with every error in it (findings).
    """
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
    path = Path(word)
    named = _NAMED.fullmatch(word)
    if path.is_file():
        return _of_file(path)
    if named is not None:
        folder = select_rules(rules).folder
        return _of_product(folder, named["product"], int(named["version"]), rules)
    raise CommandError(f"there is no file {word}: {_FORM}", Exit.USAGE)


def _of_product(folder: RuleFolder, product: str, version: int, rules: Path) -> RulesetFiles:
    found = next((p for p in folder.products if p.product == product), None)
    if found is None:
        known = ", ".join(p.product for p in folder.products) or "none"
        raise CommandError(
            f"{rules} has no product {product}: the products are {known}", Exit.USAGE
        )
    if version not in found.rulesets:
        known = ", ".join(f"v{number}" for number in sorted(found.rulesets)) or "none"
        raise CommandError(
            f"{product} has no version {version}: the versions are {known}", Exit.USAGE
        )
    return files_of(folder, found, version)


def _of_file(path: Path) -> RulesetFiles:
    """The files of a version in its rules folder, or of a text that lies elsewhere."""
    selection = find_rules(path)
    for product in selection.folder.products:
        for version, file in product.rulesets.items():
            if file.path == selection.part:
                files = files_of(selection.folder, product, version)
                return files if product.plan is not None else _astray(files)
    data = selection.folder.data
    return _astray(RulesetFiles("", str(path), read_text(path, _FORM), data=data))


def _astray(files: RulesetFiles) -> RulesetFiles:
    """A file outside a product's folder, taken at its word as to which product it is of."""
    target = case_target(files.path, files.text)
    return replace(files, product=target.ruleset) if target is not None else files
