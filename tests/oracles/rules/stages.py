"""One decision in the making: its stages, to whom they apply, the offer and its conditions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from tests.oracles.rules.expressions import (
    AND,
    Env,
    Gone,
    Hole,
    deciding,
    gone,
    is_money,
    joined,
    limiting,
    names,
    no_result,
    operands,
    together,
    told,
    truth,
    worth,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SEVERITY = {"APPROVE": 1, "REFER": 2, "DECLINE": 3}


@dataclass(frozen=True)
class Argument:
    """One reason for an outcome; an empty code gives none. `hole` where something is missing.

    `ruled` where a rule declines for what is missing: it `ranks_as` the rule's reason.
    """

    outcome: str
    code: str
    component: str
    kind: str = ""
    factor: str = ""
    lost: Any = None
    hole: Hole | None = None
    ruled: bool = False
    ranks_as: str = ""


def data(hole: Hole, outcome: str = "REFER") -> Argument:
    kind = "DATA" if outcome == "REFER" else ""
    return Argument(outcome, hole.reason, "DATA", kind, hole.name, hole=hole)


def worst(outcomes: Iterable[str | None]) -> str | None:
    """The worst outcome; None where there is none."""
    return max([o for o in outcomes if o], key=SEVERITY.__getitem__, default=None)


@dataclass
class Run:
    """`env` holds the values that count, with the worst totals; `worlds` all that may be so.

    `marked` are names that stand for the worst of several totals, or follow from such a one, with
    the holes behind them.
    """

    env: Env
    kinds: dict[str, str]
    worlds: list[Env] = field(default_factory=lambda: [{}])
    marked: dict[str, tuple[Hole, ...]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    scores: list[tuple[Any, ...]] = field(default_factory=list)
    offer: dict[str, Any] | None = None
    offered: bool = True
    conditions: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    truths: dict[str, Any] = field(default_factory=dict)

    def define(self, name: str, value: Any, kind: str) -> None:
        """Give a name its value."""
        self.env[name], self.kinds[name] = value, kind
        self.order.append(name)

    def derive(self, name: str, text: str, kind: str) -> None:
        """Give a name what an expression comes to, in each world as it comes out there."""
        values, behind = self.in_worlds(text), self.behind(names(text))
        self.define(name, worth(text, self.env), kind)
        if behind:
            self.marked[name] = behind
        for world, value in zip(self.worlds, values, strict=True) if behind else ():
            world[name] = value

    def behind(self, names: Iterable[str]) -> tuple[Hole, ...]:
        """The holes behind the marked ones of some names, in the order of their definition."""
        found = sorted((n for n in names if n in self.marked), key=self.order.index)
        return tuple(hole for name in found for hole in self.marked[name])

    def in_worlds(self, text: str) -> list[Any]:
        """What an expression comes to in every world."""
        return [worth(text, {**self.env, **world}) for world in self.worlds]


INTERVAL = re.compile(r"([\[(])(.+),(.+)([\])])")

OPERATOR = re.compile(r"(<=|>=|==|!=|<|>)(.+)")


def fits(cell: str, value: Any) -> Any:
    """Whether a cell takes a value: True, False, or Gone where it cannot be told."""
    if cell == "-":
        return True
    if isinstance(value, Gone):
        return True if cell == "missing" and not value.tainted else value
    if cell == "missing":
        return False
    interval, operation = INTERVAL.fullmatch(cell), OPERATOR.fullmatch(cell)
    if isinstance(value, str | bool):
        return _labelled(cell, operation, value)
    if interval is not None:
        opening, low, high, closing = interval.groups()
        above = value >= _like(value, low) if opening == "[" else value > _like(value, low)
        below = value <= _like(value, high) if closing == "]" else value < _like(value, high)
        return above and below
    assert operation is not None, cell
    end = _like(value, operation[2])
    return {
        "<": value < end, "<=": value <= end, ">": value > end, ">=": value >= end,
        "==": value == end, "!=": value != end,
    }[operation[1]]  # fmt: skip


def _labelled(cell: str, operation: re.Match[str] | None, value: Any) -> bool:
    words = (operation[2] if operation else cell).split("|")
    text = str(value).lower() if isinstance(value, bool) else value
    among = text in [word.strip() for word in words]
    return not among if operation is not None and operation[1] == "!=" else among


def _like(value: Any, text: str) -> Any:
    text = text.strip()
    return date.fromisoformat(text) if isinstance(value, date) else Decimal(text)


SEGMENT_OF = {
    **dict.fromkeys(("new", "existing"), "inputs.customer_type"),
    **dict.fromkeys(("true", "false"), "inputs.first_loan"),
    **dict.fromkeys(("EMPLOYED", "GIG", "UNEMPLOYED"), "employment.status"),
}
"""The name of which a label is one."""


def applies(stage: dict[str, Any], run: Run) -> list[Argument] | Literal[True]:
    """True, or what a stage argues that is not run: its outputs are missing."""
    cell = str(stage["segment"])
    label = cell.partition("|")[0].removeprefix("!=").strip()
    value = fits(cell, run.env[SEGMENT_OF[label]])
    shown = value.shown if isinstance(value, Gone) else None
    run.truths[f"applies {stage['name']}"] = truth(value)
    if value is True:
        return True
    code = shown.reason if shown else ""
    for name, kind in _outputs(stage).items():
        run.define(name, gone(name, "NOT_APPLIED", code), kind)
    return [data(shown)] if shown else []


def _outputs(stage: dict[str, Any]) -> dict[str, str]:
    if "scorecard" in stage:
        card = stage["scorecard"]["id"]
        return {f"{card}.score": "number", f"{card}.band": "text"}
    table = stage.get("table", {"give": {}})
    return {f"{table['id']}.{name}": kind for name, kind in table["give"].items()}


def rules(listed: list[dict[str, Any]], component: str, run: Run) -> list[Argument]:
    """Every rule; what several conclude is for the caller to weigh."""
    found = [_rule(rule, component, run) for rule in listed]
    return [argument for argument in found if argument is not None]


def _rule(rule: dict[str, Any], component: str, run: Run) -> Argument | None:
    value = worth(rule["when"], run.env)
    run.truths[rule["id"]] = truth(value)
    if all(each is True for each in (value, *run.in_worlds(rule["when"]))):
        run.tags.update(rule.get("tags", ()))
    if "then" not in rule:
        return None
    plain = _plainly(rule, value, component, run)
    behind = run.behind(names(rule["when"]))
    if not behind or (isinstance(value, Gone) and plain is not None and plain.outcome == "REFER"):
        return plain
    same = {truth(v) for v in run.in_worlds(rule["when"])} == {truth(value)}
    declines = plain is not None and plain.outcome == "DECLINE"
    return plain if same and not declines else data(behind[0])


def _plainly(rule: dict[str, Any], value: Any, component: str, run: Run) -> Argument | None:
    if isinstance(value, Gone):
        return _unknown(rule, value)
    if not value:
        return None
    kind = ("LEGAL" if component == "LEGAL" else "POLICY") if rule["then"] == "REFER" else ""
    about = rule.get("reason_factor", "")
    factor = told(rule["when"], run.env, about) if about else deciding(rule["when"], run.env)
    return Argument(rule["then"], rule.get("reason", ""), component, kind, factor)


def _unknown(rule: dict[str, Any], value: Gone) -> Argument | None:
    if value.tainted:
        return data(value.shown)
    action = rule.get("when_missing", "REFER")
    if action == "SKIP":
        return None
    found = data(value.shown, action)
    return replace(found, ruled=action == "DECLINE", ranks_as=rule.get("reason", ""))


def scorecard(card: dict[str, Any], run: Run) -> list[Argument]:
    """Totalled once where all is known, else with the fewest and the most points."""
    rows = [_row(each, run) for each in card["characteristics"]]
    base = Decimal(card["points"])
    low, high = (base + sum(row[key] for row in rows) for key in ("low", "high"))
    worst_band, best_band = _band(card, low), _band(card, high)
    run.scores.append((card["id"], low, high, worst_band["name"]))
    run.define(f"{card['id']}.score", low, "number")
    run.define(f"{card['id']}.band", worst_band["name"], "text")
    open_rows = [row for row in rows if row["open"]]
    outcome = worst_band["then"]
    if open_rows:
        _split(card, base, rows, run)
        tainted = any(row["hole"].tainted for row in open_rows)
        if outcome != "APPROVE" or tainted:
            outcome = "DECLINE" if best_band["then"] == "DECLINE" else "REFER"
    if outcome == "APPROVE":
        return [Argument("APPROVE", "", "SCORECARD")]
    kind = ("DATA" if open_rows else "SCORE") if outcome == "REFER" else ""
    return [Argument(outcome, "", "SCORECARD", kind), *_losses(rows, outcome)]


def _row(each: dict[str, Any], run: Run) -> dict[str, Any]:
    """One characteristic: what it gives, what it could give, and why it is open."""
    name = each["factor"]
    value = Gone(run.marked[name]) if name in run.marked else run.env[name]
    points = [Decimal(b["points"]) for b in each["bins"]]
    row = {"each": each, "points": points, "open": False, "hole": None, "lost": Decimal(0)}
    fixed = each.get("when_missing", "bounds")
    if not isinstance(value, Gone):
        index = next(i for i, b in enumerate(each["bins"]) if fits(b["in"], value) is True)
        run.truths[f"bin {name}"] = each["bins"][index]["in"]
        given = points[index]
        return {**row, "low": given, "high": given, "lost": max(points) - given}
    run.truths[f"bin {name}"] = ""
    if fixed != "bounds" and not value.tainted:
        return {**row, "low": Decimal(fixed), "high": Decimal(fixed), "hole": value.shown}
    return {**row, "low": min(points), "high": max(points), "open": True, "hole": value.shown}


def _band(card: dict[str, Any], total: Decimal) -> dict[str, Any]:
    bands: list[dict[str, Any]] = card["bands"]
    return next(b for b in bands if "from" not in b or total >= Decimal(b["from"]))


def _split(card: dict[str, Any], base: Decimal, rows: list[dict[str, Any]], run: Run) -> None:
    """Every way in which the open characteristics could have come out is a world of its own."""
    choices = [row["points"] if row["open"] else [row["low"]] for row in rows]
    totals = {base + sum(chosen) for chosen in product(*choices)}
    score, band = f"{card['id']}.score", f"{card['id']}.band"
    run.worlds = [
        {**world, score: total, band: _band(card, total)["name"]}
        for world in run.worlds
        for total in totals
    ]
    holes = tuple(row["hole"] for row in rows if row["hole"] is not None)
    run.marked[score] = run.marked[band] = holes


def _losses(rows: list[dict[str, Any]], outcome: str) -> list[Argument]:
    found = []
    for row in rows:
        if row["hole"] is not None:
            found.append(data(row["hole"], outcome))
        elif row["lost"]:
            reason, factor = row["each"].get("reason", ""), row["each"]["factor"]
            found.append(Argument(outcome, reason, "SCORECARD", "", factor, row["lost"]))
    return found


def table(written: dict[str, Any], run: Run) -> list[Argument]:
    """Set the outputs; a table concludes nothing."""
    outputs = list(written["give"])
    rows = _looked_up(written, run.env)
    given = _given(written, rows, outputs, run.env)
    run.truths[f"table {written['id']}"] = [] if isinstance(rows, Gone) else [i + 1 for i in rows]
    behind = run.behind(_reads(written))
    for world in run.worlds if behind else ():
        env = {**run.env, **world}
        for name, value in _given(written, _looked_up(written, env), outputs, env).items():
            world[f"{written['id']}.{name}"] = value
    for name in outputs:
        run.define(f"{written['id']}.{name}", given[name], written["give"][name])
        if behind:
            run.marked[f"{written['id']}.{name}"] = behind
    return []


def _reads(written: dict[str, Any]) -> set[str]:
    found = set(written["when"])
    for row in written["rows"]:
        given = zip(written["give"].items(), row[len(written["when"]) :], strict=True)
        for (_, kind), cell in given:
            if kind in ("money", "number", "integer"):
                found |= names(cell)
    return found


def _looked_up(written: dict[str, Any], env: Env) -> list[int] | Gone:
    """The rows that count, or the holes that hide which they are."""
    asked = [env[name] for name in written["when"]]
    fit = []
    for row in written["rows"]:
        cells = [fits(cell, v) for cell, v in zip(row, asked, strict=False)]
        fit.append(joined(cells, AND))
    if written["hit"] == "first":
        for index, value in enumerate(fit):
            if value is not False:
                return [index] if value is True else value
        return no_result(written["id"])
    for value in fit:
        if isinstance(value, Gone):
            return value
    rows = [index for index, value in enumerate(fit) if value]
    if len(rows) != 1:
        return no_result(written["id"])
    return rows


def _cell(written: dict[str, Any], index: int, output: str) -> str:
    width = len(written["when"])
    text: str = written["rows"][index][width + list(written["give"]).index(output)]
    return text


def _given(
    written: dict[str, Any], rows: list[int] | Gone, outputs: list[str], env: Env
) -> dict[str, Any]:
    if isinstance(rows, Gone):
        return dict.fromkeys(outputs, rows)
    found = {}
    for output in outputs:
        cell = _cell(written, rows[0], output)
        computed = written["give"][output] in ("money", "number", "integer")
        found[output] = worth(cell, env) if computed else _constant(cell, written, output)
    return found


def _constant(cell: str, written: dict[str, Any], output: str) -> Any:
    return cell == "true" if written["give"][output] == "flag" else cell


MONEY = {"max_amount", "approved_amount", "minimum_amount"}

TERM, AMOUNT = "offer.term_months", "offer.approved_amount"

LARGEST = Decimal(10) ** 12

KNOWN = {*MONEY, "term_months", "monthly_rate", "tier"}


def offer(written: dict[str, Any], outcome: str, run: Run) -> list[Argument]:
    """Make the offer, or find that there is none to make."""
    lines = {f"offer.{name}": text for name, text in written.items() if name != "reason"}
    values = {name: _line(name, lines, run) for name in lines}
    amount, minimum = values["offer.approved_amount"], values.get("offer.minimum_amount")
    missing = together(values.values())
    if isinstance(amount, Gone) or isinstance(minimum, Gone):
        run.offered = False
        return _refer(missing)
    behind = run.behind(["offer.approved_amount", "offer.minimum_amount"])
    if minimum is not None and (amount < minimum or (behind and _may_fall(run))):
        run.offered = False
        if behind:
            return [data(behind[0])] if outcome == "APPROVE" else []
        code = written["reason"]
        return [Argument("DECLINE", code, "POLICY", "", "offer.approved_amount")]
    if amount <= 0:
        run.offered = False
        return _refer(no_result("offer.approved_amount"))
    run.offer = _terms(lines, values, run)
    return _refer(missing)


def _refer(missing: Gone | None) -> list[Argument]:
    return [data(hole) for hole in missing.holes] if missing is not None else []


def _line(name: str, lines: dict[str, Any], run: Run) -> Any:
    """A line's value as it leaves: amounts rounded down to the centavo."""
    text = lines[name]
    ask, read = _asked(name, lines)
    money = name.removeprefix("offer.") in MONEY or (
        isinstance(text, str) and is_money(text, run.kinds)
    )
    value = _rounded(name, ask(run.env), money=money)
    behind = run.behind(read)
    for world, other in [(world, ask({**run.env, **world})) for world in run.worlds]:
        if behind:
            world[name] = _rounded(name, other, money=money)
    run.define(name, value, "money" if money else "")
    if behind:
        run.marked[name] = behind
    return value


def _asked(name: str, lines: dict[str, Any]) -> tuple[Callable[[Env], Any], set[str]]:
    """What a line comes to, by the names there are, and those that it reads."""
    text, term = lines[name], lines.get(TERM)
    if isinstance(text, dict):
        return lambda env: _chosen(text, env), names(text["when"]) - {TERM}
    if name == AMOUNT and isinstance(term, dict):
        return lambda env: _if_any(env[TERM], worth(text, env)), {TERM, *names(text)}
    return lambda env: worth(text, env), names(text)


def _if_any(term: Any, amount: Any) -> Any:
    """Nothing where no term fits."""
    return term if isinstance(term, Gone) else amount if term else Decimal(0)


def _chosen(choice: dict[str, Any], env: Env) -> Any:
    """The term that the product takes, tried one after the other; 0 where none fits."""
    for term in map(Decimal, choice["of"]):
        found = worth(choice["when"], {**env, TERM: term})
        if isinstance(found, Gone) or found:
            return found if isinstance(found, Gone) else term
    return Decimal(0)


def _why(choice: Any, term: Any, env: Env) -> str:
    """The first part of the question that the next term does not fulfil."""
    if not isinstance(choice, dict) or isinstance(term, Gone):
        return ""
    terms = [Decimal(t) for t in choice["of"]]
    before = terms[: terms.index(term)] if term in terms else []
    if not before:
        return ""
    parts = operands(choice["when"])
    return next(p for p in parts if worth(p, {**env, TERM: before[-1]}) is not True)


def _rounded(name: str, value: Any, *, money: bool) -> Any:
    if isinstance(value, Gone) or not money:
        return value
    if abs(value) > LARGEST:
        return no_result(name)
    return (value * 100).to_integral_value(ROUND_FLOOR) / 100


def _may_fall(run: Run) -> bool:
    """Whether any total that is left open brings the amount below the minimum."""
    found = run.in_worlds("offer.approved_amount < offer.minimum_amount")
    return any(value is not False for value in found)


def _terms(lines: dict[str, Any], values: dict[str, Any], run: Run) -> dict[str, Any]:
    shown = {n.removeprefix("offer."): v for n, v in values.items() if not isinstance(v, Gone)}
    requested = run.env.get("inputs.requested_amount")
    amount = values["offer.approved_amount"]
    reduced = isinstance(requested, Decimal) and amount < requested
    shown.pop("minimum_amount", None)
    binding = limiting("offer.approved_amount", run.env, lines) if reduced else ""
    why = _why(lines.get(TERM), values.get(TERM), run.env)
    kind = "REDUCED" if reduced else "FULL"
    return {**shown, "kind": kind, "binding": binding, "term_binding": why}


def conditions(written: list[dict[str, Any]], run: Run) -> list[Argument]:
    """What must still be done; a condition that cannot be told refers."""
    found = []
    for each in written:
        value = worth(each["when"], run.env)
        run.truths[each["id"]] = truth(value)
        behind = run.behind(names(each["when"]))
        holds = behind and any(v is not False for v in run.in_worlds(each["when"]))
        if value is True or holds:
            run.conditions.append(each["id"])
        if isinstance(value, Gone):
            found.append(data(value.shown))
    return found
