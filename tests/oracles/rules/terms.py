"""What follows the stages: the offer, and conditions on it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from tests.oracles.rules.expressions import Env, is_money, limiting, names, operands, worth
from tests.oracles.rules.holes import Gone, no_result, together, truth
from tests.oracles.rules.run import Argument, Run, data

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
