"""Reads the `caps` section: what a civil day may approve."""

from __future__ import annotations

from decimal import Decimal

from decision_service.domain.money import LARGEST_AMOUNT, IllegalAmount, check_amount
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.rollout.model import DayCap
from decision_service.rollout.reading.hidden import warn_of_hidden_caps
from decision_service.rollout.reading.shares import read_name, refuse_repeated

LEAST_AMOUNT = Decimal("0.0001")
_MOST_APPROVALS = 10**9
_BOUNDS = ("approvals_per_day", "amount_per_day")


def read_caps(plan: Fields) -> tuple[DayCap, ...]:
    """Every cap that could be read, all faults reported."""
    read = [
        (_read_cap(node, plan), node) for node in (plan.items("caps") if plan.has("caps") else ())
    ]
    whole = [(cap, node) for cap, node in read if cap]
    refuse_repeated(((cap.name, node.place) for cap, node in whole), "caps", plan.report)
    warn_of_hidden_caps(whole, plan.report)
    return tuple(cap for cap, _ in whole)


def _read_cap(node: YamlNode, plan: Fields) -> DayCap | None:
    keys = ("tier", *_BOUNDS)
    fields = Fields.of(node, "a cap", plan.report, required=("name",), optional=keys)
    if fields is None:
        return None
    written = [entry.key for entry in fields.node.entries]
    unknown = any(key not in ("name", *keys) for key in written)
    if not unknown and not any(fields.has(key) for key in _BOUNDS):
        message = "a cap needs `approvals_per_day`, `amount_per_day` or both"
        plan.report.error("P305", node.place, message, "say how much a day may approve")
    name, tier = read_name(fields), fields.text("tier") or ""
    approvals = fields.integer("approvals_per_day", 1, _MOST_APPROVALS)
    amount = _read_amount(fields, "amount_per_day")
    return None if name is None else DayCap(name, tier, approvals, amount)


def _read_amount(fields: Fields, key: str) -> Decimal | None:
    """An amount in major units that can be counted in minor ones."""
    amount = fields.decimal(key, LEAST_AMOUNT, LARGEST_AMOUNT)
    if amount is None:
        return None
    try:
        check_amount(amount)
    except IllegalAmount:
        message = f"`{key}` is {amount:f}; an amount has at most four decimals"
        fields.report.error("R309", fields.place(key), message, "leave out what no currency has")
        return None
    return amount
