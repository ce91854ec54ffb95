"""Differences outside the stages: header, data, inputs, parameters, derived, reasons, closing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from decision_service.language.changes import (
    NO_VALUE,
    ChangeKind,
    Direction,
    WrittenChange,
    from_to,
    in_words,
    keys_of,
    reordered,
)
from decision_service.language.yaml.nodes import MapEntry, MapNode, Scalar, YamlNode
from decision_service.ruleset.constructs.offer.model import BELOW
from decision_service.ruleset.diff.trees import (
    NOTHING,
    as_map,
    compared,
    items_by,
    said,
    same_expression,
    same_text,
)

ABOUT = "about the version"
HEADER = ("ruleset", "version", "title", "currency", "time_zone")
_ALWAYS = ""
_LIMITS = ("min", "max", "unit")
_WORDS = {"when": "the condition", "then": "the outcome", "from": "the lowest total"}


def header(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """Product, version, title, currency and zone."""
    for key in HEADER:
        yield from compared(ABOUT, in_words(key), before.get(key), after.get(key))


def validity(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """How long a decision stands."""
    yield from compared(
        "validity", "a decision is valid", before.get("valid_for"), after.get("valid_for")
    )


def data(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """The data policy."""
    old, new = as_map(before.get("data")), as_map(after.get("data"))
    for key in keys_of(_keys(old), _keys(new)):
        yield from compared("data", f"{in_words(key)} ({key})", old.get(key), new.get(key))


def inputs(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """What the loan system sends."""
    yield from _entries("inputs", "input", before.get("inputs"), after.get("inputs"))


def reasons(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """What applicants and regulators are told."""
    yield from _entries("reasons", "reason", before.get("reasons"), after.get("reasons"))


def tags(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """The labels that rules can carry."""
    yield from _entries("tags", "tag", before.get("tags"), after.get("tags"))


def recourse(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """What applicants may be told of what would have to be different."""
    old, new = (as_map(root.get("recourse")).get("tell") for root in (before, after))
    yield from compared("recourse", "applicants may be told of", old, new)


def _entries(
    group: str, what: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    old, new = as_map(before), as_map(after)
    for name in keys_of(_keys(old), _keys(new)):
        yield from attributes(group, f"{what} {name}", old.get(name), new.get(name))


def attributes(
    group: str, subject: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    """What differs in one map: the whole where it is new or gone, else key by key."""
    if before is None or after is None:
        yield from compared(group, subject, before, after)
        return
    old, new = as_map(before), as_map(after)
    for key in keys_of(_keys(old), _keys(new)):
        alike = same_expression if key == "when" else same_text
        first, second = old.get(key), new.get(key)
        if key == "text":
            yield from _texts(group, subject, first, second)
        elif first is None or second is None:
            yield _written(group, subject, key, first, second)
        else:
            yield from compared(group, f"{subject}: {_key_text(key)}", first, second, alike)


def _written(
    group: str, subject: str, key: str, before: YamlNode | None, after: YamlNode | None
) -> WrittenChange:
    sort = ChangeKind.ADDED if before is None else ChangeKind.REMOVED
    old, new = said(before), said(after)
    return WrittenChange(group, f"{subject}: {_key_text(key)}", sort, from_to(old, new), old, new)


def _key_text(key: str) -> str:
    return _WORDS.get(key, in_words(key))


def _texts(
    group: str, subject: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    old, new = as_map(before), as_map(after)
    for language in keys_of(_keys(old), _keys(new)):
        yield from compared(
            group, f"{subject}: text in {language}", old.get(language), new.get(language)
        )


def params(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """Parameters, with the dates from which their values differ."""
    old, new = as_map(before.get("params")), as_map(after.get("params"))
    for name in keys_of(_keys(old), _keys(new)):
        first, second = old.get(name), new.get(name)
        subject = f"{in_words(name)} ({name})"
        if first is None or second is None:
            yield from compared("parameters", subject, first, second)
            continue
        yield from _keyed(subject, ("type", "by", *_LIMITS), as_map(first), as_map(second))
        yield from _values(subject, as_map(first), as_map(second))


def limits(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """What parameters may be, which changes no decision."""
    old, new = as_map(before.get("params")), as_map(after.get("params"))
    for name in keys_of(_keys(old), _keys(new)):
        subject = f"{in_words(name)} ({name})"
        yield from _keyed(subject, _LIMITS, as_map(old.get(name)), as_map(new.get(name)))


def _keyed(
    subject: str, keys: Sequence[str], before: MapNode, after: MapNode
) -> Iterator[WrittenChange]:
    for key in keys:
        yield from compared("parameters", f"{subject}: {key}", before.get(key), after.get(key))


def _values(subject: str, before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """The values in force, label by label where one side has labels."""
    old, new = _by_label(before), _by_label(after)
    for label in keys_of(old, new):
        about = f"{subject} of {label}" if label else subject
        yield from _steps(about, _dated(old.get(label, NOTHING)), _dated(new.get(label, NOTHING)))


def _by_label(param: MapNode) -> Mapping[str, MapNode]:
    """What holds `value` or dated `values`, by label; an empty one where there are no labels."""
    if param.get("by") is None:
        return {"": param}
    return {e.key: _as_values(e) for e in as_map(param.get("values")).entries}


def _as_values(entry: MapEntry) -> MapNode:
    key = "values" if isinstance(entry.value, MapNode) else "value"
    return MapNode((replace(entry, key=key),), entry.key_place)


def _dated(param: MapNode) -> Mapping[str, Scalar]:
    """The values by the day from which they count, the empty day for always."""
    value, values = param.get("value"), as_map(param.get("values"))
    if isinstance(value, Scalar):
        return {_ALWAYS: value}
    found = {e.key: e.value for e in values.entries if isinstance(e.value, Scalar)}
    return dict(sorted(found.items()))


def _steps(
    subject: str, before: Mapping[str, Scalar], after: Mapping[str, Scalar]
) -> Iterator[WrittenChange]:
    shown = ("", "")
    days = sorted({*before, *after})
    for day in days:
        old, new = _in_force(before, day), _in_force(after, day)
        pair = (_valued(old), _valued(new))
        if pair != shown and (old is None or new is None or not same_text(old, new)):
            words = f"{from_to(*pair)}{_when(day, days)}"
            yield WrittenChange("parameters", subject, ChangeKind.CHANGED, words, *pair)
        shown = pair


def _valued(value: Scalar | None) -> str:
    return NO_VALUE if value is None else said(value)


def _when(day: str, days: Sequence[str]) -> str:
    """On which day, or before which, where one side has dates and the other has not."""
    if day:
        return f" on {day}"
    return f" before {days[1]}" if len(days) > 1 else ""


def _in_force(values: Mapping[str, Scalar], day: str) -> Scalar | None:
    begun = [start for start in values if start <= day]
    return values[begun[-1]] if begun else None


def derived(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """Named expressions."""
    old, new = as_map(before.get("derived")), as_map(after.get("derived"))
    for name in keys_of(_keys(old), _keys(new)):
        yield from compared(
            "derived", f"{in_words(name)} ({name})", old.get(name), new.get(name), same_expression
        )


def offer(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """The offer's lines."""
    old, new = as_map(before.get("offer")), as_map(after.get("offer"))
    for name in keys_of(_keys(old), _keys(new)):
        alike = same_text if name == BELOW else same_expression
        subject = f"{in_words(name)} ({name})"
        yield from compared("offer", subject, old.get(name), new.get(name), alike)


def conditions(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """What applicants must still do."""
    yield from by_id("conditions", "condition", before.get("conditions"), after.get("conditions"))


def post_checks(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """Rules on the finished offer."""
    yield from by_id("post-checks", "rule", before.get("post_checks"), after.get("post_checks"))


def by_id(
    group: str, what: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    """What differs in a list of maps that have ids."""
    old, new = items_by(before, "id"), items_by(after, "id")
    for name in keys_of(old, new):
        found = attributes(group, f"{what} {name}", old.get(name), new.get(name))
        if name in old and name in new:
            yield from found
        else:  # a rule or a condition more is asked of applicants, unless it approves
            kind = Direction.TIGHTENS if name in new else Direction.LOOSENS
            approves = said((new.get(name) or old[name]).get("then")) == "APPROVE"
            yield from found if approves else (replace(one, direction=kind) for one in found)
    yield from reordered(group, f"the {what}s are", old, new)


def _keys(node: MapNode) -> list[str]:
    return [entry.key for entry in node.entries]
