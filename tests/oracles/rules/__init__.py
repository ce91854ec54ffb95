"""The rule language written a second time, slowly: a rule file's text and facts to a decision.

It reads the text with PyYAML's loader of plain strings and interprets expressions node by node,
with truth tables for the three values. Nothing here shares code with the service but the domain's
types of facts. It judges no file: what the checker refuses has no meaning here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import yaml

from decision_service.domain.factor import FactorValue, Observed
from decision_service.domain.values import Missing, Money
from tests.oracles.rules.expressions import (
    ABSENT,
    DIGITS,
    Env,
    Gone,
    gone,
    is_money,
    names,
    no_result,
)
from tests.oracles.rules.stages import (
    SEGMENT_OF,
    Argument,
    Run,
    applies,
    conditions,
    offer,
    rules,
    scorecard,
    table,
    worst,
)

KINDS = ("LEGAL", "DATA", "POLICY", "SCORE")


@dataclass(frozen=True)
class Answer:
    """A decision; reasons are (code, component, factor, points lost), scores with both totals.

    `tags` are those of rules that held, each with whether it is told. `truths` has each rule's by
    id, each characteristic's bin by `bin NAME`, each table's rows by `table NAME`.
    """

    outcome: str
    refer_kind: str
    reasons: tuple[tuple[Any, ...], ...]
    scores: tuple[tuple[Any, ...], ...]
    offer: dict[str, Any] | None
    conditions: tuple[str, ...]
    valid_until: datetime | None
    param_change: date | None
    truths: dict[str, Any] = field(default_factory=dict)
    tags: tuple[tuple[str, bool], ...] = ()


class Rulebook:
    """A rule file's text, read once. `kinds` says what type each factor has."""

    def __init__(self, text: str, kinds: Mapping[str, str]) -> None:
        self.text, self.file = text, yaml.load(text, Loader=yaml.BaseLoader)
        self.kinds = kinds

    def decide(
        self,
        factors: Mapping[str, FactorValue],
        inputs: Mapping[str, Any],
        instant: datetime,
        day: date,
    ) -> Answer:
        """The decision on some facts; `day` is the instant's date in the ruleset's zone."""
        with localcontext(DIGITS):
            run = Run({}, {})
            self._intake(factors, inputs, day, run)
            found, outcome = self._all_parts(run)
        arguments = [a for a in found if a.outcome == outcome]
        kind = self._kind(outcome, arguments)
        declined = outcome == "DECLINE"
        return Answer(
            outcome=outcome,
            refer_kind=kind,
            reasons=() if outcome == "APPROVE" else self._reasons(arguments, kind),
            scores=tuple(run.scores),
            offer=None if declined else run.offer,
            conditions=() if declined else tuple(run.conditions),
            valid_until=instant + self._valid_for() if "valid_for" in self.file else None,
            param_change=self._next_change(day),
            truths=run.truths,
            tags=tuple(
                (name, spec.get("told") != "nobody")
                for name, spec in self.file.get("tags", {}).items()
                if name in run.tags
            ),
        )

    def _intake(
        self, factors: Mapping[str, FactorValue], inputs: Mapping[str, Any], day: date, run: Run
    ) -> None:
        for name, spec in self.file["inputs"].items():
            run.define(f"inputs.{name}", _sent(name, inputs.get(name), spec, day), spec["type"])
        for name, kind in self.kinds.items():
            run.define(name, _factor(name, factors.get(name)), kind)
        for name, spec in self.file.get("params", {}).items():
            run.define(f"params.{name}", _param(name, spec, day, run.env), spec["type"])
        self._derive(run)

    def _derive(self, run: Run) -> None:
        """Every derived name that is not defined yet, and all of whose parts are."""
        for name, text in self.file.get("derived", {}).items():
            if f"derived.{name}" not in run.env and names(text) <= run.env.keys():
                run.derive(f"derived.{name}", text, _kind_of(text, run))

    def _all_parts(self, run: Run) -> tuple[list[Argument], str]:
        legal = [one for one in self.file["stages"] if one["component"] == "LEGAL"]
        stages = [self._stage(one, run) for one in self.file["stages"] if one not in legal]
        found = [argument for stage in stages for argument in stage]
        nothing = [] if found else [Argument("REFER", "NO_RULE_APPROVED", "POLICY", "POLICY")]
        outcome = worst(a.outcome for a in [*found, *nothing]) or "REFER"
        closing = {
            "offer": lambda part: offer(part, outcome, run),
            "conditions": lambda part: conditions(part, run),
        }
        named = [(conclude, name) for name, conclude in closing.items() if name in self.file]
        parts = [(conclude, self.file[name]) for conclude, name in named]
        parts += [(lambda stage: self._stage(stage, run), stage) for stage in legal]
        for conclude, part in parts:
            if outcome != "DECLINE" and run.offered:
                more = conclude(part)
                found += more
                outcome = worst([outcome, *(a.outcome for a in more)]) or "REFER"
        return [*found, *nothing], outcome

    def _stage(self, stage: dict[str, Any], run: Run) -> list[Argument]:
        found = self._applied(stage, run)
        self._derive(run)
        return found

    def _applied(self, stage: dict[str, Any], run: Run) -> list[Argument]:
        if "segment" in stage:
            known = applies(stage, run)
            if known is not True:
                return known
        if "rules" in stage:
            return rules(stage["rules"], stage["component"], run)
        if "scorecard" in stage:
            return scorecard(stage["scorecard"], run)
        return table(stage["table"], run)

    def _kind(self, outcome: str, arguments: list[Argument]) -> str:
        found = {a.kind for a in arguments} if outcome == "REFER" else set()
        return next((kind for kind in KINDS if kind in found), "")

    def _reasons(self, arguments: list[Argument], kind: str) -> tuple[tuple[Any, ...], ...]:
        """At most four, one of each group, most important first."""
        coded = [a for a in arguments if a.code]
        missing = [a for a in coded if a.hole is not None and not a.ruled]
        lost = [a for a in coded if a.hole is None and a.lost is not None]
        other = [a for a in coded if a.ruled or (a.hole is None and a.lost is None)]
        other.sort(key=self._priority)
        lost.sort(key=lambda a: -a.lost)
        first = [a for a in other if self._priority(a) == 1]
        ordered = [*other, *lost, *missing]
        if kind == "DATA" and {a.code for a in missing} == {"DATA_MISSING"}:
            ordered = [*first, *missing, *other[len(first) :], *lost]
        elif kind == "DATA":
            ordered = [*missing, *other, *lost]
        chosen: dict[Any, Argument] = {}
        for argument in ordered:
            chosen.setdefault(self._group(argument), argument)
        return tuple((a.code, a.component, a.factor, a.lost) for a in [*chosen.values()][:4])

    def _priority(self, argument: Argument) -> int:
        declared = self.file["reasons"].get(argument.ranks_as or argument.code)
        return int(declared.get("priority", 50)) if declared is not None else 99

    def _group(self, argument: Argument) -> Any:
        declared = self.file["reasons"].get(argument.code)
        return ("group", (declared or {}).get("group", argument.code))

    def _valid_for(self) -> timedelta:
        text = self.file["valid_for"]
        unit = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}[text[-1]]
        return timedelta(**{unit: int(text[:-1])})

    def _next_change(self, day: date) -> date | None:
        """The next day on which a parameter changes that the file names anywhere."""
        used = set(re.findall(r"params\.(\w+)", self.text))
        dates = [
            date.fromisoformat(start)
            for name, spec in self.file.get("params", {}).items()
            for start in _starts(spec)
            if name in used
        ]
        return min((start for start in dates if start > day), default=None)


def _kind_of(text: str, run: Run) -> str:
    return "money" if is_money(text, run.kinds) else ""


def _sent(name: str, given: Any, spec: Mapping[str, Any], day: date) -> Any:
    """What was sent; an observation until the end of its last day, counted forward from its own."""
    if given is None:
        return gone(f"inputs.{name}", "NOT_SENT")
    if not isinstance(given, Observed):
        return _plain(given)
    last = given.day + timedelta(days=int(str(spec["max_age"]).removesuffix("d")))
    return _plain(given.value) if given.day <= day <= last else gone(f"inputs.{name}", "STALE")


def _plain(value: Any) -> Any:
    """A value as the oracle has it: all numbers decimals, amounts in major units."""
    if isinstance(value, Money):
        return value.major
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _factor(name: str, found: FactorValue | None) -> Any:
    if found is None:
        return gone(name, "NOT_FETCHED")
    if found.value is not None:
        return _plain(found.value)
    shown = min(found.missing, key=_shown_before)
    return gone(name, str(shown.cause), str(shown.code or ""))


def _shown_before(missing: Missing) -> tuple[bool, str, str]:
    """A failure before what is absent, then in text order."""
    return (missing.cause in ABSENT, str(missing.cause), missing.source or "")


def _param(name: str, spec: dict[str, Any], day: date, env: Env) -> Any:
    """The value in force, of the label that another name has where there are labels."""
    by = _by(spec)
    if by is None:
        return _in_force(name, spec, day)
    label = env[by]
    if isinstance(label, Gone):
        return label
    values = spec["value"]
    key = {True: "true", False: "false"}.get(label, label)
    own = values[key] if key in values else values["default"]
    return _in_force(name, {"type": spec["type"], "value": own}, day)


def _by(spec: dict[str, Any]) -> str | None:
    """The name whose labels the values are by; None for dates and for one value."""
    keys = spec["value"] if isinstance(spec["value"], dict) else ()
    return next((SEGMENT_OF[key] for key in keys if key in SEGMENT_OF), None)


def _starts(spec: dict[str, Any]) -> list[str]:
    """The days on which a parameter changes, for any label."""
    values = spec["value"] if isinstance(spec["value"], dict) else {}
    if _by(spec) is not None:
        return [start for own in values.values() if isinstance(own, dict) for start in own]
    return list(values)


def _in_force(name: str, spec: dict[str, Any], day: date) -> Any:
    value = spec["value"]
    if not isinstance(value, dict):
        return _literal(value, spec["type"])
    past = [start for start in value if date.fromisoformat(start) <= day]
    return _literal(value[max(past)], spec["type"]) if past else no_result(f"params.{name}")


def _literal(text: str, kind: str) -> Any:
    if kind in ("integer", "number", "money"):
        return Decimal(text)
    if kind == "date":
        return date.fromisoformat(text)
    return text == "true" if kind == "flag" else text
