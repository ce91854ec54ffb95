"""Lists of keys in CSV files that accompany the rules, and their answers for one application."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import PurePosixPath

from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import Value
from decision_service.rules.language.diagnostics import Place, Report, did_you_mean
from decision_service.rules.language.fields import day_hint, parse_day, shortened
from decision_service.rules.language.yaml import Scalar
from decision_service.rules.literals import CsvText
from decision_service.rules.program import (
    CompiledRuleset,
    KeyList,
    ListQuestion,
    RulesetFiles,
    folded,
)

OWN, SHARED = "lists/", "_shared/lists/"
MOST_KEYS = 50_000
KEY, BECAUSE, UNTIL = "key", "because", "until"
SALTED = re.compile(r"sha256:([0-9a-f]{16,64})")
HASH = re.compile(r"[0-9a-f]{64}")
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
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    name = PurePosixPath(path).stem
    return None if report.failed else KeyList(name, digest, keys, reader.salt)


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
            self.columns, self.salt = names, salted[1] if salted is not None else ""

    def keys(self) -> dict[str, date | None]:
        found: dict[str, date | None] = {}
        lines: dict[str, int] = {}
        for number in self._numbers():
            values = self.values(number)
            if self.report.full:
                break
            if not values or not self._fits(number, values):
                continue
            key = self._key(number, values)
            first = lines.setdefault(key, number)
            if first != number:
                hint = f"it stands on line {first} already"
                self._error("R124", number, values, KEY, "the key is repeated", hint)
            found[key] = self._last_day(number, values)
        return found

    def _numbers(self) -> list[int]:
        numbers = self.rows
        if len(numbers) <= MOST_KEYS:
            return numbers
        message = f"the list has {len(numbers):,} keys; {MOST_KEYS:,} are allowed"
        self.report.error("R102", Place(self.path, 1, 1, 2), message, "split it")
        return []

    def _fits(self, number: int, values: Sequence[str]) -> bool:
        if len(values) <= len(self.columns):
            return True
        message = f"the line has {len(values)} cells; the list has {len(self.columns)} columns"
        hint = 'quote a cell that holds a comma, as in "Acme, Inc."'
        self.report.error("R133", self.line(number), message, hint)
        return False

    def _key(self, number: int, values: Sequence[str]) -> str:
        key = values[0] if self.salt else folded(values[0])
        if not key:
            self._error("R138", number, values, KEY, "the line has no key", "add it, or remove it")
        elif self.salt and not HASH.fullmatch(key):
            hint = "write it into the file by `decision-service rules hash-list`"
            self._error("R138", number, values, KEY, "a key of a hashed list is not hashed", hint)
        elif not self.salt:
            self.check_single(number, values)
        return key

    def check_single(self, number: int, values: Sequence[str]) -> None:
        """R140 where a plain key looks like two."""
        if _SEPARATED.search(values[0]):
            hint = "write one key a line; a comma within a key has a blank after it"
            message = f"the key `{shortened(values[0])}` looks like two"
            self._error("R140", number, values, KEY, message, hint)

    def _last_day(self, number: int, values: Sequence[str]) -> date | None:
        index = self.columns.index(UNTIL) if UNTIL in self.columns else len(values)
        written = values[index] if index < len(values) else ""
        last = parse_day(written) if written else None
        if written and last is None:
            message = f"`{written}` is no date"
            self._error("R310", number, values, UNTIL, message, day_hint(written))
        return last

    def _error(
        self, code: str, number: int, values: Sequence[str], column: str, message: str, hint: str
    ) -> None:
        index = 0 if column == KEY else self.columns.index(column)
        self.report.error(code, self.placed(number, values)[index].place, message, hint)


def list_answers(
    ruleset: CompiledRuleset,
    inputs: Mapping[str, Value],
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
        value, keys = inputs.get(question.input), lists.get(question.list)
        if not isinstance(value, str):
            continue
        if question in recorded:
            found.append(recorded[question])
        elif keys is not None:
            found.append(keys.answer(question, value, day))
    return tuple(found)
