"""Made-up rulesets and facts from a seed, in every construct that rule files have."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from random import Random
from zoneinfo import ZoneInfo

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import FactorSpec, ValueType
from decision_service.domain.values import Cause
from tests.oracles.rule_words import CODES, OUTCOMES, Scope, Tables, Words

MANILA = ZoneInfo("Asia/Manila")
FACTORS = {
    "income.months_12m": "integer", "income.months_24m": "integer",
    "contributions.months_12m": "integer", "income.volatility_6m": "number",
    "transactions.fee_ratio_3m": "number", "income.conservative_6m": "money",
    "liabilities.outstanding_total": "money", "employment.status": "text",
    "employment.has_payroll": "flag", "identity.birth_date": "date",
}  # fmt: skip
LABELS = {"employment.status": ("EMPLOYED", "GIG", "UNEMPLOYED")}
CATALOGUE = {
    name: FactorSpec(
        name, ValueType(kind), "", name, name, frozenset({Kind.EINCOMES}), frozenset(Cause),
        labels=LABELS.get(name, ()),
    )
    for name, kind in FACTORS.items()
}  # fmt: skip
INPUTS = {
    "requested_amount": "money", "requested_term_months": "integer", "declared_debt": "money",
    "customer_type": "text", "first_loan": "flag", "hired_on": "date",
}  # fmt: skip
OBSERVED = "declared_debt"
"""The input that a source outside observes, for thirty days."""

SEGMENTS = ("inputs.customer_type", "inputs.first_loan", "employment.status")
PARAMS = {"least_months": "integer", "share": "number", "cap": "money", "opening": "date"}
TAGS = "tags:\n  desk: {text: a desk}\n  signal: {text: a signal, told: nobody}\n"
STEPS = (date(2026, 1, 1), date(2026, 6, 30), date(2026, 12, 1))


class Writer:
    """Writes one rule file; names come into scope as they are defined."""

    def __init__(self, seed: int, *, handling: bool) -> None:
        self.rng = Random(seed)
        self.scope = Scope(dict(FACTORS), handling=handling)
        self.scope.labels.update(LABELS)
        self.words = Words(self.rng, self.scope)
        self.tables = Tables(self.rng, self.scope, self.words)
        self.cards: list[str] = []
        self.lines: list[str] = []
        self.ids = 0
        self.usual = self.rng.choice([("APPROVE", "APPROVE", "REFER"), OUTCOMES, ("REFER",)])

    def text(self) -> str:
        """The whole file."""
        segments = f"segments: [{', '.join(SEGMENTS)}]\n"
        parts = [self._head(), self._reasons(), TAGS, segments, self._params()]
        self._derive(self.rng.randint(0, 4))
        stages = "".join(self._stages())
        derived = f"derived:\n{''.join(self.lines)}" if self.lines else ""
        closing, legal = self._closing()
        return f"{''.join(parts)}{derived}stages:\n{stages}{legal}{closing}"

    def _head(self) -> str:
        for name, kind in INPUTS.items():
            self.scope.names[f"inputs.{name}"] = kind
        self.scope.labels["inputs.customer_type"] = ("new", "existing")
        lines = [f"  {name}: {{type: {kind}}}\n" for name, kind in INPUTS.items()]
        lines[2] = f"  {OBSERVED}: {{type: money, max_age: 30d, source: CIC}}\n"
        lines[3] = "  customer_type: {type: text, one_of: [new, existing]}\n"
        head = "ruleset: test-loan\nversion: 1\ntitle: Made up\ncurrency: PHP\n"
        valid = self.rng.choice(["", "valid_for: 14d\n", "valid_for: 36h\n"])
        return f"{head}time_zone: Asia/Manila\n{valid}inputs:\n{''.join(lines)}"

    def _reasons(self) -> str:
        lines = []
        for code in CODES:
            group = self.rng.choice(["", ", group: one", ", group: two"])
            priority = self.rng.choice(["", f", priority: {self.rng.randint(1, 5)}"])
            lines.append(f"  {code}: {{text: {{en: A sentence}}{group}{priority}}}\n")
        return f"reasons:\n{''.join(lines)}"

    def _params(self) -> str:
        lines = []
        for name, kind in PARAMS.items():
            self.scope.names[f"params.{name}"] = kind
            given = self._labelled(kind) if self.rng.random() < 0.3 else self._given(kind)
            lines.append(f"  {name}: {{type: {kind}, {given}}}\n")
        return f"params:\n{''.join(lines)}"

    def _given(self, kind: str) -> str:
        dated = self._dated(kind)
        return f"value: {dated}" if dated else f"value: {self._param(kind)}"

    def _dated(self, kind: str) -> str:
        """Values from several days on, or nothing."""
        steps = self.rng.sample(STEPS[1:], self.rng.randint(0, 2))
        values = {day: self._param(kind) for day in (STEPS[0], *steps)}
        return f"{{{', '.join(f'{d}: {v}' for d, v in values.items())}}}" if steps else ""

    def _labelled(self, kind: str) -> str:
        """Values by the labels of an input or a factor, some of them dated, some by default."""
        by = self.rng.choice(SEGMENTS)
        labels = self.scope.labels.get(by, ("true", "false"))
        own = self.rng.sample(labels, self.rng.randint(1, len(labels)))
        named = [*own, "default"] if len(own) < len(labels) or self.rng.random() < 0.2 else own
        values = {label: self._dated(kind) or self._param(kind) for label in named}
        shown = ", ".join(f"{label}: {value}" for label, value in values.items())
        return f"value: {{{shown}}}"

    def _param(self, kind: str) -> str:
        choices = {
            "integer": ["3", "6", "12"], "number": ["0.05", "0.35", "0.5"],
            "money": ["9000", "15000.50"], "date": ["2020-02-29", "1990-01-01"],
        }  # fmt: skip
        return self.rng.choice(choices[kind])

    def _derive(self, count: int) -> None:
        """So many derived lines over what is in scope: what stages gave so far, too."""
        for _ in range(count):
            index, kind = len(self.lines), self.rng.choice(["money", "money", "number", "flag"])
            self.lines.append(f"  d{index}: >-\n    {self.words.of(kind, 2)}\n")
            self.scope.names[f"derived.d{index}"] = kind

    def _stages(self) -> list[str]:
        stages = [self._approving()] if self.rng.random() < 0.7 else []
        kinds = [self._rule_stage, self._card_stage, self._table_stage, self._rule_stage]
        more = range(self.rng.randint(1, 5))
        return [*stages, *(self._stage(self.rng.choice(kinds), f"s{index}") for index in more)]

    def _stage(self, kind: Callable[[str], str], name: str) -> str:
        """A stage, often with a condition, which sees nothing that the stage gives."""
        when = f"    segment: {self._segment()}\n    component:"
        conditional = self.rng.random() < 0.4
        text = kind(name)
        self._derive(self.rng.choice([0, 0, 1, 2]))
        return text.replace("    component:", when, 1) if conditional else text

    def _segment(self) -> str:
        """Some labels of one name, in the form of a cell."""
        labels = self.scope.labels.get(self.rng.choice(SEGMENTS), ("true", "false"))
        label = self.rng.choice(labels)
        return self.rng.choice([label, f'"{labels[0]} | {labels[-1]}"', f'"!= {label}"'])

    def _approving(self) -> str:
        rule = self._rule("when: inputs.requested_amount > 0", "APPROVE", "", "        ")
        return f"  - name: default\n    component: POLICY\n    rules:\n      - {rule}"

    def _rule(self, when: str, then: str, more: str, indent: str) -> str:
        self.ids += 1
        reason = "" if then == "APPROVE" else f"{indent}reason: {self.rng.choice(CODES)}\n"
        named = re.findall(r"[a-z]\w*\.[a-z]\w*", when)
        if reason and named and self.rng.random() < 0.4:
            reason += f"{indent}reason_factor: {self.rng.choice(named)}\n"
        tags = self.rng.choice(["", "", "", "[desk]", "[signal]", "[signal, desk]"])
        if tags and then != "APPROVE" and self.rng.random() < 0.3:
            return f"id: r{self.ids}\n{indent}{when}\n{indent}tags: {tags}\n"
        more += f"{indent}tags: {tags}\n" if tags else ""
        return f"id: r{self.ids}\n{indent}{when}\n{indent}then: {then}\n{reason}{more}"

    def _rules(self, outcomes: tuple[str, ...], indent: str) -> str:
        rules = []
        for _ in range(self.rng.randint(1, 4)):
            when = f"when: >-\n{indent}    {self.words.of('flag', 2)}"
            more = self._handling(f"{indent}  ")
            then = self.rng.choice(outcomes)
            rules.append(f"{indent}- {self._rule(when, then, more, indent + '  ')}")
        return "".join(rules)

    def _handling(self, indent: str) -> str:
        action = self.rng.choice(["", "", "", "REFER", "SKIP", "SKIP", "DECLINE"])
        handles = f"{indent}when_missing: {action}\n{indent}because: it is known\n"
        return handles if action and self.scope.handling else ""

    def _rule_stage(self, name: str) -> str:
        component = self.rng.choice(["KNOCKOUT", "POLICY"])
        rules = self._rules(self.usual, "      ")
        return f"  - name: {name}\n    component: {component}\n    rules:\n{rules}"

    def _card_stage(self, name: str) -> str:
        if len(self.cards) == 2:
            return self._rule_stage(name)
        chosen = self._scored()
        body = "".join(self._characteristic(factor) for factor in chosen)
        card = f"card{len(self.cards)}"
        text = (
            f"  - name: {name}\n    component: SCORECARD\n    scorecard:\n      id: {card}\n"
            f"      points: {self.rng.choice([0, 10, '-5.5'])}\n"
            f"      characteristics:\n{body}      bands:\n{self._bands()}"
        )
        self.cards.append(card)
        self.scope.names |= {f"{card}.score": "number", f"{card}.band": "text"}
        self.scope.labels[f"{card}.band"] = ("A", "B", "C")
        return text

    def _scored(self) -> list[str]:
        """Few enough that all worlds of both cards are looked at."""
        pool = [n for n in FACTORS if not n.startswith("identity")]
        if not self.cards:
            return self.rng.sample(pool, self.rng.randint(1, 3))
        return [self.rng.choice([*pool, f"{self.cards[0]}.score", f"{self.cards[0]}.band"])]

    def _characteristic(self, factor: str) -> str:
        kind = self.scope.names[factor]
        cells = self.tables.partition(factor, kind)
        points = [self.rng.choice([0, 5, 10, 20, 40, "-3", "12.5"]) for _ in cells]
        rows = zip(cells, points, strict=True)
        bins = "".join(f'            - {{in: "{c}", points: {p}}}\n' for c, p in rows)
        fixed = (
            f"          when_missing: {self.rng.choice([0, 15, 'bounds'])}\n          because: so\n"
        )
        reason = f"          reason: {self.rng.choice(CODES)}\n"
        missing = fixed if self.rng.random() < 0.4 and self.scope.handling else ""
        return f"        - factor: {factor}\n{reason}          bins:\n{bins}{missing}"

    def _bands(self) -> str:
        starts = sorted(self.rng.sample(range(1, 80), 2), reverse=True)
        thens = self.rng.choice(["AAA", "AAA", "AAR", "ARD", "AAD", "ARR", "RRD", "DDD"])
        words = {"A": "APPROVE", "R": "REFER", "D": "DECLINE"}
        rows = zip("ABC", [*(f"from: {s}, " for s in starts), ""], thens, strict=True)
        return "".join(
            f"        - {{name: {band}, {start}then: {words[then]}}}\n"
            for band, start, then in rows
        )

    def _table_stage(self, name: str) -> str:
        self.ids += 1
        return self.tables.stage(name, f"table{self.ids}")

    def _closing(self) -> tuple[str, str]:
        """What follows the stages, and the stage that looks at it."""
        chance, parts, legal = self.rng.random, [], ""
        if chance() < 0.8:
            parts.append(self._offer())
        if chance() < 0.6:
            whens = [self.words.of("flag", 1) for _ in range(self.rng.randint(1, 2))]
            parts.append("conditions:\n")
            for index, when in enumerate(whens):
                text = f"    when: >-\n      {when}\n    text: {{en: Do this}}\n"
                parts.append(f"  - id: c{index}\n{text}")
        if chance() < 0.6:
            rules = self._rules(("REFER", "DECLINE"), "      ")
            legal = f"  - name: legal\n    component: LEGAL\n    rules:\n{rules}"
        return "".join(parts), legal

    def _offer(self) -> str:
        amount = self.words.of
        lines = {}
        if self.rng.random() < 0.7:
            lines["max_amount"] = amount("money", 2)
        chosen = self.rng.random() < 0.4
        if chosen:
            lines["term_months"] = self._term()
        lines["approved_amount"] = self._approved(lines)
        if chosen or self.rng.random() < 0.6:
            lines |= {"minimum_amount": amount("money", 0), "reason": "SMALL"}
        if not chosen and self.rng.random() < 0.5:
            lines["term_months"] = "inputs.requested_term_months"
        if self.rng.random() < 0.5:
            lines["monthly_rate"] = amount("number", 1)
        for index in range(self.rng.randint(0, 2)):
            lines[f"more{index}"] = amount(self.rng.choice(["money", "number", "flag"]), 2)
        if chosen:
            lines["instalment"] = "annuity(params.cap, 0.05, offer.term_months)"
        return "offer:\n" + "".join(self._offer_line(n, text) for n, text in lines.items())

    def _term(self) -> str:
        """A choice among some terms, as the value of a line."""
        falling = self.rng.choice([True, False])
        term, amount = "offer.term_months", self.words.of
        rate = self.rng.choice(["0.05", "0.001 * offer.term_months", "params.share"])
        asks = [
            f"{term} <= inputs.requested_term_months and {amount('flag', 1)}",
            f"annuity({amount('money', 0)}, {rate}, {term}) <= {amount('money', 1)}",
            f"{term} < {amount('number', 0)} or {amount('flag', 0)}",
        ]
        terms = sorted(self.rng.sample([3, 6, 9, 12, 24], self.rng.randint(1, 4)), reverse=falling)
        ask = self.rng.choice(asks)
        return f"\n    of: {terms}\n    when: >-\n      {ask}"

    def _approved(self, lines: dict[str, str]) -> str:
        asked = "inputs.requested_amount"
        most = "offer.max_amount" if "max_amount" in lines else self.words.of("money", 1)
        tables = [n for n in self.scope.names if n.startswith("table") and n.endswith("amount")]
        most = self.rng.choice([most, *tables])
        forms = [f"min({asked}, {most})", f"{asked} if {asked} <= {most} else floor({most}, 500)"]
        forms += [f"coalesce(min({most}, {asked}), {asked})", asked, most]
        return self.words.one_of(forms)

    def _offer_line(self, name: str, text: str) -> str:
        kinds = {"max_amount": "money", "approved_amount": "money", "minimum_amount": "money"}
        if name in kinds:
            self.scope.names[f"offer.{name}"] = "money"
        plain = name == "reason" or text.startswith("\n")
        return f"  {name}: {text}\n" if plain else f"  {name}: >-\n    {text}\n"


def ruleset_text(seed: int, *, handling: bool = True) -> str:
    """A rule file, well formed but not always sensible, the same for the same seed.

    Without `handling` it looks past nothing that is missing.
    """
    return Writer(seed, handling=handling).text()
