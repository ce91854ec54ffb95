"""`rules fmt`: rule files in their canonical layout, with comments and meaning as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from decision_service.cli.display.output import console
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import DEFAULT_PATH, PathArgument, select_rules
from decision_service.cli.rules.version import NamedVersion, find_version
from decision_service.factors.registry import catalogue
from decision_service.language.yaml.cst import LayoutError
from decision_service.language.yaml.layout import laid_out
from decision_service.ruleset.compile.compiler import compile_ruleset
from decision_service.storage.rules_folder.whole_files import write_whole

CheckOption = Annotated[
    bool, typer.Option("--check", help="write nothing; exit code 1 where a file would change")
]


def fmt(path: PathArgument = DEFAULT_PATH, check: CheckOption = False) -> None:
    """Lay rule files (v<N>.yaml) out anew.

    Comments and meaning stay, broken files are left.
    """
    files = _files(path)
    changed: list[Path] = []
    problems: list[CommandError] = []
    for file in files:
        try:
            if _format(file, write=not check):
                changed.append(file)
        except CommandError as problem:
            problems.append(problem)
    _print(changed, len(files), check=check)
    if problems:
        raise CommandError(problems[0].message, Exit.FINDINGS, tuple(_lines(problems)))
    if check and changed:
        raise typer.Exit(Exit.FINDINGS)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    selection = select_rules(path)
    found = [
        selection.root / product.product / Path(file.path).name
        for product in selection.folder.products
        for file in product.rulesets.values()
        if selection.has(file.path)
    ]
    if not found:
        raise CommandError(f"{path} holds no rule file: name a folder of products", Exit.USAGE)
    return found


def _format(file: Path, *, write: bool) -> bool:
    """Whether the layout differs; what does not compile, or would not be the same, is refused."""
    version = find_version(str(file))
    formatted = _laid_out(version)
    if formatted == version.files.text:
        return False
    _check_same(version, formatted)
    if write:
        _write(file, formatted)
    return True


def _laid_out(version: NamedVersion) -> str:
    try:
        return laid_out(version.files.text)
    except LayoutError as error:
        place = f"{version.files.path}:{error.line}:1"
        raise CommandError(f"{place}: the layout stays as it is: {error}", Exit.FINDINGS) from None


def _check_same(version: NamedVersion, formatted: str) -> None:
    files = replace(version.files, text=formatted)
    again = compile_ruleset(files, catalogue()).ruleset
    if again is None or again.digest != version.ruleset.digest:
        message = f"{files.path}: the layout stays as it is: it would change what the rules say"
        raise CommandError(message, Exit.FINDINGS)


def _write(file: Path, text: str) -> None:
    try:
        write_whole(file, text)
    except OSError as error:
        message = f"{file} cannot be written ({error.strerror}): allow it, or copy the file"
        raise CommandError(message, Exit.USAGE) from None


def _print(changed: list[Path], total: int, *, check: bool) -> None:
    out = console()
    for file in changed:
        verb = "would be laid out anew" if check else "laid out anew"
        out.print(f"{file}: {verb}", markup=False, soft_wrap=True)
    same = total - len(changed)
    out.print(f"{len(changed)} changed, {same} left as they are.")


def _lines(problems: list[CommandError]) -> list[str]:
    first, *others = problems
    lines = list(first.lines)
    for problem in others:
        lines += [problem.message, *problem.lines]
    return lines
