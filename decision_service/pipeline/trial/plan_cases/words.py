"""Reads the values that a case of a plan is made of: amounts, reason codes, tiers and caps."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from decision_service.domain.money import to_minor
from decision_service.language.diagnostics import Place, did_you_mean
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import Scalar
from decision_service.language.yaml.readers import as_scalar
from decision_service.pipeline.trial.plan_cases.expectation import NONE
from decision_service.pipeline.trial.plan_cases.model import PlanUnderTest
from decision_service.ruleset.reading.literals import as_amount


def is_none(fields: Fields, key: str) -> bool:
    """Whether the word `none` stands under a key."""
    node = fields.get(key)
    return isinstance(node, Scalar) and node.plain and node.text == NONE


def read_amount(fields: Fields, key: str, currency: str) -> Decimal | None:
    """An amount of 0 and more in major units; None where it is absent or `none`."""
    node = fields.get(key)
    if node is None or is_none(fields, key):
        return None
    amount = as_amount(node, f"`{key}`", currency, fields.report)
    if amount is not None and amount < 0:
        fields.report.error("R123", node.place, f"`{key}` is {amount:f}; it must be 0 or more")
        return None
    return amount


def read_minor(fields: Fields, key: str, currency: str) -> int | None:
    """The same in minor units."""
    amount = read_amount(fields, key, currency)
    return None if amount is None else to_minor(amount, currency)


def read_codes(fields: Fields, tested: PlanUnderTest) -> tuple[str, ...]:
    """Reason codes; R207 for one that the versions of the plan do not have."""
    listed = fields.items("reasons")
    scalars = [as_scalar(item, "a reason", fields.report) for item in listed]
    found = [scalar for scalar in scalars if scalar is not None]
    for scalar in found:
        _check(fields, "R207", "unknown reason", scalar.text, scalar.place, tested.codes)
    return tuple(scalar.text for scalar in found)


def read_tier(fields: Fields, tested: PlanUnderTest) -> str:
    """The tier of an offer, empty where it has none; R808 for one that no offer has."""
    scalar = fields.scalar("tier")
    if scalar is None:
        return ""
    check_tier(fields, scalar.text, scalar.place, tested)
    return scalar.text


def check_tier(fields: Fields, tier: str, place: Place, tested: PlanUnderTest) -> None:
    """R808 for a tier that no offer has, where the tiers can be told."""
    if tested.tiers is not None:
        what = f"no offer of {tested.plan.product} has the tier"
        _check(fields, "R808", what, tier, place, tested.tiers)


def read_cap(fields: Fields, tested: PlanUnderTest) -> str | None:
    """The name of a cap of the plan, or `none`; R808 for another one."""
    scalar = fields.scalar("cap")
    if scalar is None:
        return None
    caps = {cap.name for cap in tested.plan.caps}
    if scalar.text != NONE:
        what = f"the plan of {tested.plan.product} has no cap"
        _check(fields, "R808", what, scalar.text, scalar.place, caps)
    return scalar.text


def _check(
    fields: Fields, code: str, what: str, name: str, place: Place, known: Iterable[str]
) -> None:
    names = list(known)
    if name not in names:
        fields.report.error(code, place, f"{what} `{name}`", did_you_mean(name, names))


def refuse_without_explore(fields: Fields, keys: Iterable[str], tested: PlanUnderTest) -> None:
    """R812 for each key that is about a control share where the plan has none."""
    if tested.plan.explore is not None:
        return
    for key in keys:
        if fields.has(key):
            message = f"`{key}` is about `explore`, which the plan of {tested.plan.product} lacks"
            fields.report.error("R812", fields.node.key_place(key), message, f"remove `{key}`")


def written_amount(fields: Fields, key: str, currency: str) -> Any:
    """An expected amount, or the word `none`; None where nothing is written."""
    return NONE if is_none(fields, key) else read_amount(fields, key, currency)
