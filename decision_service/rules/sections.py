"""The short sections of a rule file: header, segments, reasons, tags, recourse, guarantees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import msgspec

from decision_service.domain.decision import Outcome
from decision_service.domain.factor import Mover, ValueType
from decision_service.domain.values import DataReason
from decision_service.rules.construct import OUTCOME_WORDS
from decision_service.rules.draft import RulesetDraft, factor_fault
from decision_service.rules.keys import (
    CALLER,
    DIRECTIONS,
    GUARANTEE,
    KINDS,
    PARAM,
    REASONED,
    RECOURSE,
    SEGMENTS,
    TAG,
)
from decision_service.rules.language.diagnostics import Report, did_you_mean
from decision_service.rules.language.fields import (
    FORM,
    Fields,
    as_list,
    as_scalar,
    check_identifier,
    day_hint,
    parse_day,
    read_texts,
)
from decision_service.rules.language.types import FLAG, ORDERED, Literal, NameRead, Node, Symbol
from decision_service.rules.language.yaml import ListNode, MapEntry, MapNode, Scalar, YamlNode
from decision_service.rules.literals import (
    BOUNDED,
    as_currency,
    as_literal,
    bounds_text,
    major,
    read_bounds,
)
from decision_service.rules.offer import OfferPart
from decision_service.rules.program import (
    WAITING,
    Guarantee,
    LabelValues,
    ParamSpec,
    ReasonSpec,
    Step,
    TagSpec,
)
from decision_service.rules.ranges import written_labels

MOST_TAGS = 30
MOST_GUARANTEES = 100

_BUILT_IN = frozenset(DataReason)
_CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_LONGEST_CODE = 60
_PRODUCT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VERSION_FILE = re.compile(r"v([1-9][0-9]*)")

_Parts = tuple[Outcome | None, Node | None, tuple[tuple[Symbol, int], ...], tuple[Symbol, ...]]


def read_header(draft: RulesetDraft) -> None:
    _read_product(draft)
    _read_version(draft)
    draft.title = draft.root.text("title") or ""
    code = as_currency(draft.root.scalar("currency"), draft.report)
    if code is not None:
        draft.names.currency = code
    draft.zone = _read_zone(draft)


def _read_product(draft: RulesetDraft) -> None:
    name = draft.root.scalar("ruleset")
    if name is None:
        return
    draft.ruleset = name.text
    if not _PRODUCT.fullmatch(name.text) or len(name.text) > 60:
        hint = "use lower-case words joined by `-`: personal-loan-ph"
        draft.report.error("R125", name.place, f"`{name.text}` is no product name", hint)
    elif name.text != draft.files.product:
        message = f"this file is in the folder `{draft.files.product}` but says `{name.text}`"
        draft.report.error("R601", name.place, message, "the folder name is the product")


def _read_version(draft: RulesetDraft) -> None:
    draft.version = draft.root.integer("version", 1, 99_999) or 0
    stem = _VERSION_FILE.fullmatch(PurePosixPath(draft.files.path).stem)
    if draft.version and stem is not None and int(stem[1]) != draft.version:
        message = f"this file is named `{stem[0]}` but says version {draft.version}"
        hint = "a version lives in the file of its number"
        draft.report.error("R602", draft.root.place("version"), message, hint)


def _read_zone(draft: RulesetDraft) -> ZoneInfo | None:
    name = draft.root.scalar("time_zone")
    if name is None:
        return None
    try:
        return ZoneInfo(name.text)
    # ZoneInfo raises each of them: for an unknown name, an odd one, and one that is a folder.
    except (KeyError, ValueError, OSError):
        message = f"there is no time zone `{name.text}`"
        draft.report.error("R123", name.place, message, "write an IANA name: Asia/Manila")
        return None


def read_segments(draft: RulesetDraft, *, derived: bool = False) -> None:
    """The labels by which applicants differ; those of derived names are for stages alone."""
    node = draft.root.get(SEGMENTS)
    items = node.items if derived and isinstance(node, ListNode) else draft.root.items(SEGMENTS)
    for item in items:
        if derived is not (isinstance(item, Scalar) and item.text.startswith("derived.")):
            continue
        name = draft.name(as_scalar(item, "a segment", draft.report))
        labels = written_labels(name.symbol) if name and not name.symbol.constant else ()
        if name is not None and not labels:
            message = f"`{name.text}` has no labels that could be segments"
            hint = "name an input of type text with `one_of`, a flag, or a factor with labels"
            draft.report.error("R318", name.place, message, hint)
        for label in labels:
            # A label alone says which name is meant, so that it may be of one name only.
            other = draft.segments.setdefault(label, name) if name else None
            if name is not None and other is not name and other is not None:
                message = f"`{label}` is a segment of `{other.text}` and of `{name.text}`"
                draft.report.error("R124", name.place, message, "name one of the two alone")


def read_reasons(draft: RulesetDraft) -> None:
    # No required key: shared files may bring the reasons.
    if not draft.root.has("reasons"):
        message = "a rule file has no `reasons`"
        draft.report.error("R121", draft.root.node.place, message, "add `reasons:`")
    node = draft.root.map("reasons")
    for entry in node.entries if node is not None else ():
        draft.places[f"reasons.{entry.key}"] = entry.key_place
        spec = _reason(entry, draft.report)
        if spec is not None:
            draft.reasons[spec.code] = spec


def _reason(entry: MapEntry, report: Report) -> ReasonSpec | None:
    code = entry.key
    sound = _check_code(entry, report)
    read = REASONED.read(entry.value, report, what=f"reason `{code}`")
    if read is None:
        return None
    node = read["text"]
    texts = read_texts(node, f"the text of `{code}`", report) if node is not None else None
    if texts is None or not sound:
        return None
    return ReasonSpec(
        code, texts, read["regulatory"], group=read["group"] or code, priority=read["priority"]
    )


def _check_code(entry: MapEntry, report: Report) -> bool:
    code = entry.key
    place = entry.key_place
    if not _CODE.fullmatch(code) or len(code) > _LONGEST_CODE:
        hint = "use capitals, digits and `_`: SHORT_INCOME_HISTORY"
        report.error("R125", place, f"`{code}` is no reason code", hint)
        return False
    if code in _BUILT_IN:
        report.error("R127", place, f"`{code}` is a built-in reason", "choose another code")
        return False
    return True


def read_tags(draft: RulesetDraft) -> None:
    node = draft.root.map("tags")
    for entry in node.entries if node is not None else ():
        draft.places[f"tags.{entry.key}"] = entry.key_place
        spec = _tag(entry, draft.report)
        if spec is not None:
            draft.tags[spec.name] = spec
    # Each tag is a series of its own in `/metrics`.
    if len(draft.tags) > MOST_TAGS and node is not None:
        message = f"there are {len(draft.tags)} tags; {MOST_TAGS} are allowed"
        draft.report.error("R123", node.place, message, "each is counted on its own by `/metrics`")


def _tag(entry: MapEntry, report: Report) -> TagSpec | None:
    sound = check_identifier(entry.key, entry.key_place, "the tag", report=report)
    read = TAG.read(entry.value, report, what=f"tag `{entry.key}`")
    if read is None or not sound:
        return None
    return TagSpec(entry.key, read["text"] or "", read["told"] == CALLER)


def read_recourse(draft: RulesetDraft) -> None:
    """Read the factors, and `waiting`, that letters may disclose; call it after the stages."""
    draft.not_empty(draft.root, RECOURSE)
    names = [_name(item, draft) for item in draft.root.items(RECOURSE)]
    draft.tell = frozenset(name for name in names if name is not None)


def _name(item: YamlNode, draft: RulesetDraft) -> str | None:
    if not isinstance(item, Scalar):
        message = f"an entry of `{RECOURSE}` is no name"
        draft.report.error("R122", item.place, message, "write a factor, or `waiting`")
        return None
    names = draft.names
    if item.text == WAITING:
        return WAITING
    if item.text not in names.catalogue:
        changed = [n for n, s in names.catalogue.items() if s.action.by is Mover.APPLICANT]
        fault = factor_fault(item.text, [WAITING, *changed])
        draft.report.error("R204", item.place, *fault)
    elif names.catalogue[item.text].action.by is not Mover.APPLICANT:
        message = f"`{item.text}` is nothing that an applicant changes"
        hint = "write `waiting` for what the calendar moves; docs/factors.md says who moves what"
        draft.report.error("R217", item.place, message, hint)
    else:
        if item.text not in names.used and not draft.unread:
            message = f"`{item.text}` is used by no rule, so that no letter ever names it"
            draft.report.warning("R515", item.place, message, "remove it")
        return item.text
    return None


def read_guarantees(draft: RulesetDraft) -> None:
    """Read every guarantee; names count as used by the rules alone."""
    node = draft.root.get("guarantees")
    items = as_list(node, "`guarantees`", draft.report) if node is not None else ()
    # A guarantee decides nothing: what it names is neither used nor fetched for it.
    used = dict(draft.names.used)
    # In these alone `tainted` is a function: what decides may not look past a failure.
    draft.names.claims = True
    for item in items:
        found = _guarantee(item, draft)
        _check_names(item, used, draft)
        draft.guarantees += [found] if found is not None else []
    draft.names.used = used
    draft.names.claims = False
    if node is not None and len(items) > MOST_GUARANTEES:
        message = f"there are {len(items)} guarantees; {MOST_GUARANTEES} are allowed"
        draft.report.error("R123", node.place, message)
    _check_contrary(draft)


def _guarantee(node: YamlNode, draft: RulesetDraft) -> Guarantee | None:
    fields = GUARANTEE.open(node, draft.report)
    if fields is None:
        return None
    name = fields.text("name")
    kinds = [kind for kind in KINDS if fields.has(kind)]
    if name is not None:
        draft.claim(name, fields.place("name"), "guarantee")
    if len(kinds) != 1:
        message = f"a guarantee holds one of {', '.join(f'`{kind}`' for kind in KINDS)}"
        hint = "make it one guarantee each" if kinds else "say what is guaranteed"
        draft.report.error("R121", fields.node.place, message, hint)
        return None
    found = _of_kind(kinds[0], fields, draft)
    when = draft.expression(fields.scalar("when"), FLAG)
    if found is None or name is None or (fields.has("when") and when is None):
        return None
    never, always, monotone, hidden = found
    return Guarantee(
        name,
        never,
        always,
        when=when,
        monotone=monotone,
        hidden=hidden,
        # What is not proved of a law may be against it
        must=bool(fields.flag("must_prove")) or kinds == ["law"],
        law=fields.text("law") or "",
        place=fields.node.place,
    )


def _of_kind(kind: str, fields: Fields, draft: RulesetDraft) -> _Parts | None:
    if kind == "never":
        word = fields.choice("never", OUTCOME_WORDS)
        return None if word is None else (Outcome(word), None, (), ())
    if kind == "always":
        always = draft.expression(fields.scalar("always"), FLAG)
        return None if always is None else (None, always, (), ())
    if kind == "monotone":
        moved = tuple(_moved(fields, draft))
        return (None, None, moved, ()) if moved else None
    if kind == "law":
        return _of_law(fields, draft)
    hidden = tuple(_hidden(fields, draft))
    return (None, None, (), hidden) if hidden else None


def _of_law(fields: Fields, draft: RulesetDraft) -> _Parts | None:
    """Whether there is a law of that name is for the checks: what has decided loads without it."""
    offer = next((one.part for one in draft.closing if isinstance(one.part, OfferPart)), None)
    if offer is None or offer.terms.price is None:
        message = "a guarantee names a law, and the offer does not say which lines are its price"
        hint = "add `price:` to the offer"
        draft.report.error("R219", fields.place("law"), message, hint)
        return None
    return None if fields.text("law") is None else (None, None, (), ())


def _moved(fields: Fields, draft: RulesetDraft) -> Iterator[tuple[Symbol, int]]:
    node = fields.map("monotone")
    for entry in node.entries if node is not None else ():
        symbol = _symbol(Scalar(entry.key, plain=True, place=entry.key_place), draft)
        way = as_scalar(entry.value, "the way", draft.report)
        if symbol is not None and symbol.type not in (*ORDERED, FLAG):
            message = f"`{entry.key}` is {symbol.type}, which has no up and down"
            draft.report.error("R304", entry.key_place, message)
        elif way is not None and way.text not in DIRECTIONS:
            draft.report.error("R123", way.place, f"`{way.text}` is neither `up` nor `down`")
        elif way is not None and symbol is not None:
            yield symbol, DIRECTIONS[way.text]


def _hidden(fields: Fields, draft: RulesetDraft) -> Iterator[Symbol]:
    """The factors of a list; a family means all of its factors that the rules use."""
    for item in fields.items("hiding"):
        word = as_scalar(item, "a factor or a family", draft.report)
        if word is None:
            continue
        symbols = draft.names.symbols
        # A name that is written wrongly is used, and has no symbol.
        family = [n for n in draft.names.used if n.startswith(f"{word.text}.")]
        known = [symbols[n] for n in family if n in symbols and n in draft.names.catalogue]
        symbol = None if known else _symbol(word, draft)
        yield from known or ([] if symbol is None else [symbol])


def _symbol(word: Scalar, draft: RulesetDraft) -> Symbol | None:
    """A factor or an input: what a person can have otherwise."""
    read = draft.name(word)
    if read is None:
        return None
    name = read.symbol.name
    if name in draft.names.catalogue or name.startswith("inputs."):
        return read.symbol
    message = f"`{name}` follows from other values: name a factor or an input"
    draft.report.error("R215", word.place, message)
    return None


def _check_names(node: YamlNode, used: dict[str, None], draft: RulesetDraft) -> None:
    """A factor that no rule uses changes no decision, and is not fetched."""
    names = draft.names
    for name in [n for n in names.used if n in names.catalogue and n not in used]:
        message = f"no rule uses `{name}`, so that no decision depends on it"
        draft.report.error("R215", node.place, message, "name a factor that the rules use")
    names.used = dict(used)


def _check_contrary(draft: RulesetDraft) -> None:
    """Two guarantees that move the same name in both directions leave it without effect."""
    ways: dict[tuple[str, int], Guarantee] = {}
    for guarantee in draft.guarantees:
        for symbol, way in guarantee.monotone:
            other = ways.get((symbol.name, -way))
            if other is not None:
                message = f"`{guarantee.name}` contradicts `{other.name}` about `{symbol.name}`"
                hint = f"it is on line {other.place.line}; keep one"
                draft.report.error("R216", guarantee.place, message, hint)
            ways[symbol.name, way] = guarantee


SHARE = "share"
"""The unit whose values lie between 0 and 1 where no bounds are written."""

DEFAULT = "default"
"""The key of every segment without a value of its own."""

_LONGEST_UNIT = 40
_TYPES = [t.value for t in ValueType]


class ParamLimits(msgspec.Struct, frozen=True):
    name: str
    type: ValueType
    lower: Decimal | None
    upper: Decimal | None
    unit: str

    def has(self, value: Literal, currency: str) -> bool:
        if self.type not in BOUNDED or not isinstance(value, int | Decimal):
            return True
        amount = major(value, self.type, currency)
        low = self.lower
        high = self.upper
        return (low is None or low <= amount) and (high is None or amount <= high)

    def refusal(self, node: YamlNode) -> str:
        """`is 30; `max_debt_to_income` is 0 to 1 (share)`."""
        written = node.text if isinstance(node, Scalar) else ""
        unit = f" ({self.unit})" if self.unit else ""
        return f"is {written}; `{self.name}` is {bounds_text(self.lower, self.upper)}{unit}"

    @property
    def hint(self) -> str:
        return "30 % is written 0.30" if self.upper == 1 else "change it, or the bounds"


def read_limits(fields: Fields, name: str, type_: ValueType, draft: RulesetDraft) -> ParamLimits:
    """The limits as written, a share's own where no bounds are."""
    lower, upper = read_bounds(fields, type_, draft.names.currency, report=draft.report)
    unit = _unit(fields, type_, draft)
    if unit == SHARE:
        lower = Decimal(0) if lower is None else lower
        upper = Decimal(1) if upper is None else upper
    return ParamLimits(name, type_, lower, upper=upper, unit=unit)


def _unit(fields: Fields, type_: ValueType, draft: RulesetDraft) -> str:
    unit = fields.text("unit") or ""
    if unit and type_ not in BOUNDED:
        message = f"`unit` does not fit the type {type_}"
        draft.report.error("R312", fields.node.key_place("unit"), message, "remove it")
    elif len(unit) > _LONGEST_UNIT:
        message = f"`unit` has {len(unit)} characters; {_LONGEST_UNIT} are allowed"
        draft.report.error("R123", fields.place("unit"), message)
    return unit


def read_dated(
    node: MapNode, what: str, limits: ParamLimits, draft: RulesetDraft
) -> tuple[Step, ...]:
    """The values of a map of dates, in their order; none where one cannot be read."""
    if not node.entries:
        draft.report.error("R123", node.place, f"{what} is empty", "write at least one date")
    steps = [_step(entry, limits, draft) for entry in node.entries]
    found = [step for step in steps if step is not None]
    if len(found) < len(steps):
        return ()
    return tuple(sorted(found, key=_begins))


def _begins(step: Step) -> date:
    return step.start or date.min


def _step(entry: MapEntry, limits: ParamLimits, draft: RulesetDraft) -> Step | None:
    start = parse_day(entry.key)
    if start is None:
        hint = day_hint(entry.key)
        # What is no date at all is most likely a label.
        if hint == FORM:
            hint = did_you_mean(entry.key, draft.segments) or (
                f"{hint}; values by segment need `segments:` with a name that has the labels"
            )
        draft.report.error("R123", entry.key_place, f"`{entry.key}` is no date", hint)
    value = read_value(entry.value, f"the value from {entry.key}", limits, draft=draft)
    return None if start is None or value is None else Step(start, value)


def read_value(
    node: YamlNode, what: str, limits: ParamLimits, draft: RulesetDraft
) -> Literal | None:
    """A literal of the parameter's type; R315 where it lies beyond the limits."""
    currency = draft.names.currency
    value = as_literal(node, limits.type, what, currency=currency, report=draft.report)
    if value is None or limits.has(value, currency):
        return value
    # The value counts all the same, so that uses of the name bring no further errors.
    draft.report.error("R315", node.place, f"{what} {limits.refusal(node)}", limits.hint)
    return value


def read_labelled(
    values: MapNode, by: NameRead, limits: ParamLimits, draft: RulesetDraft
) -> ParamSpec | None:
    found = [_of_label(entry, by, limits, draft=draft) for entry in values.entries]
    _check_covered(by, values, limits.name, draft=draft)
    labels = tuple(each for each in found if each is not None and each.steps)
    if not labels or len(labels) < len(found):
        return None
    return ParamSpec(
        limits.name,
        limits.type,
        (),
        lower=limits.lower,
        upper=limits.upper,
        unit=limits.unit,
        by=by.symbol.name,
        # Sorted, since the order in which labels are written is nothing that decides.
        labels=tuple(sorted(labels, key=lambda each: each.label)),
    )


def _of_label(
    entry: MapEntry, by: NameRead, limits: ParamLimits, draft: RulesetDraft
) -> LabelValues | None:
    known = written_labels(by.symbol)
    if entry.key not in (*known, DEFAULT):
        # A misspelt label must not fall through to the default.
        hint = did_you_mean(entry.key, (*known, DEFAULT))
        if parse_day(entry.key) is not None:
            hint = f"dates belong below each label: {{{known[0]}: {{{entry.key}: …}}}}"
        draft.report.error("R308", entry.key_place, f"`{by.text}` is never `{entry.key}`", hint)
        return None
    label = "" if entry.key == DEFAULT else entry.key
    if isinstance(entry.value, MapNode):
        return LabelValues(label, read_dated(entry.value, f"`{entry.key}`", limits, draft=draft))
    value = read_value(entry.value, f"the value of {entry.key}", limits, draft=draft)
    return LabelValues(label, () if value is None else (Step(None, value),))


def _check_covered(by: NameRead, values: MapNode, name: str, draft: RulesetDraft) -> None:
    """R432 for a label without a value, R433 (warning) for a default that never counts."""
    left = [label for label in written_labels(by.symbol) if values.get(label) is None]
    if left and values.get(DEFAULT) is None:
        words = " and ".join(f"`{label}`" for label in left)
        message = f"`params.{name}` has no value for {words}"
        draft.report.error("R432", values.place, message, f"add it, or `{DEFAULT}:` for the rest")
    elif not left and values.get(DEFAULT) is not None:
        message = f"the `{DEFAULT}` of `params.{name}` never counts: each label has a value"
        draft.report.warning("R433", values.key_place(DEFAULT), message, "remove it")


def read_params(draft: RulesetDraft) -> None:
    node = draft.root.map("params")
    for entry in node.entries if node is not None else ():
        draft.places[f"params.{entry.key}"] = entry.key_place
        param = _param(entry, draft)
        if param is None:
            draft.names.broken.add(f"params.{entry.key}")
            continue
        draft.params[param.name] = param
        _define(param, draft)


def _param(entry: MapEntry, draft: RulesetDraft) -> ParamSpec | None:
    name = entry.key
    report = draft.report
    what = f"parameter `{name}`"
    named = check_identifier(name, entry.key_place, "the parameter", report=report)
    fields = PARAM.open(entry.value, report, what=what)
    word = fields.choice("type", _TYPES) if fields is not None else None
    if fields is None or word is None or not named:
        return None
    limits = read_limits(fields, name, ValueType(word), draft=draft)
    node = fields.get("value")
    values = node.entries if isinstance(node, MapNode) else ()
    # Below `value` are dates or labels: one label that is known says which, and whose.
    by = next((draft.segments[one.key] for one in values if one.key in draft.segments), None)
    if isinstance(node, MapNode) and by is not None:
        return read_labelled(node, by, limits, draft=draft)
    steps = _steps(node, limits, draft)
    if not steps:
        return None
    return ParamSpec(
        name, limits.type, steps, lower=limits.lower, upper=limits.upper, unit=limits.unit
    )


def _steps(node: YamlNode | None, limits: ParamLimits, draft: RulesetDraft) -> tuple[Step, ...]:
    if isinstance(node, MapNode):
        return read_dated(node, "`value`", limits, draft=draft)
    value = None if node is None else read_value(node, "`value`", limits, draft=draft)
    return () if value is None else (Step(None, value),)


def _define(param: ParamSpec, draft: RulesetDraft) -> None:
    values = [step.value for step in param.every_step]
    labels = tuple(sorted({v for v in values if isinstance(v, str)}))
    numbers = [
        major(v, param.type, draft.names.currency)
        for v in values
        if isinstance(v, int | Decimal) and not isinstance(v, bool)
    ]
    # What checks may assume of the parameter: the values of all dates and labels.
    lower = min(numbers, default=None)
    upper = max(numbers, default=None)
    draft.names.define(f"params.{param.name}", param.type, lower, upper, labels, constant=True)
