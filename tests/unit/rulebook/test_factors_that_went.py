"""Factors that there are no more: new versions, versions that decided, and their decisions."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from decision_service.author.check import factor_findings
from decision_service.decide.codec import decode_facts, encode_facts, value_to_wire
from decision_service.domain.ports import DecisionEntry, StoredEntry
from decision_service.domain.values import Money
from decision_service.factors.registry import catalogue, known_factors, that_went
from decision_service.rollout.impact import LeftOut, NotCompared
from decision_service.rollout_running.pairs import facts_for
from decision_service.rulebook.archive import files_from_body
from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import Severity
from decision_service.rules.program import CompiledRuleset
from decision_service.runtime import gone
from tests.fakes.cases import case_of, changed_rules
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.shipped import CHAMPION
from tests.fakes.world import NOW, PRODUCT, World, application, replayed, rulebook, shipped_rules

WENT = "income.median_9m"
OLD = (("income.median_6m <", f"{WENT} <"),)
RECORDED = Money("PHP", 4_321_000)


@pytest.mark.parametrize("type_", gone.FACTORS)
def test_each_has_a_factor_that_takes_its_place(type_: str) -> None:
    """What the table names is in the catalogue, and what went is not, but is known of its type."""
    for name, instead in gone.FACTORS[type_].items():
        assert name not in catalogue()
        assert instead in catalogue()
        assert known_factors()[name].type.value == type_


def renumbered(folder: RuleFolder, number: int) -> RuleFolder:
    """The folder with its newest version of the product under a lower number than what decides."""
    product = next(one for one in folder.products if one.product == PRODUCT)
    file = product.rulesets[max(product.rulesets)]
    text = file.text.replace(f"\nversion: {max(product.rulesets)}\n", f"\nversion: {number}\n")
    rulesets = {n: f for n, f in product.rulesets.items() if f is not file}
    path = f"{product.path}/v{number}.yaml"
    rulesets[number] = replace(file, path=path, text=text)
    changed = replace(product, rulesets=rulesets)
    others = (one for one in folder.products if one.product != PRODUCT)
    return replace(folder, products=(*others, changed))


def test_a_new_version_may_not_name_one() -> None:
    """It is an error at its place, which says what to use instead."""
    loading = load_rules(changed_rules(CHAMPION + 1, *OLD), NOW)
    (first,) = factor_findings(loading)
    assert (first.code, first.severity) == ("R204", Severity.ERROR)
    assert first.file.endswith(f"v{CHAMPION + 1}.yaml")
    assert first.message == f"there is no factor `{WENT}` any more"
    assert first.hint.startswith("use `income.median_6m`;")


def test_an_older_version_loads_for_its_decisions() -> None:
    """The rules decide on, and say of the older version what is wrong with it, as a warning."""
    loading = load_rules(renumbered(changed_rules(9, *OLD), 1), NOW)
    assert loading.rulebook is not None
    assert loading.rulebook.product(PRODUCT).version(1).needs.factors.count(WENT) == 1
    assert {one.severity for one in factor_findings(loading)} == {Severity.WARNING}
    assert {one.severity for one in loading.factor_problems()} == {Severity.WARNING}


def test_a_version_that_the_plan_names_is_refused() -> None:
    """It would refer whom it approved: such rules are not loaded, and the error says why."""
    folder = renumbered(changed_rules(CHAMPION + 1, *OLD), CHAMPION)
    loading = load_rules(folder, NOW)
    assert loading.rulebook is None
    assert {one.message for one in loading.errors} == {f"there is no factor `{WENT}` any more"}


def test_the_digest_of_such_a_version_is_that_of_its_text() -> None:
    """A decision finds its rules by the digest that an earlier release gave them."""
    old = as_decided()
    assert old.digest != rulebook().product(PRODUCT).champion.digest
    assert that_went(old.needs.factors) == (WENT,)


def as_decided() -> CompiledRuleset:
    """The champion's text with a factor that went, as an earlier release had it."""
    folder = renumbered(changed_rules(CHAMPION + 1, *OLD), CHAMPION)
    text = next(one for one in load_rules(folder, NOW).texts if WENT.encode() in one.body)
    found = compile_ruleset(files_from_body(text.body), known_factors(), checks=()).ruleset
    assert found is not None
    return found


class EarlierLog(InMemoryDecisionLog):
    """A store into which an earlier release wrote the value of a factor that went."""

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        """Commit the entry with that value."""
        facts = decode_facts(entry.facts)
        assert facts.factors is not None
        values = tuple(
            replace(one, value=value_to_wire(RECORDED), missing=()) if one.name == WENT else one
            for one in facts.factors.values
        )
        factors = replace(facts.factors, values=values)
        body = encode_facts(replace(facts, factors=factors, packed_factors=None, own_values=()))
        return await super().commit(replace(entry, facts=body))


async def test_a_replay_shows_the_recorded_value() -> None:
    """What nothing computes any more is as the record has it, and the verdict rests on it."""
    folder = renumbered(changed_rules(CHAMPION + 1, *OLD), CHAMPION)
    world = World(log=EarlierLog())
    world.book = with_champion(world.book, as_decided())
    await world.log.put_texts(load_rules(folder, NOW).texts)
    entry = await world.decide()(application(), world.call())
    world.book = Rulebook()
    again = await replayed(world, entry)
    assert again.factors is not None
    assert again.factors.values[WENT].value == RECORDED
    assert "DATA_MISSING" not in {reason.code for reason in again.verdict.reasons}


def with_champion(book: Rulebook, champion: CompiledRuleset) -> Rulebook:
    """The rules with another text of the champion."""
    product = book.product(PRODUCT)
    changed = replace(product, versions={**product.versions, CHAMPION: champion})
    return replace(book, products={**book.products, PRODUCT: changed})


def test_a_backtest_leaves_out_whom_it_has_no_value_of() -> None:
    """Rules of an earlier release judge those alone of whom the value was recorded."""
    found = facts_for(case_of(shipped_rules()), as_decided())
    assert isinstance(found, NotCompared)
    assert found.why is LeftOut.FACTOR_NOT_RECORDED
