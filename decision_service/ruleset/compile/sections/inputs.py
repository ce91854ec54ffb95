"""The `inputs:` section: what the loan system must or may send."""

from __future__ import annotations

from decision_service.domain.factor import ValueType
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry
from decision_service.language.yaml.readers import as_text, check_identifier
from decision_service.ruleset.program.model import InputSpec
from decision_service.ruleset.reading.bounds import read_bounds
from decision_service.ruleset.reading.draft import RulesetDraft

_TYPES = [t.value for t in ValueType]
_KEYS = ("required", "min", "max", "one_of", "because")
WIRE_TYPES = {
    "requested_amount": ValueType.MONEY,
    "requested_term_months": ValueType.INTEGER,
}


def read_inputs(draft: RulesetDraft) -> None:
    """Read every declaration and define `inputs.<name>`."""
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
    _check_blocked(entry, draft)
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


def _check_blocked(entry: MapEntry, draft: RulesetDraft) -> None:
    if f"inputs.{entry.key}" in draft.names.blocked:
        message = f"`inputs.{entry.key}` may not be used in a decision"
        hint = "the configuration forbids it; remove it"
        draft.report.error("R220", entry.key_place, message, hint)


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
    """Why the bounds are what they are; it needs some."""
    because = fields.text("because") or ""
    if because and not any(fields.has(key) for key in ("min", "max", "one_of")):
        message = "`because` explains `min`, `max` or `one_of`, and there is none"
        place = fields.node.key_place("because")
        draft.report.error("R121", place, message, "write the bounds, or remove it")
    return because
