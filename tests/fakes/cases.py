"""Decided cases and further versions of the shipped rules, for what judges a case again."""

from __future__ import annotations

from msgspec.structs import replace

from decision_service.decide.admit import Admission, bound_inputs
from decision_service.decide.conclude import conclude
from decision_service.domain.ports import FetchResult
from decision_service.domain.values import AsOf
from decision_service.rollout.assign import Subject, choose
from decision_service.rollout_running.pairs import DecidedCase
from decision_service.rulebook.folder import RuleFolder, TextFile
from decision_service.rules.program import CompiledRuleset
from decision_service.server.services.decisions import ProtoReplyEncoder
from tests.fakes.shipped import CHAMPION
from tests.fakes.world import (
    NOW,
    PRODUCT,
    UNKNOWN,
    Numbered,
    application,
    rulebook,
    shipped_rules,
    steady_earner,
)

STRICTER = (
    "min_monthly_income: {type: money, value: 8000}",
    "min_monthly_income: {type: money, value: 80000}",
)
"""Declines whom the shipped version approves, for too low an income."""


def changed_rules(number: int, *changes: tuple[str, str], base: int = CHAMPION) -> RuleFolder:
    """The shipped rules with one more version: the text of the champion, or another's, changed."""
    folder = shipped_rules()
    product = next(p for p in folder.products if p.product == PRODUCT)
    text = product.rulesets[base].text
    for old, new in ((f"\nversion: {base}\n", f"\nversion: {number}\n"), *changes):
        assert old in text, old
        text = text.replace(old, new, 1)
    file = TextFile(f"{product.path}/v{number}.yaml", text)
    product = replace(product, rulesets={**product.rulesets, number: file})
    others = tuple(p for p in folder.products if p.product != PRODUCT)
    return replace(folder, products=(*others, product), manifest=None)


def version(folder: RuleFolder, number: int) -> CompiledRuleset:
    """A compiled version of the product."""
    return rulebook(folder).product(PRODUCT).versions[number]


def case_of(folder: RuleFolder) -> DecidedCase:
    """A steady earner as the champion decides."""
    book = rulebook(folder)
    product, asked, snapshot = book.product(PRODUCT), application(), steady_earner()
    ruleset = product.champion
    as_of = AsOf.at(NOW, ruleset.zone)
    admission = Admission(
        asked,
        as_of,
        choose(product.plan, product.state, Subject(asked.user_id, NOW)),
        bound_inputs(product, ruleset, asked.inputs, as_of=as_of),
        ruleset,
        asked.user_id,
    )
    decision, _ = conclude(
        admission,
        FetchResult(snapshot, NOW, 5),
        UNKNOWN,
        encoder=ProtoReplyEncoder(),
        new_id=Numbered(),
        caller="anonymous",
        content=b"",
    )
    assert decision.factors is not None
    known = product.input_names
    return DecidedCase(decision, ruleset, snapshot, decision.factors, asked.inputs, known)
