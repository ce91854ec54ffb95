"""Made-up expressions of every type over the names in scope, and tables with their cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

OUTCOMES = ("APPROVE", "REFER", "DECLINE")

FIGURES = {
    "integer": ["0", "3", "6", "10", "12"],
    "number": ["0.05", "0.35", "1", "12", "30"],
    "money": ["0", "500", "1000", "9000", "12000.50", "30000"],
    "date": ["1990-01-01", "2020-02-29", "2020-03-01"],
}

LOOKS_PAST = ("coalesce(", "known(", "missing(")

NUMERIC = ("integer", "number")


@dataclass
class Scope:
    """The names there are with their types, and the labels of those that have some.

    `handling` says whether rules may look past what is missing.
    """

    names: dict[str, str]
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    handling: bool = True

    def of(self, *kinds: str) -> list[str]:
        """The names of some types."""
        return [name for name, kind in self.names.items() if kind in kinds]


class Words:
    """Makes expressions; `depth` bounds how far they nest."""

    def __init__(self, rng: Random, scope: Scope) -> None:
        self.rng, self.scope = rng, scope

    def figures(self, kind: str) -> list[str]:
        """Literals of a type."""
        return FIGURES[kind]

    def figure(self, kind: str) -> str:
        """One literal of a type."""
        return self.rng.choice(self.figures(kind))

    def of(self, kind: str, depth: int) -> str:
        """An expression of a type."""
        if kind == "money":
            return self.amount(depth)
        return self.flag(depth) if kind == "flag" else self.number(depth)

    def amount(self, depth: int) -> str:
        """An expression of money, with a name in it somewhere."""
        name = self.rng.choice(self.scope.of("money"))
        if depth == 0 or self.rng.random() < 0.15:
            return name
        a, b = self.amount(depth - 1), self.amount(depth - 1)
        other = self.rng.choice([b, b, self.figure("money")])
        rate = self.rng.choice(["params.share", "0.05", "0", "0.025"])
        months = self.rng.choice(["inputs.requested_term_months", "6", "12"])
        step = self.rng.choice(["500", "0.25", "1000"])
        forms = [
            f"{a} + {other}", f"({other} - {a})", f"({a}) * {self.factor(depth - 1)}",
            f"({a}) / {self.divisor()}", f"min({a}, {other})", f"max({a}, {other}, {b})",
            f"abs({a})", f"floor({a}, {step})", f"round({a}, {step})", f"coalesce({a}, {other})",
            f"({a} if {self.flag(depth - 1)} else {other})", f"-({a})",
            f"annuity({a}, {rate}, {months})", f"annuity_amount({a}, {rate}, {months})",
        ]  # fmt: skip
        return self.one_of(forms)

    def one_of(self, forms: list[str]) -> str:
        """One of some forms, of those that look past nothing missing where none may."""
        if self.scope.handling:
            return self.rng.choice(forms)
        return self.rng.choice([form for form in forms if not form.startswith(LOOKS_PAST)])

    def factor(self, depth: int) -> str:
        """What an amount is multiplied by."""
        return self.rng.choice(["3", "0.35", "1.5", f"({self.number(min(depth, 0))})"])

    def divisor(self) -> str:
        """What an amount is divided by: sometimes nought."""
        return self.rng.choice(["3", "7", *self.scope.of("integer"), "params.share"])

    def number(self, depth: int) -> str:
        name = self.rng.choice(self.scope.of(*NUMERIC))
        if depth <= 0 or self.rng.random() < 0.2:
            return name
        a, b = self.number(depth - 1), self.number(depth - 1)
        other = self.rng.choice([b, self.figure("number")])
        forms = [
            f"{a} + {other}", f"({other} - {a})", f"({a}) * ({other})", f"({a}) / ({b})",
            f"({self.amount(depth - 1)}) / ({self.amount(depth - 1)})", f"min({a}, {other})",
            f"max({a}, {other})", f"coalesce({a}, {other})", f"round({a}, 0.5)", f"floor({a}, 3)",
            f"({a} if {self.flag(depth - 1)} else {other})", f"-({a})", f"abs({a})",
            f"exp({a})", f"1 / (1 + exp(-({a}) / 10))", f"ln({a})", f"ln(max({a}, 1))",
        ]  # fmt: skip
        return self.one_of(forms)

    def flag(self, depth: int) -> str:
        if depth <= 0 or self.rng.random() < 0.3:
            return self.comparison(max(depth, 0))
        a, b = self.flag(depth - 1), self.flag(depth - 1)
        forms = [f"({a}) and ({b})", f"({a}) or ({b})", f"not ({a})", f"{a} and {b} or {a}"]
        forms += [f"not ({a} and {b})", f"not ({a} or {b})"] * 2
        forms += [f"(({a}) if ({b}) else ({a}))", f"coalesce({self.name('flag')}, false)"]
        return self.one_of(forms)

    def name(self, *kinds: str) -> str:
        """A name of one of some types."""
        return self.rng.choice(self.scope.of(*kinds))

    def comparison(self, depth: int) -> str:
        """One comparison, a flag, a test of labels or of presence."""
        operator = self.rng.choice(["<", "<=", ">", ">=", "==", "!="])
        months = f"{self.name('integer')} {operator} {self.figure('integer')}"
        money = f"{self.amount(depth - 1 if depth else 0)} {operator} {self.figure('money')}"
        forms = [months, months, money, money, self.name("flag"), *self._labels(), *self._scores()]
        forms += [f"{self.amount(0)} {operator} {self.amount(0)}"]
        forms += [f"{self.figure('number')} {operator} {self.number(depth - 1)}"]
        forms += [f"3 <= {self.name('integer')} < {self.name('integer')} <= 12"]
        forms += [f'{self.name("date")} {operator} "{self.figure("date")}"']
        forms += [f"{self.name('date')} {operator} {self.name('date')}"]
        days = self.rng.choice(["7", "-1", "400"])
        forms += [f"{self.name('date')} {operator} add_days({self.name('date')}, {days})"]
        anything = self.rng.choice(list(self.scope.names))
        forms += [f"known({anything})", f"missing({anything})", "inputs.first_loan == true"]
        return self.one_of(forms)

    def _labels(self) -> list[str]:
        name = self.rng.choice(list(self.scope.labels))
        labels = self.scope.labels[name]
        some = ", ".join(f"'{label}'" for label in labels[:2])
        one = f"'{self.rng.choice(labels)}'"
        return [f"{name} == {one}", f"{name} in ({some})", f"{name} not in ({one})"]

    def _scores(self) -> list[str]:
        """Tests of what scorecards and tables gave, so that later stages rest on them."""
        found = []
        for name, kind in self.scope.names.items():
            if name.endswith(".score"):
                found.append(f"{name} {self.rng.choice(['<', '>='])} {self.rng.randint(0, 60)}")
            if name.endswith(".band"):
                found.append(f"{name} {self.rng.choice(['==', '!='])} 'B'")
            if name.startswith(("table", "offer")) and kind == "money":
                found.append(f"{name} {self.rng.choice(['<', '>='])} {self.figure('money')}")
        return found * 2


CODES = ("SHORT", "SHORTER", "GAPS", "DEBT", "SMALL", "LEGAL_CAP", "UNSTEADY", "OTHER_DATA")


class Tables:
    """Writes tables over the names in scope."""

    def __init__(self, rng: Random, scope: Scope, words: Words) -> None:
        self.rng, self.scope, self.words = rng, scope, words

    def partition(self, name: str, kind: str) -> list[str]:
        """Cells that take every value once, in no order."""
        if kind in ("text", "flag"):
            labels = self.scope.labels.get(name, ("true", "false"))
            cells = [labels[0], " | ".join(labels[1:])]
        else:
            low, high = sorted(self.rng.sample(self.words.figures(kind), 2), key=_order)
            cells = [f"< {low}", f"[{low}, {high})", f">= {high}"]
            cells = self.rng.choice([cells, [f"<= {low}", f"({low}, {high}]", f"> {high}"]])
            cells = self.rng.choice([cells, [f"< {low}", f">= {low}"]])
        self.rng.shuffle(cells)
        return cells

    def stage(self, name: str, table: str) -> str:
        """A stage with a table; its outputs come into scope."""
        hit = self.rng.choice(["first", "first", "unique"])
        give = {"amount": "money"}
        give |= {n: k for n, k in (("tier", "text"), ("ok", "flag")) if self.rng.random() < 0.4}
        give |= {"hits": "integer"} if self.rng.random() < 0.3 else {}
        when = self._columns()
        rows = self._rows(hit, when, give)
        text = (
            f"  - name: {name}\n    component: TABLE\n    table:\n      id: {table}\n"
            f"      hit: {hit}\n      when: [{', '.join(when)}]\n      give: {_flow(give)}\n"
            f"      rows:\n{rows}"
        )
        self.scope.names |= {f"{table}.{n}": k for n, k in give.items()}
        if "tier" in give:
            given_labels = tuple(tier for tier in ("T1", "T2") if f'"{tier}"' in rows)
            self.scope.labels[f"{table}.tier"] = given_labels
        return text

    def _columns(self) -> list[str]:
        names = [
            n for n, kind in self.scope.names.items() if kind != "text" or n == "employment.status"
        ]
        names += [n for n in self.scope.names if n.endswith((".band", ".score"))] * 4
        return list(dict.fromkeys(self.rng.choice(names) for _ in range(self.rng.randint(1, 2))))

    def _rows(self, hit: str, when: list[str], given: dict[str, str]) -> str:
        if hit == "unique":
            cells = [[c] for c in self.partition(when[0], self.scope.names[when[0]])]
            cells = [[*row, *["-" for _ in when[1:]]] for row in cells]
        else:
            cells = [[self._cell(name) for name in when] for _ in range(self.rng.randint(1, 4))]
            cells += [["-" for _ in when]] if hit == "first" else []
        rows = [[*row, *(self._gift(n, k) for n, k in given.items())] for row in cells]
        return "".join(f"        - [{', '.join(_quoted(cell) for cell in row)}]\n" for row in rows)

    def _cell(self, name: str) -> str:
        kind, figure = self.scope.names[name], self.words.figures
        if self.rng.random() < 0.25:
            return self.rng.choice(["-", "-", "missing" if self.scope.handling else "-"])
        if kind in ("text", "flag"):
            labels = self.scope.labels.get(name, ("true", "false"))
            label = self.rng.choice(labels)
            return self.rng.choice([label, f"{labels[0]} | {labels[-1]}", f"!= {label}"])
        low, high = sorted(self.rng.sample(figure(kind), 2), key=_order)
        if self.rng.random() < 0.5:
            return self.rng.choice([f"[{low}, {high})", f"({low}, {high}]", f"[{low}, {high}]"])
        return f"{self.rng.choice(['<', '<=', '>', '>=', '==', '!='])} {low}"

    def _gift(self, name: str, kind: str) -> str:
        if kind == "text":
            return self.rng.choice(["T1", "T2"])
        if kind == "flag":
            return self.rng.choice(["true", "false"])
        if kind == "integer":
            return self.rng.choice(["1", "income.months_12m + 1"])
        plain = [self.words.figure(kind)] * 2
        return self.rng.choice([*plain, self.words.of(kind, 1)]).replace('"', "'")


def _quoted(cell: str) -> str:
    return cell if cell in ("true", "false") else f'"{cell}"'


def _flow(given: dict[str, str]) -> str:
    return f"{{{', '.join(f'{n}: {k}' for n, k in given.items())}}}"


def _order(figure: str) -> tuple[Decimal, str]:
    try:
        return (Decimal(figure), "")
    except ArithmeticError:
        return (Decimal(0), figure)
