"""Edits of the shipped rules as a tired person makes them, and the gate that stops each."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from decision_service.decide.rule_tests import VersionResults, case_problems, run_rule_tests
from decision_service.rollout.state import clashes, initial_state, widenings
from decision_service.rulebook.folder import RuleFolder, read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.loosenings import RulesState, loosenings, unaccepted
from decision_service.rulebook.plans import plan_warnings
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.compile import canonical
from decision_service.workbench.proofs.report import guarantee_problems

FOLDER = Path(__file__).parent
RULES = FOLDER.parents[1] / "rules"
NOW = datetime(2026, 11, 29, 4, tzinfo=UTC)
EDITS: list[Mapping[str, Any]] = [
    edit for path in sorted(FOLDER.glob("*.yaml")) for edit in yaml.safe_load(path.read_text())
]
LOCKED = 10_000
"""`second_person_above` of the plan in force, in thousandths of a percent."""


@dataclasses.dataclass
class Rules:
    """A folder that loads."""

    folder: RuleFolder
    rulebook: Rulebook

    @cached_property
    def tested(self) -> Sequence[VersionResults]:
        """The rule tests of the products that are other than shipped; of all where `_data` is."""
        before, folder = shipped().folder, self.folder
        if (folder.data, folder.shared) == (before.data, before.shared):
            same = {one.product: one.contents for one in before.products}
            changed = tuple(one for one in folder.products if one.contents != same[one.product])
            folder = replace(folder, products=changed)
        return [*run_rule_tests(folder, self.rulebook)]


@cache
def shipped() -> Rules:
    """The rules that are edited, and were published last."""
    folder = read_rules(RULES)
    rulebook = load_rules(folder, NOW).rulebook
    assert rulebook is not None
    return Rules(folder, rulebook)


def failing(rules: Rules, kind: str) -> list[str]:
    """Cases of `tests/` or stories of `stories/` that come out otherwise."""
    found = [one for each in rules.tested for one in each.failed]
    return [one.case.name for one in found if f"/{kind}/" in one.case.place.file]


def cases(rules: Rules) -> list[str]:
    return failing(rules, "tests")


def story(rules: Rules) -> list[str]:
    return failing(rules, "stories")


def floor(rules: Rules) -> list[str]:
    return [one.name for one in rules.tested if one.coverage.percent < 100]


def accept(rules: Rules) -> list[str]:
    """What `publish`, `sign` and `preflight` ask to be accepted by name."""
    before = RulesState(shipped().folder, shipped().rulebook)
    return unaccepted(loosenings(before, RulesState(rules.folder, rules.rulebook), NOW), ())


def lock(rules: Rules) -> list[str]:
    """What waits for a second person where the plan in force asks for one."""
    found: list[str] = []
    for name, product in shipped().rulebook.products.items():
        held = replace(product.plan, second_person_above=LOCKED)
        edited = replace(rules.rulebook.products[name].plan, second_person_above=LOCKED)
        state = initial_state(held, NOW)
        found += (*widenings(held, edited, state), *map(str, clashes(edited, state)))
    return found


def prove(rules: Rules) -> list[str]:
    """Guarantees that are not true, of versions that decide otherwise; of others those altered."""
    before = shipped().rulebook.digests
    known = {one for version in before.values() for one in _guarantees(version)}
    found = []
    for digest, version in rules.rulebook.digests.items():
        altered = tuple(one for one in version.guarantees if _said(one) not in known)
        asked = replace(version, guarantees=altered) if digest in before else version
        found += [d.message for d in guarantee_problems([asked], NOW.date(), lambda: 0.0)]
    return found


def _guarantees(version: Any) -> set[str]:
    return {_said(one) for one in version.guarantees}


def _said(guarantee: Any) -> str:
    return repr(canonical(guarantee))  # places apart


GATES: Mapping[str, Callable[[Rules], list[str]]] = {
    "test": cases,
    "story": story,
    "lock": lock,
    "prove": prove,
    "accept": accept,
    "floor": floor,
}
"""Those after `check`; the first one that an edit does not pass is the one that is named."""


def edited(edit: Mapping[str, Any], root: Path) -> RuleFolder:
    """A copy of the shipped rules with the edit."""
    shutil.copytree(RULES, root)
    file = root / edit["file"]
    if edit.get("delete"):
        file.unlink()
    else:
        text = file.read_text(encoding="utf-8")
        assert text.count(edit["from"]) == 1, "an edit is of one place"
        file.write_text(text.replace(edit["from"], edit["to"]), encoding="utf-8")
    return read_rules(root)


def stopped(folder: RuleFolder, named: str) -> tuple[str, list[str]]:
    """The first gate that an edit does not pass, and what it says.

    Proofs take a minute, so they are asked where they are the gate that is `named`.
    """
    loading = load_rules(folder, NOW)
    found = [*loading.diagnostics, *case_problems(folder, loading)]
    if loading.rulebook is None:
        return "check", [one.message for one in found]
    rules = Rules(folder, loading.rulebook)
    if found := [*found, *plan_warnings(rules.folder, rules.rulebook)]:
        return "check", [one.message for one in found]
    gates = [one for one in GATES.items() if one[0] == named or one[0] != "prove"]
    return next(((name, said) for name, gate in gates if (said := gate(rules))), ("", []))


@pytest.mark.long
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit["edit"])
def test_an_edit_is_stopped_by_its_gate(edit: Mapping[str, Any], tmp_path: Path) -> None:
    """Each is stopped by a check, a test, a proof, a lock or an acceptance that is asked for."""
    gate, said = stopped(edited(edit, tmp_path / "rules"), edit["gate"])
    assert gate == edit["gate"], said or "no gate stops it"


@pytest.mark.long
def test_rules_without_an_edit_pass_every_gate(tmp_path: Path) -> None:
    shutil.copytree(RULES, tmp_path / "rules")
    assert stopped(read_rules(tmp_path / "rules"), "prove") == ("", [])
