"""Inputs: what a rule file declares, what is bound to it, and the lists of keys that it asks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePosixPath

import msgspec

from decision_service.domain.decision import ListAnswer
from decision_service.domain.errors import FieldProblem
from decision_service.domain.factor import Input, Observed, Value, ValueType, value_sent
from decision_service.domain.values import LARGEST_AMOUNT, Money, exponent
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.keys import INPUT, MAX_AGE, SOURCE, WIRE_TYPES
from decision_service.rules.language.diagnostics import Place, Report, did_you_mean, nearest
from decision_service.rules.language.fields import (
    Fields,
    as_text,
    check_identifier,
    day_hint,
    parse_day,
    shortened,
)
from decision_service.rules.language.types import phrase
from decision_service.rules.language.values import has_type
from decision_service.rules.language.yaml import MOST_DIGITS, MapEntry, Scalar
from decision_service.rules.literals import CsvText, read_bounds
from decision_service.rules.program import (
    CompiledRuleset,
    InputSpec,
    KeyList,
    ListQuestion,
    RulesetFiles,
    folded,
)

_TYPES = [t.value for t in ValueType]
_LONGEST_TEXT = 200
_DAY = timedelta(days=1)
_MOST_WHOLE = 10**MOST_DIGITS


def read_inputs(draft: RulesetDraft) -> None:
    node = draft.root.map("inputs")
    for entry in node.entries if node is not None else ():
        draft.places[f"inputs.{entry.key}"] = entry.key_place
        spec = _input(entry, draft)
        if spec is None:
            # One mistake gives one message: where rules use it, nothing more is said.
            draft.names.broken.add(f"inputs.{entry.key}")
            continue
        draft.inputs[spec.name] = spec
        draft.names.define(f"inputs.{spec.name}", spec.type, spec.lower, spec.upper, spec.labels)


def _input(entry: MapEntry, draft: RulesetDraft) -> InputSpec | None:
    name = entry.key
    report = draft.report
    what = f"input `{name}`"
    named = check_identifier(name, entry.key_place, "the input", report=report)
    fields = INPUT.open(entry.value, report, what=what)
    word = fields.choice("type", _TYPES) if fields is not None else None
    if fields is None or word is None or not named:
        return None
    type_ = ValueType(word)
    if f"inputs.{name}" in draft.names.blocked:
        message = f"`inputs.{name}` may not be used in a decision"
        report.error("R220", entry.key_place, message, "the configuration forbids it; remove it")
    if type_ is not (wanted := WIRE_TYPES.get(name, type_)):
        message = f"`{name}` comes with every request as {wanted}, not as {type_}"
        report.error("R311", fields.place("type"), message, f"write `type: {wanted}`")
    lower, upper = read_bounds(fields, type_, draft.names.currency, report=report)
    return InputSpec(
        name=name,
        type=type_,
        required=bool(fields.flag("required")),
        lower=lower,
        upper=upper,
        labels=_labels(fields, type_, draft),
        because=_because(fields, draft),
        max_age=_max_age(fields, name, draft),
        source=_source(fields, draft),
    )


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


def _max_age(fields: Fields, name: str, draft: RulesetDraft) -> int | None:
    """In whole days, since the day of an observation has no hour."""
    found = fields.duration(MAX_AGE)
    if found is None:
        return None
    place = fields.node.key_place(MAX_AGE)
    if name in WIRE_TYPES:
        message = f"`{name}` comes with every request, and is observed nowhere else"
        draft.report.error("R121", place, message, "remove it")
    elif found < _DAY or found % _DAY:
        message = "the age of an input counts in whole days, one or more"
        draft.report.error("R122", fields.place(MAX_AGE), message, "write days: 30d")
    return found // _DAY


def _source(fields: Fields, draft: RulesetDraft) -> str:
    source = fields.text(SOURCE) or ""
    if source and not fields.has(MAX_AGE):
        message = f"`{SOURCE}` says who observed it, and without `{MAX_AGE}` no age is too old"
        place = fields.node.key_place(SOURCE)
        draft.report.error("R121", place, message, f"add `{MAX_AGE}: 30d`, or remove it")
    return source


class BoundInputs(msgspec.Struct, frozen=True):
    values: Mapping[str, Input]
    problems: tuple[FieldProblem, ...]


def bind_inputs(
    ruleset: CompiledRuleset,
    sent: Mapping[str, Input],
    today: date | None,
    also_known: frozenset[str] = frozenset(),
) -> BoundInputs:
    """Check what was sent, name by name, against the declarations.

    Sent numbers are Decimal (whole ones for integers), money is in the ruleset's currency. A day of
    observation may be sent with each and must be with those that have a `max_age`; it is at most
    `today` in the ruleset's zone, where that is known. What is too old is bound like what is not.
    Names in `also_known` (declared by other versions) and the two that are fields of every request
    are accepted and dropped where this ruleset does not declare them.
    """
    values: dict[str, Input] = {}
    problems: list[FieldProblem] = []
    for name, spec in ruleset.inputs.items():
        given = sent.get(name)
        found: Input | FieldProblem
        if given is not None:
            found = _observed(spec, given, ruleset, today=today)
        elif spec.required:
            found = _problem(spec, "is missing", ruleset)
        else:
            continue
        if isinstance(found, FieldProblem):
            problems.append(found)
        else:
            values[name] = found
    # Loaded versions may declare more: clients send an input before the version that needs it
    # decides.
    strange = sent.keys() - ruleset.inputs.keys() - also_known - WIRE_TYPES.keys()
    # Sorted: a set's order differs between processes.
    problems += [_unknown(name, ruleset) for name in sorted(strange)]
    return BoundInputs(values, tuple(problems))


_LONG_AGO = date.min
"""The day of a made-up observation that is too old on every day."""


def bind_made_up(
    ruleset: CompiledRuleset,
    inputs: Mapping[str, Input],
    day: date | None,
    also_known: frozenset[str] = frozenset(),
) -> BoundInputs:
    """`bind_inputs` of facts without days: what needs one was observed on the day of the facts."""
    return bind_inputs(
        ruleset, as_sent(ruleset, inputs, day or _LONG_AGO), day, also_known=also_known
    )


def as_sent(ruleset: CompiledRuleset, inputs: Mapping[str, Input], day: date) -> dict[str, Input]:
    """Inputs of made-up facts as a request of that day has them."""
    sent = dict(inputs)
    for name, spec in ruleset.inputs.items():
        given = sent.get(name)
        if spec.max_age is None or given is None or isinstance(given, Observed):
            continue
        sent[name] = Observed(given, day)
    return sent


def made_up(inputs: Mapping[str, Input]) -> dict[str, Input]:
    """Bound inputs as `bind_made_up` takes them, so that they may be moved to another day."""
    return {
        name: given if is_too_old(given) else value_sent(given) for name, given in inputs.items()
    }


def too_old(spec: InputSpec, currency: str) -> Observed:
    """A value that the input can have, observed too long ago for every day."""
    least = spec.lower
    if least is None:
        least = min(Decimal(0), spec.upper or Decimal(0))
    values: Mapping[ValueType, Value] = {
        ValueType.INTEGER: int(least),
        ValueType.NUMBER: least,
        ValueType.MONEY: Money(currency, int(least.scaleb(exponent(currency)))),
        ValueType.TEXT: spec.labels[0] if spec.labels else "some text",
        ValueType.FLAG: False,
        ValueType.DATE: _LONG_AGO,
    }
    return Observed(values[spec.type], _LONG_AGO)


def is_too_old(given: object) -> bool:
    """Whether it is what `too_old` gives."""
    return isinstance(given, Observed) and given.day == _LONG_AGO


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


def _observed(
    spec: InputSpec, given: Input, ruleset: CompiledRuleset, today: date | None
) -> Input | FieldProblem:
    value = _bind(spec, value_sent(given), ruleset)
    if isinstance(value, FieldProblem):
        return value
    path = f"{field_path(spec.name)}.observed_on"
    if isinstance(given, Observed):
        if today is not None and given.day > today:
            what = f"is {given.day}, which is after today, {today}"
            return FieldProblem(path, f"{path} {what}: send the day on which it was observed")
        return Observed(value, given.day, given.consent)
    if spec.max_age is None:
        return value
    who = f"what {spec.source} observed" if spec.source else "it"
    age = f"takes {who} for {days(spec.max_age)}"
    what = f"is missing; {_who(ruleset)} {age}: send that day, such as 2026-01-31"
    return FieldProblem(path, f"{path} {what}")


def days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


def _bind(spec: InputSpec, value: Value, ruleset: CompiledRuleset) -> Value | FieldProblem:
    # In Python a flag is an integer, too; here it is none.
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        typed = _number(spec, value)
    else:
        typed = value if has_type(value, spec.type) else None
    if typed is None:
        return _problem(spec, "has the wrong type", ruleset)
    if isinstance(typed, Money) and typed.currency != ruleset.currency:
        return _problem(spec, f"is in {typed.currency}", ruleset, value=typed.currency)
    if spec.labels and typed not in spec.labels:
        return _problem(spec, "has another value", ruleset, because=spec.because)
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
    # More digits would be rounded, and another number than was sent would decide.
    if not exact.is_finite() or len(exact.as_tuple().digits) > MOST_DIGITS:
        return None
    if spec.type is ValueType.NUMBER:
        return exact
    # 1E+999999 is short as it is sent, and an integer of a million digits.
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
    return _problem(
        spec, f"is {printed}", ruleset, because=spec.because, value=_plain(Decimal(amount))
    )


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
    # The message would else be as long as the number that was sent.
    return "beyond 10^12" if abs(amount) > LARGEST_AMOUNT else f"{amount:f}"


def needed(spec: InputSpec, ruleset: CompiledRuleset) -> str:
    """What an input must be, in words: `1 to 36`, `money of at least ₱ 0`, `new or existing`."""
    if spec.labels:
        return " or ".join(spec.labels)
    low = None if spec.lower is None else _printed(spec.lower, spec, ruleset)
    high = None if spec.upper is None else _printed(spec.upper, spec, ruleset)
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


OWN = "lists/"
SHARED = "_shared/lists/"
MOST_KEYS = 50_000
KEY = "key"
BECAUSE = "because"
UNTIL = "until"
SALTED = re.compile(r"sha256:([0-9a-f]{16,64})")
HASH = re.compile(r"[0-9a-f]{64}")
# `Acme, Inc.` is one key; two keys in one cell have no blank between them.
_SEPARATED = re.compile(r"[;|\t]|,(?! )")
_FILE = re.compile(r"(?:_shared/)?lists/([a-z][a-z0-9_]*)\.csv")
_HEADER = "the first column is `key`; `because` and `until` may follow: key,because,until"


def list_name(path: str) -> str | None:
    """The name by which rules ask the list of a file; None where its name is no proper one."""
    found = _FILE.fullmatch(path)
    return None if found is None else found[1]


def list_names(files: RulesetFiles) -> frozenset[str] | None:
    """The lists that a version may ask, readable or not; None where they are not known."""
    if files.lists is None:
        return None
    # One that cannot be read is reported as that, and is no unknown name.
    names = map(list_name, (*files.lists, *files.unreadable))
    return frozenset(name for name in names if name is not None)


def read_lists(names: Iterable[str], files: RulesetFiles, report: Report) -> Mapping[str, KeyList]:
    """The lists of these names; the product's own goes before one of all products."""
    texts = files.lists or {}
    found: dict[str, KeyList] = {}
    for name in sorted(names):
        key = next((f"{at}{name}.csv" for at in (OWN, SHARED) if f"{at}{name}.csv" in texts), None)
        read = None if key is None else read_list(_shown(key, files), texts[key], report)
        if read is not None:
            found[name] = read
    return found


def _shown(key: str, files: RulesetFiles) -> str:
    product = PurePosixPath(files.path).parent
    return str((product.parent if key.startswith(SHARED) else product) / key)


def read_list(path: str, text: str, report: Report) -> KeyList | None:
    """A list's file; None where anything is wrong, all of it reported."""
    return _faultless(path, text) or _read(path, text, report)


# A list of 50,000 keys is read once for all versions that ask it.
@lru_cache(64)
def _faultless(path: str, text: str) -> KeyList | None:
    report = Report()
    found = _read(path, text, report)
    return None if report.diagnostics() else found


def _read(path: str, text: str, report: Report) -> KeyList | None:
    reader = KeyListReader(path, text, report)
    if not reader.columns:
        return None
    keys = reader.keys()
    # Of the text and not of the keys, so that a changed remark or day is another list, too.
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    name = PurePosixPath(path).stem
    return None if report.failed else KeyList(name, digest, keys, salt=reader.salt)


class KeyListReader(CsvText):
    """Reads a list: `columns` are empty where it is none, `salt` where its keys are plain."""

    def __init__(self, path: str, text: str, report: Report) -> None:
        super().__init__(path, text, report)
        self.columns: Sequence[str] = ()
        self.salt = ""
        header = self.cells(1)
        if not header:
            report.error("R132", self.line(1), "the list has no header", _HEADER)
        elif len(header) > 1 or not self.is_otherwise_separated():
            self._take_header(header)

    def _take_header(self, header: Sequence[Scalar]) -> None:
        names = [cell.text for cell in header]
        salted = SALTED.fullmatch(names[0])
        known = (BECAUSE, UNTIL)
        sound = True
        for index, (cell, name) in enumerate(zip(header, names, strict=True)):
            first = index == 0 and (name == KEY or salted is not None)
            if first or (index > 0 and name in known and names.index(name) == index):
                continue
            repeated = name in names[:index]
            what = "repeated" if repeated else "no column of a list here"
            hint = _HEADER if index == 0 or repeated else did_you_mean(name, known)
            self.report.error("R132", cell.place, f"`{name}` is {what}", hint)
            sound = False
        if sound:
            self.columns = names
            self.salt = salted[1] if salted is not None else ""

    def keys(self) -> dict[str, date | None]:
        found: dict[str, date | None] = {}
        lines: dict[str, int] = {}
        for number in self._numbers():
            values = self.values(number)
            # A file of nothing but faults would take longer than a good one.
            if self.report.full:
                break
            if not values or not self._fits(number, values):
                continue
            key = self._key(number, values)
            first = lines.setdefault(key, number)
            if first != number:
                hint = f"it is on line {first} already"
                self._error(
                    "R124", number, values, column=KEY, message="the key is repeated", hint=hint
                )
            found[key] = self._last_day(number, values)
        return found

    def _numbers(self) -> list[int]:
        numbers = self.rows
        if len(numbers) <= MOST_KEYS:
            return numbers
        message = f"the list has {len(numbers):,} keys; {MOST_KEYS:,} are allowed"
        self.report.error("R102", Place(self.path, 1, 1, end=2), message, "split it")
        return []

    def _fits(self, number: int, values: Sequence[str]) -> bool:
        if len(values) <= len(self.columns):
            return True
        message = f"the line has {len(values)} cells; the list has {len(self.columns)} columns"
        hint = 'quote a cell that holds a comma, as in "Acme, Inc."'
        self.report.error("R133", self.line(number), message, hint)
        return False

    def _key(self, number: int, values: Sequence[str]) -> str:
        # What is hashed was folded before: a hash is compared as it is.
        key = values[0] if self.salt else folded(values[0])
        if not key:
            self._error(
                "R138",
                number,
                values,
                column=KEY,
                message="the line has no key",
                hint="add it, or remove it",
            )
        elif self.salt and not HASH.fullmatch(key):
            hint = "write the SHA-256 in hex of `SALT:key`, the salt being that of the first cell"
            self._error(
                "R138",
                number,
                values,
                column=KEY,
                message="a key of a hashed list is not hashed",
                hint=hint,
            )
        elif not self.salt and _SEPARATED.search(values[0]):
            hint = "write one key a line; a comma within a key has a blank after it"
            message = f"the key `{shortened(values[0])}` looks like two"
            self._error("R140", number, values, column=KEY, message=message, hint=hint)
        return key

    def _last_day(self, number: int, values: Sequence[str]) -> date | None:
        index = self.columns.index(UNTIL) if UNTIL in self.columns else len(values)
        written = values[index] if index < len(values) else ""
        last = parse_day(written) if written else None
        if written and last is None:
            message = f"`{written}` is no date"
            self._error(
                "R310", number, values, column=UNTIL, message=message, hint=day_hint(written)
            )
        return last

    def _error(
        self, code: str, number: int, values: Sequence[str], column: str, message: str, hint: str
    ) -> None:
        index = 0 if column == KEY else self.columns.index(column)
        self.report.error(code, self.placed(number, values)[index].place, message, hint)


def list_answers(
    ruleset: CompiledRuleset,
    inputs: Mapping[str, Input],
    day: date,
    known: Iterable[ListAnswer] = (),
    instead: Mapping[str, KeyList] | None = None,
) -> tuple[ListAnswer, ...]:
    """What a ruleset's lists answer about bound inputs on a day in its zone.

    `known` answers, such as recorded ones, stand. Lists in `instead` take the place of those of
    their names. There is no answer for an input that was not sent, and none of a list that is gone.
    """
    if not ruleset.questions:
        return ()
    recorded = {ListQuestion(one.list, one.input): one for one in known}
    lists = ruleset.lists if instead is None else {**ruleset.lists, **instead}
    found: list[ListAnswer] = []
    for question in ruleset.questions:
        given = inputs.get(question.input)
        keys = lists.get(question.list)
        value = None if given is None else value_sent(given)
        if not isinstance(value, str):
            continue
        # A replay gives what came out then: a list may have changed since without a new version.
        if question in recorded:
            found.append(recorded[question])
        elif keys is not None:
            found.append(keys.answer(question, value, day))
    return tuple(found)
