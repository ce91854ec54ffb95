"""The three kinds of stages, and to whom they apply. Each gives its arguments."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any, Literal

from tests.oracles.rules.cells import fits
from tests.oracles.rules.expressions import Env, deciding, names, told, worth
from tests.oracles.rules.holes import AND, Gone, gone, joined, no_result, truth
from tests.oracles.rules.run import Argument, Run, data

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
