"""Small rulesets, a small catalogue and facts; made-up rulesets; shipped cases with changes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Action, Better, FactorSpec, FactorValue, Mover, ValueType
from decision_service.domain.values import ABSENT, AsOf, Cause, Missing, Money, exponent
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from decision_service.rules.reach import implied
from tests.fakes.examples import examples
from tests.oracles.rule_facts import facts as facts_of_generated
from tests.oracles.rulesets import CATALOGUE as CATALOGUE_OF_GENERATED
from tests.oracles.rulesets import FACTORS, ruleset_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decision_service.rules.ranges import ValueRange

_WINDOWS = (3, 6, 9, 12, 18, 24)


def _spec(name, type_=ValueType.INTEGER, lower=0, upper=None, labels=(), months=None, **more):
    return FactorSpec(
        name=name,
        type=type_,
        unit="",
        sentence=name,
        formula=name,
        kinds=frozenset({Kind.EINCOMES}),
        causes=frozenset(Cause),
        lower=None if lower is None else Decimal(lower),
        upper=None if upper is None else Decimal(upper),
        labels=labels,
        months=months,
        **more,
    )


def _all():
    money, number = ValueType.MONEY, ValueType.NUMBER
    yield _spec("accounts.connected_count")
    yield _spec("income.months_total")
    for n in _WINDOWS:
        yield _spec(f"income.months_{n}m", upper=n, months=n)
        yield _spec(f"income.calendar_average_{n}m", money, lower=None, months=n, needs_months=n)
        yield _spec(f"income.average_{n}m", money, lower=None, months=n, parity=True)
        yield _spec(f"contributions.months_{n}m", upper=n, months=n)
    for n in (6, 12):
        yield _spec(f"income.conservative_{n}m", money, lower=None, months=n, needs_months=3)
        yield _spec(f"income.change_{n}m", money, lower=None, months=n)
    yield _spec("income.volatility_6m", number, months=6)
    paid = Action(Mover.APPLICANT)
    yield _spec("liabilities.monthly_amortization", money, action=paid)
    labels = ("EMPLOYED", "GIG", "UNEMPLOYED")
    yield _spec("employment.status", ValueType.TEXT, None, labels=labels)
    yield _spec("employment.has_payroll", ValueType.FLAG, None)
    yield _spec("income.months_since_first")
    yield _spec("identity.age_years", lower=0, upper=150)
    yield _spec("identity.age_at_maturity_years", lower=0, upper=180, knock_out_only=True)


CATALOGUE = {spec.name: spec for spec in _all()}


ROOT = Path(__file__).parents[3]

MANILA = ZoneInfo("Asia/Manila")

NOVEMBER = datetime(2026, 11, 15, 4, 0, tzinfo=UTC)

HEAD = """\
ruleset: test-loan
version: 1
title: A test loan
currency: PHP
time_zone: Asia/Manila
inputs:
  requested_amount: {type: money, min: 1000, max: 500000}
  requested_term_months: {type: integer, min: 1, max: 36}
  declared_monthly_debt: {type: money, min: 0}
  customer_type: {type: text, one_of: [new, existing]}
reasons:
  SHORT: {text: {en: Too short}, group: history, priority: 2}
  SHORTER: {text: {en: Far too short}, group: history, priority: 1}
  GAPS: {text: {en: Gaps}, priority: 3}
  DEBT: {text: {en: Too much debt}, priority: 3}
  SMALL: {text: {en: Too small}, priority: 5}
  LEGAL: {text: {en: Not legal}, regulatory: Cap, priority: 1}
"""


def php(amount):
    """Pesos as money."""
    return Money("PHP", int(Decimal(str(amount)) * 100))


def compiled(text, **files):
    """The ruleset of a text, which must have no error."""
    found = compile_ruleset(
        RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text, **files), CATALOGUE
    )
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


def problems(text, **files):
    """The codes of everything wrong with a text, warnings among them."""
    source = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text, **files)
    return [d.code for d in compile_ruleset(source, CATALOGUE).diagnostics]


def stages(*bodies, head=HEAD, tail=""):
    """A ruleset's text with these stages."""
    return f"{head}stages:\n{''.join(bodies)}{tail}"


def rules(*lines, name="gate", component="KNOCKOUT"):
    """A stage of rules, each a flow map without its braces."""
    body = "".join(f"      - {{{line}}}\n" for line in lines)
    return f"  - name: {name}\n    component: {component}\n    rules:\n{body}"


def legal(*lines):
    """The last stage, of rules that see the offer."""
    return rules(*lines, name="legal", component="LEGAL")


def value(name, given):
    """A factor value; a Cause makes it missing, several causes too."""
    if isinstance(given, Cause):
        return FactorValue(name, None, (Missing(given),))
    if isinstance(given, Missing):
        return FactorValue(name, None, (given,))
    return FactorValue(name, given)


def facts(factors=(), at=NOVEMBER, **inputs):
    """Facts by factor name, with inputs as keywords."""
    found = {name: value(name, given) for name, given in dict(factors).items()}
    return Facts(found, inputs, AsOf.at(at, MANILA))


def decide(text, factors=(), at=NOVEMBER, **inputs):
    """The verdict of a text on facts."""
    return evaluate(compiled(text), facts(factors, at, **inputs))


def codes(verdict):
    """The reason codes in order."""
    return [str(reason.code) for reason in verdict.reasons]


LAWS = settings(
    max_examples=examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def loosely_compiled(text):
    """The ruleset of a text that is well formed, whatever the checks say, with any lists."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text, lists=None)
    found = compile_ruleset(files, CATALOGUE_OF_GENERATED, checks=())
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


@st.composite
def cases(draw, odd=None, *, handling=True, complete=False):
    """A ruleset and facts for it; up to three of the factors are odd ones."""
    seed = draw(st.integers(0, 1 << 32))
    text = ruleset_text(seed, handling=handling)
    factors, inputs, as_of = facts_of_generated(
        text, draw(st.integers(0, 1 << 32)), complete=complete
    )
    if odd is not None:
        some = draw(st.dictionaries(st.sampled_from(sorted(FACTORS)), odd, max_size=3))
        factors |= {name: value(name, one) for name, one in some.items()}
    return loosely_compiled(text), factors, inputs, as_of


absent = st.sampled_from(sorted(ABSENT))

tainted = st.sampled_from(sorted(c for c in Cause if c.tainted))

anything = st.one_of(
    st.sampled_from(list(Cause)),
    st.integers(-(10**20), 10**20),
    st.decimals(),
    st.text(max_size=3),
    st.booleans(),
    st.dates(),
    st.builds(Money, st.sampled_from(["PHP", "USD"]), st.integers(-(10**20), 10**20)),
    st.just(Decimal("1e400000")),
)


_FIGURE = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w.-])")

_ORDERED = frozenset({ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY})

_SMALL = frozenset(Decimal(n) for n in range(31))


def movable(ruleset, specs: Mapping[str, FactorSpec]) -> list[str]:
    """The factors of a ruleset of which it is known which way is better."""
    return [n for n in ruleset.needs.factors if _moves(specs[n])]


def _moves(spec: FactorSpec) -> bool:
    return spec.better is not Better.NONE and (spec.type in _ORDERED or spec.type is ValueType.FLAG)


@st.composite
def changed(draw, given, specs: Mapping[str, FactorSpec], text: str, currency: str):
    """A case's factor values with a few others, often at a figure of the rules, or missing."""
    near, changes = figures(text), {}
    for name in draw(st.lists(st.sampled_from(sorted(given)), max_size=4, unique=True)):
        if draw(st.integers(0, 2)) == 0:
            missing = Missing(draw(st.sampled_from(sorted(specs[name].causes))))
            changes[name] = FactorValue(name, None, (missing,))
        else:
            changes[name] = FactorValue(name, draw(_values(specs[name], near, currency)))
    return {**given, **changes}


def figures(text: str) -> list[Decimal]:
    """The figures of a rule file with their neighbours, and small counts."""
    found = {Decimal(figure) for figure in _FIGURE.findall(text)}
    return sorted({figure + by for figure in found for by in (-1, 0, 1)} | found | _SMALL)


def _values(spec: FactorSpec, near: list[Decimal], currency: str) -> st.SearchStrategy:
    match spec.type:
        case ValueType.TEXT:
            return st.sampled_from(spec.labels or ("other",))
        case ValueType.FLAG:
            return st.booleans()
        case ValueType.DATE:
            return st.dates()
    return st.sampled_from(near).map(lambda x: _typed(spec, _bounded(spec, x), currency))


def _bounded(spec: FactorSpec, value: Decimal) -> Decimal:
    low = value if spec.lower is None else max(value, spec.lower)
    return low if spec.upper is None else min(low, spec.upper)


def _typed(spec: FactorSpec, value: Decimal, currency: str):
    if spec.type is ValueType.INTEGER:
        return int(value)
    if spec.type is ValueType.MONEY:
        return Money(currency, int(value.scaleb(exponent(currency))))
    return value


def ladder(given, name: str, specs: Mapping[str, FactorSpec], near: list[Decimal], currency: str):
    """The facts with one factor at each of many values, from the worst to the best.

    What follows from it goes along: a count that the catalogue derives from it by as many, a
    count of months as far as another window's count bounds it, and the months that are proved: a
    month more is a month with proof, since one without may be asked about.
    """
    spec = specs[name]
    if spec.type is ValueType.FLAG:
        steps = [False, True]
    else:
        steps = [_typed(spec, x, currency) for x in sorted({_bounded(spec, x) for x in near})]
    ordered = steps if spec.better is Better.UP else steps[::-1]
    return [_at(given, name, value, specs) for value in ordered]


def _at(given, name: str, value, specs: Mapping[str, FactorSpec]):
    moved = {**given, name: replace(given[name], value=value)}
    for other, found in given.items():
        if other != name and found.value.__class__ is int and value.__class__ is int:
            count = _following(other, found.value, name, value - given[name].value, specs)
            span = implied(name, Decimal(value), other)
            count = count if span is None else _within(Decimal(count), span)
            moved[other] = replace(found, value=int(_bounded(specs[other], Decimal(count))))
    return moved if "backed_" in name else {**moved, **_proved(given, moved)}


def _proved(given, moved):
    """Months and months with proof of each window, so that as many as before are without proof."""
    found = {}
    for backed, before in given.items():
        months = backed.replace("backed_", "", 1)
        counts = (before.value, moved[months].value if months in moved else None)
        if months == backed or any(count.__class__ is not int for count in counts):
            continue
        unproved = max(0, given[months].value - before.value)
        most = max(moved[months].value, unproved)
        found[months] = replace(moved[months], value=most)
        found[backed] = replace(before, value=most - unproved)
    return found


def _following(other: str, count: int, name: str, by: int, specs) -> int:
    """A count that is derived from the one that moved, moved as far in its own direction."""
    spec = specs[other]
    if name not in spec.derived_from or spec.better is Better.NONE:
        return count
    return count + by if spec.better is specs[name].better else count - by


def _within(count: Decimal, span: ValueRange) -> Decimal:
    least = max(count, span.low)
    return least if span.high is None else min(least, span.high)
