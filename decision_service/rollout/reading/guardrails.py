"""Reads the `guardrails` section and reports guardrails that cannot work as written."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.rollout.guardrails import (
    Ceiling,
    Guardrail,
    GuardrailAction,
    GuardrailScope,
    Metric,
    VersusChampion,
)
from decision_service.rollout.model import Versions
from decision_service.rollout.reading.shares import place_of, read_name, refuse_repeated

_REQUIRED = ("name", "metric", "scope", "min_units", "action")
_OPTIONAL = ("max", "window", "versus", "alpha")
_LARGEST = 10**9
_LARGEST_ALPHA = Decimal("0.1")
_FEWEST_UNITS = 30
_RAISED_BY_OUTAGES = (
    Metric.UPSTREAM_ERROR_RATE,
    Metric.DATA_MISSING_RATE,
    Metric.REFER_RATE,
    Metric.LATENCY_P99_MS,
)
"""What grows while the vendor is down, whatever the version; comparisons move then, too: one
version may read what the other does not."""


def read_guardrails(plan: Fields, versions: Versions | None) -> tuple[Guardrail, ...]:
    """Every guardrail that could be read, all faults reported."""
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
    test = _read_test(fields, Metric(metric) if metric else None)
    if not (metric and scope and action and name and min_units and test):
        return None
    guardrail = Guardrail(
        name, Metric(metric), GuardrailScope(scope), test, min_units, GuardrailAction(action)
    )
    _refuse_impossible(fields, guardrail)
    _warn_of_few(fields, guardrail)
    _warn_of_idle(fields, guardrail, versions)
    return guardrail


# Ceiling or comparison


def _read_test(fields: Fields, metric: Metric | None) -> Ceiling | VersusChampion | None:
    if fields.has("max") == fields.has("versus"):
        message = "a guardrail needs either `max` or `versus`"
        hint = "a fixed ceiling is `max: 0.40`, a comparison `versus: champion` with `alpha`"
        fields.report.error("P401", fields.node.place, message, hint)
        return None
    return _read_ceiling(fields, metric) if fields.has("max") else _read_versus(fields)


def _read_ceiling(fields: Fields, metric: Metric | None) -> Ceiling | None:
    if fields.has("alpha"):
        message = "`alpha` belongs to `versus`; a ceiling has no false alarms to bound"
        fields.report.error("P402", fields.place("alpha"), message, "remove it")
    window = fields.duration("window")
    if window == timedelta(0):
        message = "`window` is empty, so nothing is ever seen"
        fields.report.error("P403", fields.place("window"), message, "write one, such as 24h")
    maximum = fields.decimal("max", 0, _LARGEST)
    if maximum is None:
        return None
    if metric is not None and metric.is_rate and maximum >= 1:
        message = f"`max` is {maximum}; a rate is at most 1, so this never trips"
        hint = "write a fraction: 0.40 is 40 %"
        fields.report.error("P404", fields.place("max"), message, hint)
    return Ceiling(maximum, window)


def _read_versus(fields: Fields) -> VersusChampion | None:
    fields.choice("versus", ("champion",))
    if fields.has("window"):
        message = "a comparison looks at all since the challenger entered its stage"
        hint = "remove `window`: a sliding one would void `alpha`"
        fields.report.error("P405", fields.place("window"), message, hint)
    if not fields.has("alpha"):
        message = "a comparison needs `alpha`, the share of false alarms it may raise"
        fields.report.error("P406", fields.node.place, message, "add `alpha: 0.01`")
    alpha = fields.decimal("alpha")
    if alpha is None:
        return None
    if not 0 < alpha < 1:
        message = f"`alpha` is {alpha}; it must lie between 0 and 1, both excluded"
        fields.report.error("P407", fields.place("alpha"), message, "0.01 is usual")
    elif alpha > _LARGEST_ALPHA:
        share = f"{alpha * 100:.0f} of 100"
        message = f"`alpha` is {alpha}: up to {share} challengers that are no worse are stopped"
        fields.report.warning("P415", fields.place("alpha"), message, "0.01 is usual")
    return VersusChampion(alpha)


# What cannot work


def _refuse_impossible(fields: Fields, guardrail: Guardrail) -> None:
    compares = isinstance(guardrail.test, VersusChampion)
    product = guardrail.scope is GuardrailScope.PRODUCT
    if compares and product:
        _refuse(fields, "scope", "P408", "a comparison is between arms", "write `scope: arm`")
    if compares and not guardrail.metric.is_rate:
        hint = "compare a rate, or give the latency a `max`"
        _refuse(fields, "metric", "P409", f"`{guardrail.metric}` is no rate to compare", hint)
    if isinstance(guardrail.test, Ceiling) and product and guardrail.test.window is None:
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


# What does nothing


def _warn_of_few(fields: Fields, guardrail: Guardrail) -> None:
    if guardrail.min_units < _FEWEST_UNITS:
        message = f"`min_units` is {guardrail.min_units}: so few applicants tell chance, not a rate"
        hint = "200 to 300 are usual"
        fields.report.warning("P416", fields.place("min_units"), message, hint)


def _warn_of_idle(fields: Fields, guardrail: Guardrail, versions: Versions | None) -> None:
    if versions is None or versions.challenger is not None:
        return
    if isinstance(guardrail.test, VersusChampion) or guardrail.action is GuardrailAction.ROLL_BACK:
        message = f"guardrail `{guardrail.name}` does nothing while the plan has no challenger"
        fields.report.warning("P413", fields.node.place, message)


def _warn_of_unwatched(
    plan: Fields, versions: Versions | None, guardrails: tuple[Guardrail, ...]
) -> None:
    if versions is None or versions.challenger is None:
        return
    compared = {g.metric for g in guardrails if isinstance(g.test, VersusChampion)}
    for metric in versions.challenger.expect:
        if metric not in compared:
            message = f"`{metric}` is expected to change, and no guardrail compares it"
            hint = f"add one with `metric: {metric}` and `versus: champion`"
            place = place_of(plan.node, "versions", "challenger", "expect", metric)
            plan.report.warning("P414", place, message, hint)
