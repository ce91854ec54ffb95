"""The reference set for zen-engine: decision tables in its JSON form, evaluated with its trace."""

from __future__ import annotations

import itertools
import json
from typing import Any

import zen

from bench.reference import BANDS, BASE, BINS, FACTORS, Answer, characteristics, rules, table_rows


def _flat(name: str) -> str:
    return name.replace(".", "_")


def _input(field: str) -> dict[str, str]:
    return {"id": f"i_{field}", "type": "expression", "field": field, "name": field}


def _output(field: str) -> dict[str, str]:
    return {"id": f"o_{field}", "type": "expression", "field": field, "name": field}


def _table(
    name: str, inputs: list[str], output: str, rows: list[dict[str, str]], policy: str
) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "type": "decisionTableNode",
        "content": {
            "hitPolicy": policy,
            "inputs": [_input(field) for field in inputs],
            "outputs": [_output(output)],
            "rules": [{"_id": f"{name}{n}", **row} for n, row in enumerate(rows)],
            "passThrough": True,
            "executionMode": "single",
            "outputPath": name if policy == "collect" else None,
        },
    }


def _rule_rows() -> list[dict[str, str]]:
    rows = []
    for rule in rules():
        row = {f"i_{_flat(rule.left)}": f"< {rule.bound}", "o_id": json.dumps(rule.id)}
        if rule.second:
            row[f"i_{_flat(rule.second)}"] = f"< {rule.second_bound}"
        rows.append(row)
    return rows


def _characteristic(name: str) -> dict[str, Any]:
    field = _flat(name)
    rows = [
        {f"i_{field}": f"[{low}..{high})", f"o_points_{field}": str(points)}
        for low, high, points in BINS
    ]
    return _table(f"char_{field}", [field], f"points_{field}", rows, "first")


def _expressions() -> dict[str, Any]:
    total = " + ".join([str(BASE), *(f"points_{_flat(name)}" for name in characteristics())])
    band = "'D'"
    for name, least in reversed(BANDS):
        if least is not None:
            band = f"$.score >= {least} ? '{name}' : ({band})"
    return {
        "id": "score",
        "name": "score",
        "type": "expressionNode",
        "content": {
            "expressions": [
                {"id": "e1", "key": "score", "value": total},
                {"id": "e2", "key": "band", "value": band},
            ],
            "passThrough": True,
            "executionMode": "single",
        },
    }


def model() -> dict[str, Any]:
    """The decision model: rules, eight characteristics, score, table, in a chain."""
    rule_inputs = sorted(
        {_flat(r.left) for r in rules()} | {_flat(r.second) for r in rules() if r.second}
    )
    limit_rows = [
        {
            "i_band": json.dumps(band),
            f"i_{_flat(FACTORS[28])}": f">= {lower}",
            "o_multiple": str(months),
        }
        for band, lower, months in table_rows()
    ]
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode"},
        _table("held", rule_inputs, "id", _rule_rows(), "collect"),
        *(_characteristic(name) for name in characteristics()),
        _expressions(),
        _table("limit", ["band", _flat(FACTORS[28])], "multiple", limit_rows, "first"),
        {"id": "out", "name": "out", "type": "outputNode"},
    ]
    edges = [
        {"id": f"{a['id']}-{b['id']}", "sourceId": a["id"], "targetId": b["id"], "type": "edge"}
        for a, b in itertools.pairwise(nodes)
    ]
    return {"nodes": nodes, "edges": edges}


class ZenPeer:
    """zen-engine with the reference set loaded."""

    name, package = "zen-engine", "zen-engine"

    def __init__(self) -> None:
        self._decision = zen.ZenEngine().create_decision(json.dumps(model()))

    def prepare(self, values: dict[str, int]) -> dict[str, int]:
        """The values under names that the engine takes."""
        return {_flat(name): value for name, value in values.items()}

    def evaluate(self, prepared: dict[str, int], *, trace: bool = False) -> dict[str, Any]:
        """The engine's own result."""
        return self._decision.evaluate(prepared, {"trace": trace})

    def answer(self, prepared: dict[str, int]) -> Answer:
        """The result in the common form."""
        result = self.evaluate(prepared)["result"]
        held = tuple(row["id"] for row in result.get("held") or [])
        multiple = result.get("multiple")
        return Answer(
            held, int(result["score"]), result["band"], None if multiple is None else int(multiple)
        )
