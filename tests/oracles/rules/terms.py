"""What follows the stages: the offer, and conditions on it."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Any

from tests.oracles.rules.expressions import is_money, limiting, names, worth
from tests.oracles.rules.holes import Gone, no_result, together, truth
from tests.oracles.rules.run import Argument, Run, data

MONEY = {"max_amount", "approved_amount", "minimum_amount"}
KNOWN = {*MONEY, "term_months", "monthly_rate", "tier"}


def offer(written: dict[str, str], outcome: str, run: Run) -> list[Argument]:
    """Make the offer, or find that there is none to make."""
    lines = {f"offer.{name}": text for name, text in written.items() if name != "below_minimum"}
    values = {name: _line(name, text, run) for name, text in lines.items()}
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
        code = written["below_minimum"]
        return [Argument("DECLINE", code, "POLICY", "", "offer.approved_amount")]
    if amount <= 0:
        run.offered = False
        return _refer(no_result("offer.approved_amount"))
    run.offer = _terms(lines, values, run)
    return _refer(missing)


def _refer(missing: Gone | None) -> list[Argument]:
    return [data(hole) for hole in missing.holes] if missing is not None else []


def _line(name: str, text: str, run: Run) -> Any:
    """A line's value as it leaves: amounts rounded down to the centavo."""
    money = name.removeprefix("offer.") in MONEY or is_money(text, run.kinds)
    value = _rounded(worth(text, run.env), money=money)
    behind = run.behind(names(text))
    for world, other in zip(run.worlds, run.in_worlds(text), strict=True):
        if behind:
            world[name] = _rounded(other, money=money)
    run.define(name, value, "money" if money else "")
    if behind:
        run.marked[name] = behind
    return value


def _rounded(value: Any, *, money: bool) -> Any:
    if isinstance(value, Gone) or not money:
        return value
    return (value * 100).to_integral_value(ROUND_FLOOR) / 100


def _may_fall(run: Run) -> bool:
    """Whether any total that is left open brings the amount below the minimum."""
    found = run.in_worlds("offer.approved_amount < offer.minimum_amount")
    return any(value is not False for value in found)


def _terms(lines: dict[str, str], values: dict[str, Any], run: Run) -> dict[str, Any]:
    shown = {n.removeprefix("offer."): v for n, v in values.items() if not isinstance(v, Gone)}
    requested = run.env.get("inputs.requested_amount")
    amount = values["offer.approved_amount"]
    reduced = isinstance(requested, Decimal) and amount < requested
    shown.pop("minimum_amount", None)
    binding = limiting("offer.approved_amount", run.env, lines) if reduced else ""
    return {**shown, "kind": "REDUCED" if reduced else "FULL", "binding": binding}


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
