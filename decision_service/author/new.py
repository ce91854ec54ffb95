"""What authors of rules begin with: a new product, or the next version of one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from decision_service.author.folder import DEFAULT_PATH, find_rules, unpublished
from decision_service.cli.output import CommandError, as_typed, print_lines
from decision_service.rulebook.folder import ProductTexts, RuleFolder, TextFile
from decision_service.rulebook.laws import laws_of
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.rule_tests import failures, run_rule_tests
from decision_service.rules.language.diagnostics import Severity, count, render
from decision_service.rules.tests_file import case_target

_PRODUCT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 60
_FILES = {"v1.yaml": "v1.yaml", "rollout.yaml": "rollout.yaml", "tests.yaml": "tests/v1.yaml"}


def new(
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="its name, such as weekend-loan-ph")
    ] = "",
    source: Annotated[
        str,
        typer.Option("--from", metavar="PRODUCT@VERSION", help="instead: its next version"),
    ] = "",
    title: Annotated[str, typer.Option("--title", help="as people call it")] = "",
    currency: Annotated[str, typer.Option("--currency", help="ISO 4217")] = "PHP",
    zone: Annotated[str, typer.Option("--time-zone", help="of its dates")] = "Asia/Manila",
    rules: Annotated[Path, typer.Option("--rules", help="the rules folder")] = DEFAULT_PATH,
) -> None:
    """Its rules, tests and plan pass as they are, to be changed."""
    if bool(product) is bool(source):
        raise CommandError("name a new PRODUCT, or a version with --from personal-loan-ph@1")
    if source:
        print_lines(_next_version(rules, source))
        return
    if not _PRODUCT.fullmatch(product) or len(product) > _LONGEST:
        raise CommandError(
            f"{product} is no product name: use small letters, digits and single hyphens, "
            f"beginning with a letter, at most {_LONGEST}"
        )
    folder = rules / product
    if folder.exists():
        raise CommandError(f"{folder} is there already: choose another name")
    words = {
        "product": product,
        "title": title or product.replace("-", " ").capitalize(),
        "currency": currency,
        "zone": zone,
        "today": datetime.now(UTC).date().isoformat(),
        "guarantees": _promised(rules, currency),
    }
    texts = {_FILES[name]: _filled(name, words) for name in _FILES}
    _refuse_failing(_alone(rules, product, texts), "choose another value")
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print_lines(_next_steps(folder, list(texts)))


def _promised(rules: Path, currency: str) -> str:
    """A guarantee of each law that may be about the product; nothing without one."""
    laws = laws_of(find_rules(rules).folder).by_name.values()
    names = [law.name for law in laws if law.currency == currency]
    lines = [f"  - {{name: no loan is beyond {name}, law: {name}}}\n" for name in names]
    return f"\n\nguarantees:\n{''.join(lines)}".rstrip() if lines else ""


def _filled(name: str, words: dict[str, str]) -> str:
    text = resources.files(__package__).joinpath("template", name).read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value.replace("\\", "").replace('"', "'"))
    return text


def _alone(rules: Path, product: str, texts: dict[str, str]) -> RuleFolder:
    """The rules folder with a new product and no other."""
    folder = find_rules(rules).folder
    path = f"{rules.name}/{product}"
    files = {name: TextFile(f"{path}/{name}", text) for name, text in texts.items()}
    added = ProductTexts(
        product,
        path,
        rulesets={1: files["v1.yaml"]},
        plan=files["rollout.yaml"],
        tests=(files["tests/v1.yaml"],),
    )
    return replace(unpublished(folder), products=(added,), unreadable=())


def _next_steps(folder: Path, names: list[str]) -> str:
    written = "\n".join(f"  {folder / name}" for name in names)
    return as_typed(
        f"Written:\n{written}\n"
        "Change the figures, then:\n"
        f"  decision-service rules check --strict {folder}\n"
        f"  decision-service rules test {folder} --fail-under 100 --fail-under-figures 100\n"
        "docs/rules.md explains every section."
    )


def _next_version(rules: Path, source: str) -> str:
    """Write the version after all others of a product as a copy of one; what comes next."""
    product, _, word = source.partition("@")
    folder = find_rules(rules).folder
    texts = next((one for one in folder.products if one.product == product), None)
    if texts is None or not word.isdecimal() or int(word) not in texts.rulesets:
        raise CommandError(f"{rules} has no version {source}: write one as personal-loan-ph@1")
    before = int(word)
    after = max(texts.rulesets) + 1
    added = replace(texts, rulesets={after: _renumbered(texts.rulesets[before], before, after)})
    tests = [file for file in texts.tests if _about(file) == before]
    added = replace(added, tests=tuple(_renumbered(file, before, after) for file in tests))
    plan, todo = _shadowed(texts.plan, after)
    whole = replace(
        texts,
        rulesets={**texts.rulesets, **added.rulesets},
        tests=(*texts.tests, *added.tests),
        plan=plan,
    )
    alone = replace(unpublished(folder), products=(whole,), unreadable=())
    _refuse_failing(alone, "mend the version first")
    written = [*added.rulesets.values(), *added.tests]
    paths = {file: rules / file.path.removeprefix(f"{rules.name}/") for file in written}
    taken = [path for path in paths.values() if path.exists()]
    if taken:
        raise CommandError(f"{taken[0]} is there already: move it away; nothing was written")
    if plan is not None and plan != texts.plan:
        paths[plan] = rules / plan.path.removeprefix(f"{rules.name}/")
    for file, path in paths.items():
        path.write_text(file.text, encoding="utf-8")
    names = "\n".join(f"  {path}" for path in paths.values())
    old = f"{product}@{before}"
    return as_typed(
        f"Written:\n{names}\n{todo}"
        "Change the figures and what the tests expect, then:\n"
        f"  decision-service rules check --strict {rules / product}\n"
        f"  decision-service rules test {rules / product} --fail-under 100\n"
        f"  decision-service rules diff {old} {product}@{after} --rules {rules} --prove"
    )


def _about(file: TextFile) -> int:
    target = case_target(file.path, file.text)
    return target.version if target else 0


def _renumbered(file: TextFile, before: int, after: int) -> TextFile:
    """A file with another version, under a name of its own."""
    folder, _, name = file.path.rpartition("/")
    stem = name.removesuffix(".yaml")
    renamed = re.sub(rf"v{before}(?!\d)", f"v{after}", stem)
    renamed = f"{stem}-v{after}" if renamed == stem else renamed
    text = re.sub(rf"^version: *{before}\b", f"version: {after}", file.text, count=1, flags=re.M)
    return TextFile(f"{folder}/{renamed}.yaml", text)


def _shadowed(plan: TextFile | None, version: int) -> tuple[TextFile | None, str]:
    """The plan with the version as its shadow, which decides for the record alone."""
    entry = f"{{version: {version}, percent: 100}}"
    if plan is None or re.search(r"^shadow:", plan.text, flags=re.M):
        where = "the plan" if plan is None else plan.path
        return plan, f"The plan is as it was: add `{entry}` to `shadow:` of {where}.\n"
    text = f"{plan.text.rstrip()}\nshadow: [{entry}]\n"
    return TextFile(plan.path, text), "The plan has it as a shadow, which decides nothing.\n"


def _refuse_failing(folder: RuleFolder, todo: str) -> None:
    """Raise CommandError where a folder does not load, or its tests fail."""
    loading = load_rules(folder, datetime.now(UTC))
    found = list(loading.errors)
    if loading.rulebook is not None:
        found = list(failures(run_rule_tests(folder, loading.rulebook)))
    errors = [problem for problem in found if problem.severity is Severity.ERROR]
    if errors:
        raise CommandError(
            f"nothing was written ({count(errors)}): {todo}",
            lines=tuple(map(render, errors)),
        )
