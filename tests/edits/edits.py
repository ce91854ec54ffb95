"""Single edits of rules, each in place and as a new version, and what the product answers to it."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import yaml
from msgspec.structs import replace

from decision_service.author.diff import compare_rules
from decision_service.author.folder import LoadedRules, select_rules
from decision_service.author.proofs.report import guarantee_problems
from decision_service.rollout.state import clashes, initial_state, widenings
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.loosenings import loosenings, unaccepted
from decision_service.rulebook.plans import plan_warnings
from decision_service.rulebook.rule_tests import VersionResults, case_problems, run_rule_tests
from decision_service.rulebook.states import difference_lines
from decision_service.rules.compile import canonical
from decision_service.rules.language.diagnostics import Severity

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHIPPED = ROOT / "rules"
ANALYST = ROOT / "tests" / "rulesets" / "analyst"
NOW = datetime(2026, 11, 29, 4, tzinfo=UTC)
LOCKED = 10_000
"""`second_person_above` of the plan in force, in thousandths of a percent."""

WHOLE = 100
"""Percent of the parts of a version that its cases are to reach."""

STOPPED, NAMED, SAID, SILENT = "stopped", "named", "said", "silent"
IN_PLACE, NEW_VERSION = "in place", "new version"
FORMS = (IN_PLACE, NEW_VERSION)
AREAS = (
    *("headers", "deciding", "guarantees", "texts", "desk", "letters", "tags", "lists"),
    *("data", "segments", "plan", "law", "tests"),
)
CHAMPIONS = {
    "personal-loan-ph": 3,
    "gig-advance-ph": 2,
    "payroll-loan-ph": 1,
    "salary-loan-ph": 1,
}
"""Who decides before the edit."""


@dataclasses.dataclass(frozen=True)
class Edit:
    """One change of one place.

    `answer` is stopped, named or said in both forms, and the answer has each of `words`. `of` is
    the product that is released with it, where the file is shared by all.
    """

    edit: str
    area: str
    file: str
    answer: str
    words: tuple[str, ...] = ()
    old: str = ""
    new: str = ""
    delete: bool = False
    of: str = ""

    @property
    def product(self) -> str:
        return self.of or self.file.split("/", maxsplit=1)[0]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is answered, and in which words."""

    kind: str
    words: tuple[str, ...]

    def is_the_one(self, edit: Edit) -> bool:
        shown = "\n".join(self.words)
        return self.kind == edit.answer and all(one in shown for one in edit.words)


def edits() -> list[Edit]:
    """All edits, in the order of their files."""
    found = []
    for path in sorted((HERE / "cases").glob("*.yaml")):
        for row in yaml.safe_load(path.read_text(encoding="utf-8")):
            given = {{"from": "old", "to": "new"}.get(key, key): row[key] for key in row}
            given["words"] = tuple(given.get("words", ()))
            found.append(Edit(**{"area": path.stem, **given}))
    return found


def not_yet() -> Mapping[str, Sequence[str]]:
    """Names of edits that are answered otherwise today, by form; they may only become fewer."""
    known = yaml.safe_load((HERE / "not_yet.yaml").read_text(encoding="utf-8"))["not_yet"]
    return {form: known[form] or () for form in FORMS}


def before(product: str, root: Path) -> Path:
    """A folder of the rules that decide now, with the product in it."""
    if (SHIPPED / product).is_dir():
        shutil.copytree(SHIPPED, root)
        return root
    shutil.copytree(ANALYST / product, root / product)
    for name in ("_data", "_law"):
        shutil.copytree(SHIPPED / name, root / name)
    if product == "salary-loan-ph":
        # It states no price, so that no loan of it may be within the law
        law = root / "_law" / "ph-prices.yaml"
        text = law.read_text(encoding="utf-8")
        law.write_text(text.replace("principal: 10000\n", "principal: 1\n"), encoding="utf-8")
    return root


def edited(edit: Edit, form: str, root: Path) -> Path:
    """A folder of the rules that decide now, with the edit made in a form."""
    before(edit.product, root)
    file = edit.file
    swap: Callable[[str], str] = str
    if form == NEW_VERSION:
        old = CHAMPIONS[edit.product]
        new = as_new_version(root / edit.product, old)
        file = _of_version(file, old, new, root / edit.product)
        swap = _renumbered(old, new)
    path = root / file
    if edit.delete:
        path.unlink()
        return root
    text = path.read_text(encoding="utf-8")
    wanted = swap(edit.old)
    assert text.count(wanted) == 1, f"{edit.edit}: an edit is of one place"
    path.write_text(text.replace(wanted, swap(edit.new)), encoding="utf-8")
    return root


def as_new_version(product: Path, old: int) -> int:
    """Copy a version and its tests as the manual says, and make the copy champion."""
    numbers = [int(path.stem.removeprefix("v")) for path in product.glob("v*.yaml")]
    new = max(numbers) + 1
    renumbered = _renumbered(old, new)
    for folder in (product, product / "tests"):
        text = (folder / f"v{old}.yaml").read_text(encoding="utf-8")
        (folder / f"v{new}.yaml").write_text(renumbered(text), encoding="utf-8")
    plan = product / "rollout.yaml"
    plan.write_text(renumbered(plan.read_text(encoding="utf-8")), encoding="utf-8")
    return new


def _renumbered(old: int, new: int) -> Callable[[str], str]:
    number = re.compile(rf"^(version|champion): {old}$", re.MULTILINE)
    return lambda text: number.sub(rf"\g<1>: {new}", text)


def _of_version(file: str, old: int, new: int, product: Path) -> str:
    """The file that is edited in place of one of the old version; a table is copied for the new."""
    if file.endswith(f"/v{old}.yaml"):
        return file.replace(f"/v{old}.yaml", f"/v{new}.yaml")
    if "/tables/" not in file:
        return file
    table = product.parent / file
    own = table.with_name(f"{table.stem}_of_v{new}.csv")
    shutil.copy(table, own)
    version = product / f"v{new}.yaml"
    text = version.read_text(encoding="utf-8")
    version.write_text(text.replace(f"tables/{table.name}", f"tables/{own.name}"), encoding="utf-8")
    return str(own.relative_to(product.parent))


def answer(old: Path, new: Path) -> Answer:
    """What the product answers where a folder is to replace another one.

    Only this function calls the product: `stopped` with what is wrong, `named` with each loosening
    that is asked about, `said` with the differences, or `silent`.
    """
    selection = select_rules(new)
    folder = selection.folder
    loading = load_rules(folder, NOW)
    found = [*loading.diagnostics, *case_problems(folder, loading)]
    if loading.rulebook is not None:
        found += plan_warnings(folder, loading.rulebook)
    if found or loading.rulebook is None:
        return Answer(STOPPED, tuple(f"{one.code} {one.message}" for one in found))
    was = deciding(old)
    rules = LoadedRules(selection, loading)
    tested = _tested(was, rules)
    laws = loading.law_problems(was.rulebook.digests.keys())
    beyond = [f"{one.code} {one.message}" for one in laws if one.severity is Severity.ERROR]
    wrong = (*beyond, *_failed_cases(tested), *_false_guarantees(was, rules))
    if wrong:
        return Answer(STOPPED, wrong)
    widened = _widened(was, rules)
    # Each release of a version says so: that alone loosens nothing
    released = [one for one in widened if _RELEASED.fullmatch(one)]
    others = [one for one in widened if one not in released]
    if named := (*_loosened(was, rules), *others, *_missed_floors(tested)):
        return Answer(NAMED, named)
    words = (*released, *difference_lines(compare_rules(was, rules)))
    return Answer(SAID if words else SILENT, words)


_RELEASED = re.compile(r"the champion is v\d+ and no longer v\d+")


@cache
def deciding(folder: Path) -> LoadedRules:
    """The rules of what decides now."""
    return LoadedRules.read(folder)


def _tested(was: LoadedRules, rules: LoadedRules) -> Sequence[VersionResults]:
    """The rule tests of the products that differ; of all where what they share does."""
    before_it = was.selection.folder
    folder = rules.selection.folder
    if (folder.data, folder.shared) == (before_it.data, before_it.shared):
        same = {one.product: one.contents for one in before_it.products}
        differ = [one for one in folder.products if one.contents != same.get(one.product)]
        folder = replace(folder, products=tuple(differ))
    return [*run_rule_tests(folder, rules.rulebook)]


def _failed_cases(tested: Sequence[VersionResults]) -> list[str]:
    found: list[str] = []
    for one in tested:
        found += [f"fails: {each.case.name}" for each in one.failed]
    return found


def _missed_floors(tested: Sequence[VersionResults]) -> list[str]:
    missed = [one for one in tested if one.coverage.percent < WHOLE]
    return [f"coverage is {one.coverage.percent} % of {one.name}" for one in missed]


def _false_guarantees(was: LoadedRules, rules: LoadedRules) -> list[str]:
    """Of guarantees that are new in words those that are not true; all take a minute a version."""
    known: set[str] = set()
    for version in was.rulebook.digests.values():
        known |= {repr(canonical(one)) for one in version.guarantees}
    found: list[str] = []
    for version in rules.rulebook.digests.values():
        altered = [one for one in version.guarantees if repr(canonical(one)) not in known]
        asked = replace(version, guarantees=tuple(altered))
        problems = guarantee_problems([asked], NOW.date(), lambda: 0.0, laws=rules.rulebook.laws)
        found += [one.message for one in problems if one.severity is Severity.ERROR]
    return found


def _loosened(was: LoadedRules, rules: LoadedRules) -> list[str]:
    return unaccepted(loosenings(was.state, rules.state), ())


def _widened(was: LoadedRules, rules: LoadedRules) -> list[str]:
    """What waits for a second person where the plan in force asks for one."""
    found: list[str] = []
    for name, product in was.rulebook.products.items():
        if name in rules.rulebook.products:
            held = replace(product.plan, second_person_above=LOCKED)
            plan = replace(rules.rulebook.products[name].plan, second_person_above=LOCKED)
            state = initial_state(held, NOW)
            found += widenings(held, plan, state)
            found += [one.message for one in clashes(plan, state)]
    return found
