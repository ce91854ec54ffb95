"""Made-up tables and the cells of tables and bins."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from tests.oracles.rule_words import Scope, Words

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
