"""Strategies for rulesets and facts, for laws that hold on all of them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from decision_service.domain.missing import ABSENT, Cause
from decision_service.domain.money import Money
from decision_service.language.diagnostics import Report, render_all
from decision_service.ruleset.compile import compiler
from decision_service.ruleset.program.model import RulesetFiles
from decision_service.ruleset.reading.names import Names
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import HEAD, facts

NUMBERS = ("income.months_12m", "contributions.months_12m", "income.months_3m")
AMOUNTS = ("income.conservative_6m", "liabilities.monthly_amortization")
FACTORS = (*NUMBERS, *AMOUNTS, "employment.status", "employment.has_payroll")
OUTCOMES = ("APPROVE", "REFER", "DECLINE")
LIKELY = ("APPROVE", "APPROVE", "DECLINE", "DECLINE", "REFER")
APPROVES_ALL = """\
  - name: default
    component: POLICY
    rules:
      - {id: default, when: inputs.requested_amount > 0, then: APPROVE}
"""


def loosely_compiled(text):
    """The ruleset of a text that is well formed, whatever the checks of its logic say."""
    report = Report()
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text)
    draft = compiler._read(files, Names(CATALOGUE), report)
    assert draft is not None
    assert not report.failed, render_all(report.diagnostics())
    return compiler._compiled(draft)


@st.composite
def amounts(draw, *, handling):
    """An expression of money."""
    leaf = st.sampled_from([*AMOUNTS, "inputs.requested_amount", "500", "12000.50"])
    left, right = draw(leaf), draw(st.sampled_from([*AMOUNTS, "inputs.requested_amount"]))
    forms = [right, f"{left} + {right}", f"{right} - {left}", f"min({left}, {right})"]
    forms += [f"{right} * 0.35", f"floor({right}, 500)", f"{right} / income.months_12m"]
    forms += [f"({left} if {draw(comparisons(handling=handling))} else {right})"]
    if handling:
        forms.append(f"coalesce({right}, {left})")
    return draw(st.sampled_from(forms))


@st.composite
def comparisons(draw, *, handling):
    """A comparison, a flag or a label test."""
    operator = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
    months = f"{draw(st.sampled_from(NUMBERS))} {operator} {draw(st.integers(0, 12))}"
    forms = [months, "employment.has_payroll", "employment.status == 'GIG'"]
    forms.append("employment.status not in ('GIG', 'EMPLOYED')")
    if handling:
        name = draw(st.sampled_from(FACTORS))
        forms += [f"known({name})", f"missing({name})"]
    return draw(st.sampled_from(forms))


@st.composite
def conditions(draw, *, handling, depth=2):
    """A condition of and, or, not over comparisons."""
    if depth == 0 or draw(st.booleans()):
        if draw(st.integers(0, 3)) == 0:
            left = draw(amounts(handling=handling))
            return f"{left} {draw(st.sampled_from(['<', '>=']))} {draw(amounts(handling=handling))}"
        return draw(comparisons(handling=handling))
    parts = [draw(conditions(handling=handling, depth=depth - 1)) for _ in range(2)]
    joined = f" {draw(st.sampled_from(['and', 'or']))} ".join(f"({part})" for part in parts)
    return f"not ({joined})" if draw(st.booleans()) else joined


@st.composite
def rule_stages(draw, name, *, handling, extra=()):
    """A stage of one to three rules."""
    lines = []
    for index in range(draw(st.integers(1, 3))):
        when = draw(st.one_of(conditions(handling=handling), *extra))
        lines.append(
            f"      - id: {name}_{index}\n        when: >-\n          {when}\n"
            f"        then: {draw(st.sampled_from(LIKELY))}\n        reason: SHORT\n"
        )
        if handling and draw(st.booleans()):
            on_missing = draw(st.sampled_from(["SKIP", "DECLINE", "REFER"]))
            lines.append(f"        on_missing: {on_missing}\n        because: it is known\n")
    return f"  - name: {name}\n    component: POLICY\n    rules:\n{''.join(lines)}"


@st.composite
def cards(draw, *, handling):
    """A scorecard of one or two characteristics with ordered bands."""
    characteristics = []
    for factor in draw(st.lists(st.sampled_from(NUMBERS[:2]), min_size=1, max_size=2, unique=True)):
        edge = draw(st.integers(1, 11))
        points = draw(st.lists(st.integers(0, 50), min_size=2, max_size=2))
        characteristics.append(
            f"        - factor: {factor}\n          reason: GAPS\n          bins:\n"
            f'            - {{in: "< {edge}", points: {points[0]}}}\n'
            f'            - {{in: ">= {edge}", points: {points[1]}}}\n'
        )
        if handling and draw(st.booleans()):
            fixed = draw(st.integers(0, 60))
            characteristics.append(f"          missing: {fixed}\n          because: it is known\n")
    starts = sorted(draw(st.sets(st.integers(1, 99), min_size=2, max_size=2)), reverse=True)
    thens = draw(st.sampled_from([(0, 0, 0), (0, 0, 2), (0, 2, 2), (0, 1, 2), (2, 2, 2)]))
    bands = "".join(
        f"        - {{band: {name}, {f'from: {start}, ' if start else ''}then: {OUTCOMES[then]}}}\n"
        for name, start, then in zip("ABC", [*starts, None], thens, strict=True)
    )
    return (
        "  - name: score\n    component: SCORECARD\n    scorecard:\n      id: card\n      base: 0\n"
        f"      characteristics:\n{''.join(characteristics)}      bands:\n{bands}"
    )


@st.composite
def tables(draw, *, handling):
    """A table on the band and a factor, with an outcome where drawn."""
    concludes = draw(st.booleans())
    rows = []
    for _ in range(draw(st.integers(0, 3))):
        band = draw(st.sampled_from(["A", "B", "C", "A | B", '"-"']))
        months = draw(st.sampled_from(['"-"', '"< 6"', '">= 6"', '"[3, 9]"']))
        months = "missing" if handling and draw(st.booleans()) else months
        rows.append((band, months))
    lines = []
    for band, months in [*rows, ('"-"', '"-"')]:
        outcome = draw(st.sampled_from([*LIKELY, '"-"', '"-"']))
        amount = draw(st.sampled_from(["20000", "500", "2 * income.conservative_6m"]))
        lines.append(
            f"        - [{band}, {months}, {amount}{f', {outcome}' if concludes else ''}]\n"
        )
    give = "max_amount: money" + (", outcome: text" if concludes else "")
    hit = draw(st.sampled_from(["first", "{collect: {max_amount: min}}"]))
    hit = "first" if concludes else hit
    return (
        "  - name: limit\n    component: TABLE\n    table:\n      id: limit\n"
        f"      hit: {hit}\n      when: [card.band, income.months_3m]\n      give: {{{give}}}\n"
        f"      reason: DEBT\n      rows:\n{''.join(lines)}"
    )


OFFER = """\
offer:
  approved_amount: min(inputs.requested_amount, limit.max_amount)
  minimum_amount: 1000
  below_minimum: SMALL
"""


@st.composite
def texts(draw, *, handling):
    """A whole rule file; `handling` lets it look past absent data in every way there is."""
    parts = [APPROVES_ALL, draw(rule_stages("first", handling=handling))]
    tail = ""
    if draw(st.integers(0, 3)):
        parts += [draw(cards(handling=handling)), draw(tables(handling=handling))]
        on_score = st.sampled_from(
            ["card.score < 30", "20 <= card.score < 60", "card.band == 'B'", "card.band != 'C'"]
        )
        on_limit = st.sampled_from(["limit.max_amount < 1000", "limit.max_amount >= 20000"])
        parts.append(draw(rule_stages("later", handling=handling, extra=(on_score, on_limit))))
        if draw(st.integers(0, 3)):
            tail = OFFER
            if draw(st.booleans()):
                operator = draw(st.sampled_from(["<", ">="]))
                tail += (
                    "post_checks:\n  - id: cap\n    reason: LEGAL\n"
                    f"    when: offer.approved_amount {operator} 10000\n"
                    f"    then: {draw(st.sampled_from(OUTCOMES[1:]))}\n"
                )
    if draw(st.booleans()):
        parts.append(draw(rule_stages("last", handling=handling)))
    return f"{HEAD}stages:\n{''.join(parts)}{tail}"


@st.composite
def all_facts(draw):
    """Facts in which every factor has a value."""
    given = {
        "income.months_12m": draw(st.integers(0, 12)),
        "contributions.months_12m": draw(st.integers(0, 12)),
        "income.months_3m": draw(st.integers(0, 3)),
        "employment.status": draw(st.sampled_from(["EMPLOYED", "GIG", "UNEMPLOYED"])),
        "employment.has_payroll": draw(st.booleans()),
    }
    for name in AMOUNTS:
        given[name] = Money("PHP", draw(st.sampled_from([0, 50_000, 1_200_050, 3_000_000])))
    return given


ASKED = {"requested_amount": Money("PHP", 2_000_000), "requested_term_months": 6}


def with_inputs(given):
    """Facts with an application's inputs."""
    return facts(given, **ASKED)


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
