"""Readers of a plan's caps, guardrails and shares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from decision_service.domain.decision import Arm
from decision_service.domain.values import EXACT, LARGEST_AMOUNT, IllegalAmount, check_amount
from decision_service.rollout.model import (
    Ceiling,
    Challenger,
    DayCap,
    Guardrail,
    GuardrailAction,
    GuardrailScope,
    Metric,
    Versions,
)
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.fields import (
    Fields,
    as_scalar,
    shortened,
)
from decision_service.rules.language.types import DeclaredNames
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")


LEAST_AMOUNT = Decimal("0.0001")
_MOST_APPROVALS = 10**9
_BOUNDS = ("approvals_per_day", "amount_per_day", "max_amount")

_REQUIRED = ("name", "metric", "scope", "min_units", "action")
_OPTIONAL = ("max", "window", "versus")
_LARGEST = 10**9
_FEWEST_UNITS = 30
_RAISED_BY_OUTAGES = (
    Metric.UPSTREAM_ERROR_RATE,
    Metric.DATA_MISSING_RATE,
    Metric.REFER_RATE,
    Metric.LATENCY_P99_MS,
)
"""What grows while the vendor is down, whatever the version; comparisons move then, too: one
version may read what the other does not."""


def read_name(fields: Fields, key: str = "name") -> str | None:
    """A name of lower-case letters, digits, `_` and `-`, as operators type it."""
    scalar = fields.scalar(key)
    if scalar is None:
        return None
    if _NAME.fullmatch(scalar.text):
        return scalar.text
    hint = "use lower-case letters, digits, `_` and `-`, beginning with a letter, at most 60"
    message = f"`{shortened(scalar.text)}` is not a name"
    fields.report.error("P201", scalar.place, message, hint)
    return None


def read_share(fields: Fields, key: str = "percent") -> int | None:
    """A percentage from 0 to 100 with at most three decimals, as thousandths of a percent."""
    percent = fields.decimal(key, 0, 100)
    if percent is None:
        return None
    share = percent.scaleb(3, EXACT)
    if share == int(share):
        return int(share)
    message = f"`{key}` is {percent}; a share has at most three decimals"
    fields.report.error("P202", fields.place(key), message, "one slot is 0.001 %")
    return None


def refuse_repeated(named: Iterable[tuple[str | None, Place]], what: str, report: Report) -> None:
    first: dict[str, Place] = {}
    for name, place in named:
        if name is None:
            continue
        if name in first:
            hint = f"it stands on line {first[name].line} already; choose another"
            report.error("P203", place, f"two {what} are named `{name}`", hint)
        first.setdefault(name, place)


def place_of(node: YamlNode, *keys: str | int) -> Place:
    """The place of the value under these nested keys, or of the deepest key present."""
    for key in keys:
        if isinstance(key, int):
            value = node.items[key] if isinstance(node, ListNode) else None
        else:
            value = node.get(key) if isinstance(node, MapNode) else None
        if value is None:
            break
        node = value
    return node.place


def read_units(fields: Fields, key: str) -> dict[str, Place]:
    """The applicants of a list, each with its place; one that is repeated is warned about."""
    found: dict[str, Place] = {}
    for item in fields.items(key) if fields.has(key) else ():
        scalar = as_scalar(item, f"an entry of `{key}`", fields.report)
        if scalar is None or not _is_unit(scalar, key, fields.report):
            continue
        if scalar.text in found:
            message = f"`{key}` lists `{shortened(scalar.text)}` twice"
            fields.report.warning("P211", scalar.place, message, "remove one of them")
        found.setdefault(scalar.text, scalar.place)
    return found


def _is_unit(scalar: Scalar, key: str, report: Report) -> bool:
    if scalar.text and scalar.text == scalar.text.strip():
        return True
    message = f"an entry of `{key}` is empty or has spaces around it, so it never matches"
    report.error("P210", scalar.place, message, "write the value of the plan's unit")
    return False


def _warn_of_hidden_caps(read: Sequence[tuple[DayCap, YamlNode]], report: Report) -> None:
    """P317 (a warning) for each figure of a cap that holds nobody of its own."""
    caps = [cap for cap, _ in read]
    for index, (cap, node) in enumerate(read):
        figures = dict(_figures(cap))
        hiders = {key: _hider(key, figure, cap, caps, index) for key, figure in figures.items()}
        for key, hider in hiders.items():
            idle = "the cap" if all(hiders.values()) else f"`{key}`"
            if hider is not None:
                most, other = hider
                message = (
                    f"`{key}` of the cap `{cap.name}` holds nobody whom the cap `{other}`, with "
                    f"{most:f}, does not hold"
                )
                hint = f"remove {idle}, or make it the smaller of the two"
                report.warning("P317", place_of(node, key), message, hint)


def _figures(cap: DayCap) -> Iterator[tuple[str, Decimal]]:
    if cap.approvals is not None:
        yield "approvals_per_day", Decimal(cap.approvals)
    if cap.amount is not None:
        yield "amount_per_day", cap.amount


def _hider(
    key: str, figure: Decimal, of: DayCap, caps: Sequence[DayCap], own: int
) -> tuple[Decimal, str] | None:
    """Of two equal figures on one tier the first in the file stays."""
    others = [
        (other, cap.name)
        for index, cap in enumerate(caps)
        for name, other in _figures(cap)
        if name == key and index != own and cap.tier in ("", of.tier) and cap.arm is of.arm
        if other < figure or (other == figure and (index < own or cap.tier != of.tier))
    ]
    return min(others, key=lambda one: one[0], default=None)


def read_caps(
    plan: Fields, names: DeclaredNames | None, challenger: Challenger | None
) -> tuple[DayCap, ...]:
    """`names` are the challenger's inputs, None where there are none to hold its caps against."""
    read = [
        (_read_cap(node, plan), node) for node in (plan.items("caps") if plan.has("caps") else ())
    ]
    whole = [(cap, node) for cap, node in read if cap]
    refuse_repeated(((cap.name, node.place) for cap, node in whole), "caps", plan.report)
    _warn_of_hidden_caps(whole, plan.report)
    for cap, node in whole:
        if cap.arm is not None:
            _check_arm_cap(cap, node, names, challenger, plan.report)
    return tuple(cap for cap, _ in whole)


def _read_cap(node: YamlNode, plan: Fields) -> DayCap | None:
    keys = ("tier", "arm", *_BOUNDS)
    fields = Fields.of(node, "a cap", plan.report, required=("name",), optional=keys)
    if fields is None:
        return None
    written = [entry.key for entry in fields.node.entries]
    unknown = any(key not in ("name", *keys) for key in written)
    if not unknown and not any(fields.has(key) for key in _BOUNDS):
        message = "a cap needs `approvals_per_day`, `amount_per_day` or both"
        plan.report.error("P305", node.place, message, "say how much a day may approve")
    for key in ("tier", "approvals_per_day") if fields.has("arm") else ("max_amount",):
        if fields.has(key):
            whose = "the challenger" if fields.has("arm") else "the product"
            hint = "remove it, or `arm`" if fields.has("arm") else "add `arm: challenger`"
            plan.report.error("P306", fields.place(key), f"a cap of {whose} has no `{key}`", hint)
    name, tier = read_name(fields), fields.text("tier") or ""
    arm = fields.choice("arm", (Arm.CHALLENGER.value,))
    approvals = fields.integer("approvals_per_day", 1, _MOST_APPROVALS)
    amount, most = (_read_amount(fields, key) for key in ("amount_per_day", "max_amount"))
    if name is None:
        return None
    return DayCap(name, tier, approvals, amount, Arm(arm) if arm else None, most)


def _check_arm_cap(
    cap: DayCap,
    node: YamlNode,
    names: DeclaredNames | None,
    challenger: Challenger | None,
    report: Report,
) -> None:
    if challenger is None:
        message = f"the cap `{cap.name}` does nothing while the plan has no challenger"
        report.warning("P307", place_of(node, "arm"), message)
    asked = None if names is None else names.symbols.get("inputs.requested_amount")
    if names is not None and asked is None:
        message = f"the cap `{cap.name}` needs the input `requested_amount`, which the challenger "
        hint = "declare it in the ruleset, or remove the cap"
        report.error("P308", place_of(node, "arm"), f"{message}does not declare", hint)
    most = None if asked is None else asked.upper
    if cap.max_amount is not None and most is not None and cap.max_amount >= most:
        message = f"the cap `{cap.name}` keeps no request away: requests are at most {most}"
        hint = "lower the amount, or remove it"
        report.warning("P319", place_of(node, "max_amount"), message, hint)


def _read_amount(fields: Fields, key: str) -> Decimal | None:
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


def read_guardrails(plan: Fields, versions: Versions | None) -> tuple[Guardrail, ...]:
    read = [
        (_read_guardrail(node, plan, versions), node.place)
        for node in (plan.items("guardrails") if plan.has("guardrails") else ())
    ]
    refuse_repeated(((g.name, place) for g, place in read if g), "guardrails", plan.report)
    guardrails = tuple(g for g, _ in read if g)
    _warn_of_unwatched(plan, versions, guardrails)
    return guardrails


def _read_guardrail(node: YamlNode, plan: Fields, versions: Versions | None) -> Guardrail | None:
    fields = Fields.of(node, "a guardrail", plan.report, required=_REQUIRED, optional=_OPTIONAL)
    if fields is None:
        return None
    metric, scope = fields.choice("metric", Metric), fields.choice("scope", GuardrailScope)
    action, name = fields.choice("action", GuardrailAction), read_name(fields)
    min_units = fields.integer("min_units", 1, _LARGEST)
    ceiling, sound = _read_ceiling(fields, Metric(metric) if metric else None)
    if not (metric and scope and action and name and min_units and sound):
        return None
    guardrail = Guardrail(
        name, Metric(metric), GuardrailScope(scope), ceiling, min_units, GuardrailAction(action)
    )
    _refuse_impossible(fields, guardrail)
    if min_units < _FEWEST_UNITS:
        message = f"`min_units` is {min_units}: so few applicants tell chance, not a rate"
        hint = "200 to 300 are usual"
        fields.report.warning("P416", fields.place("min_units"), message, hint)
    alone = versions is not None and versions.challenger is None
    if alone and (ceiling is None or guardrail.action is GuardrailAction.ROLL_BACK):
        message = f"guardrail `{name}` does nothing while the plan has no challenger"
        fields.report.warning("P413", fields.node.place, message)
    return guardrail


def _read_ceiling(fields: Fields, metric: Metric | None) -> tuple[Ceiling | None, bool]:
    """None for a comparison, and whether what is written makes a guardrail."""
    if fields.has("max") == fields.has("versus"):
        message = "a guardrail needs either `max` or `versus`"
        hint = "a fixed ceiling is `max: 0.40`, a comparison `versus: champion`"
        fields.report.error("P401", fields.node.place, message, hint)
        return None, False
    if fields.has("versus"):
        if fields.has("window"):
            message = "a comparison looks at all since the challenger entered its stage"
            hint = "remove `window`: a sliding one would raise more false alarms"
            fields.report.error("P405", fields.place("window"), message, hint)
        return None, fields.choice("versus", ("champion",)) is not None
    window = fields.duration("window")
    if window == timedelta(0):
        message = "`window` is empty, so nothing is ever seen"
        fields.report.error("P403", fields.place("window"), message, "write one, such as 24h")
    maximum = fields.decimal("max", 0, _LARGEST)
    if maximum is None:
        return None, False
    if metric is not None and metric.is_rate and maximum >= 1:
        message = f"`max` is {maximum}; a rate is at most 1, so this never trips"
        hint = "write a fraction: 0.40 is 40 %"
        fields.report.error("P404", fields.place("max"), message, hint)
    return Ceiling(maximum, window), True


def _refuse_impossible(fields: Fields, guardrail: Guardrail) -> None:
    compares = guardrail.ceiling is None
    product = guardrail.scope is GuardrailScope.PRODUCT
    if compares and product:
        _refuse(fields, "scope", "P408", "a comparison is between arms", "write `scope: arm`")
    if compares and not guardrail.metric.is_rate:
        hint = "compare a rate, or give the latency a `max`"
        _refuse(fields, "metric", "P409", f"`{guardrail.metric}` is no rate to compare", hint)
    if guardrail.ceiling is not None and product and guardrail.ceiling.window is None:
        _refuse(
            fields,
            "scope",
            "P410",
            "a ceiling on the product needs a `window`",
            "add one: `window: 24h`",
        )
    if guardrail.action is GuardrailAction.ROLL_BACK and product:
        hint = "write `scope: arm`, or `action: pause`"
        _refuse(fields, "action", "P411", "only the challenger is rolled back", hint)
    if guardrail.action is GuardrailAction.KILL and (
        compares or guardrail.metric in _RAISED_BY_OUTAGES
    ):
        milder = "`action: roll_back`" if compares else "`action: pause`"
        _refuse(fields, "action", "P412", "an outage may pause but not kill", f"write {milder}")


def _refuse(fields: Fields, key: str, code: str, message: str, hint: str) -> None:
    fields.report.error(code, fields.place(key), message, hint)


def _warn_of_unwatched(
    plan: Fields, versions: Versions | None, guardrails: tuple[Guardrail, ...]
) -> None:
    if versions is None or versions.challenger is None:
        return
    compared = {g.metric for g in guardrails if g.ceiling is None}
    for metric in versions.challenger.expect:
        if metric not in compared:
            message = f"`{metric}` is expected to change, and no guardrail compares it"
            hint = f"add one with `metric: {metric}` and `versus: champion`"
            place = place_of(plan.node, "versions", "challenger", "expect", metric)
            plan.report.warning("P414", place, message, hint)
