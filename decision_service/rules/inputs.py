"""Inputs: what a rule file declares, and binding of an application's inputs to it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from decision_service.domain.errors import FieldProblem
from decision_service.domain.factor import Value, ValueType
from decision_service.domain.money import LARGEST_AMOUNT, Money, exponent
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.language.diagnostics import nearest
from decision_service.rules.language.fields import Fields, as_text, check_identifier
from decision_service.rules.language.types import phrase
from decision_service.rules.language.values import has_type
from decision_service.rules.language.yaml import MOST_DIGITS, MapEntry
from decision_service.rules.literals import read_bounds
from decision_service.rules.program import CompiledRuleset, InputSpec

_TYPES = [t.value for t in ValueType]
_KEYS = ("required", "min", "max", "one_of", "because")
WIRE_TYPES = {
    "requested_amount": ValueType.MONEY,
    "requested_term_months": ValueType.INTEGER,
}
"""The types of the inputs that are fields of every request."""

_LONGEST_TEXT = 200
_MOST_WHOLE = 10**MOST_DIGITS


def read_inputs(draft: RulesetDraft) -> None:
    node = draft.root.map("inputs")
    for entry in node.entries if node is not None else ():
        draft.places[f"inputs.{entry.key}"] = entry.key_place
        spec = _input(entry, draft)
        if spec is None:
            draft.names.broken.add(f"inputs.{entry.key}")
            continue
        draft.inputs[spec.name] = spec
        draft.names.define(f"inputs.{spec.name}", spec.type, spec.lower, spec.upper, spec.labels)


def _input(entry: MapEntry, draft: RulesetDraft) -> InputSpec | None:
    name, report = entry.key, draft.report
    what = f"input `{name}`"
    named = check_identifier(name, entry.key_place, "the input", report)
    fields = Fields.of(entry.value, what, report, required=("type",), optional=_KEYS)
    word = fields.choice("type", _TYPES) if fields is not None else None
    if fields is None or word is None or not named:
        return None
    type_ = ValueType(word)
    if f"inputs.{name}" in draft.names.blocked:
        message = f"`inputs.{name}` may not be used in a decision"
        hint = "the configuration forbids it; remove it"
        report.error("R220", entry.key_place, message, hint)
    _check_wire_type(fields, name, type_, draft)
    lower, upper = read_bounds(fields, type_, draft.names.currency, report)
    return InputSpec(
        name=name,
        type=type_,
        required=bool(fields.flag("required")),
        lower=lower,
        upper=upper,
        labels=_labels(fields, type_, draft),
        because=_because(fields, draft),
    )


def _check_wire_type(fields: Fields, name: str, type_: ValueType, draft: RulesetDraft) -> None:
    wanted = WIRE_TYPES.get(name, type_)
    if type_ is not wanted:
        message = f"`{name}` comes with every request as {wanted}, not as {type_}"
        draft.report.error("R311", fields.place("type"), message, f"write `type: {wanted}`")


def _labels(fields: Fields, type_: ValueType, draft: RulesetDraft) -> tuple[str, ...]:
    if not fields.has("one_of"):
        return ()
    if type_ is not ValueType.TEXT:
        message = f"`one_of` does not fit the type {type_}"
        draft.report.error("R312", fields.node.key_place("one_of"), message, "remove it")
        return ()
    labels = [as_text(item, "a label", draft.report) for item in fields.items("one_of")]
    return tuple(dict.fromkeys(label for label in labels if label is not None))


def _because(fields: Fields, draft: RulesetDraft) -> str:
    because = fields.text("because") or ""
    if because and not any(fields.has(key) for key in ("min", "max", "one_of")):
        message = "`because` explains `min`, `max` or `one_of`, and there is none"
        place = fields.node.key_place("because")
        draft.report.error("R121", place, message, "write the bounds, or remove it")
    return because


class BoundInputs(msgspec.Struct, frozen=True):
    values: Mapping[str, Value]
    problems: tuple[FieldProblem, ...]


def bind_inputs(
    ruleset: CompiledRuleset,
    sent: Mapping[str, Value],
    also_known: frozenset[str] = frozenset(),
) -> BoundInputs:
    """Check what was sent, name by name, against the declarations.

    Sent numbers are Decimal (whole ones for integers), money is in the ruleset's currency.
    Names in `also_known` (declared by other versions) and the two that are fields of every request
    are accepted and dropped where this ruleset does not declare them.
    """
    values: dict[str, Value] = {}
    problems: list[FieldProblem] = []
    for name, spec in ruleset.inputs.items():
        value = sent.get(name)
        if value is not None:
            found = _bind(spec, value, ruleset)
        elif spec.required:
            found = _problem(spec, "is missing", ruleset)
        else:
            continue
        if isinstance(found, FieldProblem):
            problems.append(found)
        else:
            values[name] = found
    strange = sent.keys() - ruleset.inputs.keys() - also_known - WIRE_TYPES.keys()
    problems += [_unknown(name, ruleset) for name in sorted(strange)]
    return BoundInputs(values, tuple(problems))


def field_path(name: str) -> str:
    """Where a client writes the input: at the top of the request, or in its map of inputs."""
    return name if name in WIRE_TYPES else f"inputs.{name}"


def _unknown(name: str, ruleset: CompiledRuleset) -> FieldProblem:
    match = nearest(name, ruleset.inputs)
    hint = f"; did you mean {field_path(match)}" if match else ""
    path = field_path(name)
    return FieldProblem(path, f"{path} is no input of {_who(ruleset)}{hint}")


def _who(ruleset: CompiledRuleset) -> str:
    return f"{ruleset.ruleset} v{ruleset.version}"


def _bind(spec: InputSpec, value: Value, ruleset: CompiledRuleset) -> Value | FieldProblem:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        typed = _number(spec, value)
    else:
        typed = value if has_type(value, spec.type) else None
    if typed is None:
        return _problem(spec, "has the wrong type", ruleset)
    if isinstance(typed, Money) and typed.currency != ruleset.currency:
        return _problem(spec, f"is in {typed.currency}", ruleset, value=typed.currency)
    if spec.labels and typed not in spec.labels:
        return _problem(spec, "has another value", ruleset, spec.because)
    if isinstance(typed, str) and len(typed) > _LONGEST_TEXT:
        return _problem(spec, f"has {len(typed):,} characters", ruleset)
    if isinstance(typed, int | Decimal | Money) and not isinstance(typed, bool):
        return _within(spec, typed, ruleset)
    return typed


def _number(spec: InputSpec, value: int | Decimal) -> Value | None:
    if spec.type not in (ValueType.INTEGER, ValueType.NUMBER):
        return None
    if value.__class__ is int and -_MOST_WHOLE < value < _MOST_WHOLE:
        return value if spec.type is ValueType.INTEGER else Decimal(value)
    exact = Decimal(value)
    if not exact.is_finite() or len(exact.as_tuple().digits) > MOST_DIGITS:
        return None
    if spec.type is ValueType.NUMBER:
        return exact
    small = exact.adjusted() <= MOST_DIGITS
    return int(exact) if small and exact == exact.to_integral_value() else None


def _within(
    spec: InputSpec, value: int | Decimal | Money, ruleset: CompiledRuleset
) -> Value | FieldProblem:
    amount = value.major if isinstance(value, Money) else value
    above = amount >= (-LARGEST_AMOUNT if spec.lower is None else spec.lower)
    below = amount <= (LARGEST_AMOUNT if spec.upper is None else spec.upper)
    if above and below:
        return value
    printed = _printed(Decimal(amount), spec, ruleset)
    return _problem(spec, f"is {printed}", ruleset, spec.because, value=_plain(Decimal(amount)))


def _problem(
    spec: InputSpec, what: str, ruleset: CompiledRuleset, because: str = "", value: str = ""
) -> FieldProblem:
    path = field_path(spec.name)
    why = f": {because}" if because else ""
    description = f"{path} {what}; {_who(ruleset)} needs {needed(spec, ruleset)}{why}"
    values = {
        "value": value,
        "min": "" if spec.lower is None else _plain(spec.lower),
        "max": "" if spec.upper is None else _plain(spec.upper),
        "one_of": ", ".join(spec.labels),
        "currency": ruleset.currency if spec.type is ValueType.MONEY else "",
    }
    return FieldProblem(path, description, {name: text for name, text in values.items() if text})


def _plain(amount: Decimal) -> str:
    """An amount or number as GetRuleset shows bounds: a decimal, in major units for money."""
    return "beyond 10^12" if abs(amount) > LARGEST_AMOUNT else f"{amount:f}"


def needed(spec: InputSpec, ruleset: CompiledRuleset) -> str:
    """What an input must be, in words: `1 to 36`, `money of at least ₱ 0`, `new or existing`."""
    if spec.labels:
        return " or ".join(spec.labels)
    bounds = (spec.lower, spec.upper)
    low, high = (None if b is None else _printed(b, spec, ruleset) for b in bounds)
    kind = phrase(spec.type)
    if spec.type is ValueType.MONEY:
        kind = f"money in {ruleset.currency}"
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"{kind} of at least {low}"
    return kind if high is None else f"{kind} of at most {high}"


def _printed(amount: Decimal, spec: InputSpec, ruleset: CompiledRuleset) -> str:
    if abs(amount) > LARGEST_AMOUNT:
        return _plain(amount)
    if spec.type is ValueType.MONEY:
        return ruleset.program.wording.money(amount.scaleb(exponent(ruleset.currency)))
    return ruleset.program.wording.value(amount, spec.type)
