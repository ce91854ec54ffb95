"""What a plan bounds: the approvals of a day, and the measures that its guardrails watch."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.domain.values import IllegalAmount, check_amount
from decision_service.rollout.keys import BOUNDS, place_of, refuse_repeated
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
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.keys import Read
from decision_service.rules.language.types import DeclaredNames

_FEWEST_UNITS = 30
_RAISED_BY_OUTAGES = (
    Metric.UPSTREAM_ERROR_RATE,
    Metric.DATA_MISSING_RATE,
    Metric.REFER_RATE,
    Metric.LATENCY_P99_MS,
)
"""What grows while the vendor is down, whatever the version; comparisons move then, too: one
version may read what the other does not."""


def read_caps(
    plan: Read, names: DeclaredNames | None, challenger: Challenger | None
) -> tuple[DayCap, ...]:
    """`names` are the challenger's inputs, None where there are none to hold its caps against."""
    caps = [(_cap(one), one) for one, _ in plan["caps"] if one and one["name"]]
    named = ((cap.name, written.node.place) for cap, written in caps)
    refuse_repeated(named, "caps", plan.report)
    for cap, written in caps:
        if cap.arm is not None:
            _check_arm_cap(cap, written, names, challenger=challenger)
    return tuple(cap for cap, _ in caps)


def _cap(cap: Read) -> DayCap:
    known = {"name", "tier", "arm", *BOUNDS}
    whole = all(entry.key in known for entry in cap.node.entries)
    if whole and not any(cap.has(key) for key in BOUNDS):
        message = "a cap needs `approvals_per_day`, `amount_per_day` or both"
        cap.report.error("P305", cap.node.place, message, "say how much a day may approve")
    of_arm = cap.has("arm")
    for key in ("tier", "approvals_per_day") if of_arm else ("max_amount",):
        if cap.has(key):
            whose = "the challenger" if of_arm else "the product"
            hint = "remove it, or `arm`" if of_arm else "add `arm: challenger`"
            cap.error("P306", key, f"a cap of {whose} has no `{key}`", hint)
    day = _payable(cap, "amount_per_day")
    most = _payable(cap, "max_amount")
    arm = Arm(cap["arm"]) if cap["arm"] else None
    return DayCap(
        cap["name"],
        cap["tier"] or "",
        arm,
        approvals=cap["approvals_per_day"],
        amount=day,
        max_amount=most,
    )


def _payable(cap: Read, key: str) -> Decimal | None:
    amount: Decimal | None = cap[key]
    try:
        if amount is not None:
            check_amount(amount)
    except IllegalAmount:
        message = f"`{key}` is {amount:f}; an amount has at most four decimals"
        cap.error("R309", key, message, "leave out what no currency has")
        return None
    return amount


def _check_arm_cap(
    cap: DayCap, written: Read, names: DeclaredNames | None, challenger: Challenger | None
) -> None:
    if challenger is None:
        message = f"the cap `{cap.name}` does nothing while the plan has no challenger"
        written.warning("P307", "arm", message)
    asked = None if names is None else names.symbols.get("inputs.requested_amount")
    if names is not None and asked is None:
        message = f"the cap `{cap.name}` needs the input `requested_amount`, which the challenger "
        hint = "declare it in the ruleset, or remove the cap"
        written.error("P308", "arm", f"{message}does not declare", hint)
    most = None if asked is None else asked.upper
    if cap.max_amount is not None and most is not None and cap.max_amount >= most:
        message = f"the cap `{cap.name}` keeps no request away: requests are at most {most}"
        written.warning("P319", "max_amount", message, "lower the amount, or remove it")


def read_guardrails(plan: Read, versions: Versions | None) -> tuple[Guardrail, ...]:
    read = [(_guardrail(one, versions), place) for one, place in plan["guardrails"] if one]
    refuse_repeated(((g.name, place) for g, place in read if g), "guardrails", plan.report)
    guardrails = tuple(g for g, _ in read if g)
    soonest: dict[Guardrail, Guardrail] = {}
    # The one with the fewest units acts first, and makes the others needless
    for one, place in sorted(read, key=_fewest_first):
        first = one and soonest.setdefault(replace(one, name="", min_units=0), one)
        if one and first and first.name != one.name:
            message = f"guardrails `{first.name}` and `{one.name}` differ at most in `min_units`"
            plan.report.warning(
                "P419", place, message, f"`{first.name}` acts first: drop the other"
            )
    challenger = versions.challenger if versions else None
    compared = {g.metric for g in guardrails if g.ceiling is None}
    for metric in challenger.expect if challenger else ():
        if metric not in compared:
            message = f"`{metric}` is expected to change, and no guardrail compares it"
            hint = f"add one with `metric: {metric}` and without `max`"
            keys = ("challenger", "expect", metric)
            plan.report.warning("P414", place_of(plan.node, *keys), message, hint)
    return guardrails


def _fewest_first(read: tuple[Guardrail | None, Place]) -> int:
    guardrail = read[0]
    return guardrail.min_units if guardrail else 0


def _guardrail(read: Read, versions: Versions | None) -> Guardrail | None:
    ceiling, sound = _ceiling(read)
    name = read["name"]
    metric = read["metric"]
    scope = read["scope"]
    min_units = read["min_units"]
    action = read["action"]
    if not (metric and scope and action and name and min_units and sound):
        return None
    guardrail = Guardrail(name, metric, scope, ceiling=ceiling, min_units=min_units, action=action)
    _refuse_impossible(read, guardrail)
    if min_units < _FEWEST_UNITS:
        message = f"`min_units` is {min_units}: so few applicants show chance, not a rate"
        read.warning("P416", "min_units", message, "200 to 300 are usual")
    alone = versions is not None and versions.challenger is None
    if alone and (ceiling is None or action is GuardrailAction.ROLL_BACK):
        message = f"guardrail `{name}` does nothing while the plan has no challenger"
        read.report.warning("P413", read.node.place, message)
    return guardrail


def _ceiling(read: Read) -> tuple[Ceiling | None, bool]:
    """None for a comparison, and whether what is written makes a guardrail."""
    if not read.has("max"):
        if read.has("window"):
            message = "a comparison looks at all since the challenger entered its stage"
            hint = "remove `window`: a sliding one would raise more false alarms"
            read.error("P405", "window", message, hint)
        return None, True
    window = read["window"]
    maximum = read["max"]
    metric = read["metric"]
    if window == timedelta(0):
        message = "`window` is empty, so nothing is ever seen"
        read.error("P403", "window", message, "write one, such as 24h")
    if maximum is None:
        return None, False
    if metric is not None and metric.is_rate and maximum >= 1:
        message = f"`max` is {maximum}; a rate is at most 1, so this never trips"
        read.error("P404", "max", message, "write a fraction: 0.40 is 40 %")
    return Ceiling(maximum, window), True


def _refuse_impossible(read: Read, guardrail: Guardrail) -> None:
    ceiling = guardrail.ceiling
    metric = guardrail.metric
    action = guardrail.action
    compares = ceiling is None
    product = guardrail.scope is GuardrailScope.PRODUCT
    if compares and product:
        read.error("P408", "scope", "a comparison is between arms", "write `scope: arm`")
    if compares and not metric.is_rate:
        hint = "compare a rate, or give the latency a `max`"
        read.error("P409", "metric", f"`{metric}` is no rate to compare", hint)
    if ceiling is not None and product and ceiling.window is None:
        message = "a ceiling on the product needs a `window`"
        read.error("P410", "scope", message, "add one: `window: 24h`")
    if action is GuardrailAction.ROLL_BACK and product:
        hint = "write `scope: arm`, or `action: pause`"
        read.error("P411", "action", "only the challenger is rolled back", hint)
    if action is GuardrailAction.KILL and (compares or metric in _RAISED_BY_OUTAGES):
        milder = "`action: roll_back`" if compares else "`action: pause`"
        read.error("P412", "action", "an outage may pause but not kill", f"write {milder}")
