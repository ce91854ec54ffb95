"""The names of one ruleset: those defined so far, those to come, those used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from decision_service.domain.factor import FactorSpec, ValueType
from decision_service.language.diagnostics import did_you_mean, nearest
from decision_service.language.types import NameFault, Symbol, phrase
from decision_service.ruleset.program.lists import ListQuestion

RESERVED_FAMILIES = frozenset({"inputs", "params", "derived", "offer", "lists"})

_NAME = re.compile(r"[a-z]\w*\.[a-z]\w*", re.ASCII)
_UNKNOWN = {
    "inputs": ("R202", "unknown input"),
    "params": ("R203", "unknown parameter"),
    "derived": ("R205", "unknown derived name"),
    "offer": ("R206", "unknown offer line"),
}


NO_CURRENCY = "XXX"
"""ISO 4217's code for no currency, until the ruleset's own is read."""


def names_in(text: str) -> list[str]:
    """What has the form of a name in a text that need not be an expression, in its order."""
    return _NAME.findall(text)


class Names:
    """The scope of a rule file, filled section by section; each symbol has a slot of its own.

    `upcoming` are names that the file defines further down; `broken` those whose definition is
    reported already, so that their use is not; `cycles` tells of a derived name that needs itself
    (`derived.a → derived.b → derived.a`); `waiting` are derived names, each with all that it
    rests on and that stages are to give; `below` those under the derived name that is read.
    `lists` are those that rules may ask, None where any may be; `answers` are the symbols of what
    they were asked.
    """

    def __init__(
        self, catalogue: Mapping[str, FactorSpec], blocked: frozenset[str] = frozenset()
    ) -> None:
        self.currency = NO_CURRENCY
        self.catalogue = catalogue
        self.blocked = blocked
        self.symbols: dict[str, Symbol] = {}
        self.upcoming: set[str] = set()
        self.cycles: dict[str, str] = {}
        self.waiting: dict[str, frozenset[str]] = {}
        self.below: frozenset[str] = frozenset()
        self.broken: set[str] = set()
        self.used: dict[str, None] = {}
        self.claims = False
        self.lists: frozenset[str] | None = frozenset()
        self.answers: dict[ListQuestion, Symbol] = {}

    @property
    def size(self) -> int:
        """How many slots there are."""
        return len(self.symbols)

    @property
    def families(self) -> frozenset[str]:
        """The reserved families and those of the catalogue."""
        return RESERVED_FAMILIES | {spec.family for spec in self.catalogue.values()}

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors that some expression names, sorted."""
        return tuple(sorted(n for n in self.used if n in self.catalogue and n in self.symbols))

    def define(
        self,
        name: str,
        type_: ValueType,
        lower: Decimal | None = None,
        upper: Decimal | None = None,
        labels: tuple[str, ...] = (),
        *,
        constant: bool = False,
    ) -> Symbol:
        """Give a name a slot; a name that is there already keeps its slot."""
        slot = self.symbols[name].slot if name in self.symbols else self.size
        symbol = Symbol(name, type_, slot, lower, upper, labels, constant)
        self.symbols[name] = symbol
        return symbol

    def find(self, name: str) -> Symbol | NameFault:
        """The symbol of a name, noting its use; a factor gets its slot at its first use."""
        if name in self.blocked:
            hint = "the configuration forbids it; remove it"
            return NameFault("R220", f"`{name}` may not be used in a decision", hint)
        spec = self.catalogue.get(name)
        if spec is not None and name not in self.symbols:
            self.define(name, spec.type, spec.lower, spec.upper, spec.labels)
        if name in self.symbols and name not in self.below:
            self.used[name] = None
            return self.symbols[name]
        return self._fault(name)

    def listed(self, operand: Symbol, name: str) -> Symbol | NameFault:
        """The symbol of the answer whether an input is on a list."""
        if self.lists is not None and name not in self.lists:
            hint = did_you_mean(name, self.lists) or f"put the keys into lists/{name}.csv"
            return NameFault("R213", f"unknown list `{name}`", hint)
        question = ListQuestion(name, operand.name.removeprefix("inputs."))
        symbol = self.define(f"{operand.name} in lists.{name}", ValueType.FLAG)
        self.answers[question] = symbol
        self.used[symbol.name] = None
        return symbol

    def touch(self, text: str) -> None:
        """Count the names in an unreadable expression as used."""
        for name in names_in(text):
            if name in self.symbols:
                self.used[name] = None

    def _fault(self, name: str) -> NameFault:
        if name in self.broken:
            self.used[name] = None
            return NameFault("", "")
        if name in self.cycles:
            return NameFault("R208", f"`{name}` needs itself: {self.cycles[name]}")
        if name in self.waiting:
            self.used[name] = None
            given = " and ".join(f"`{n}`" for n in sorted(self.waiting[name] - self.symbols.keys()))
            hint = f"it rests on {given}: use it in a stage below what gives {given}"
            return NameFault("R209", f"`{name}` is used before it is defined", hint)
        if name in self.upcoming:
            hint = _UPCOMING.get(
                name.partition(".")[0], "a stage gives it: use it below that stage"
            )
            return NameFault("R209", f"`{name}` is used before it is defined", hint)
        family, _, rest = name.partition(".")
        if family == "lists":
            hint = f"it stands after `in`: inputs.NAME in {name}"
            return NameFault("R213", f"the list `{rest}` cannot stand here", hint)
        everything = self._everything()
        if not rest or "." in rest:
            hint = did_you_mean(name, everything) or _as_text(name)
            return NameFault("R201", f"`{name}` is no name of the rule language", hint)
        kin = {n for n in everything if n.startswith(f"{family}.")}
        code, what = _UNKNOWN.get(family, ("R204", "unknown factor"))
        if kin and family not in _UNKNOWN and not kin & set(self.catalogue):
            code, what = "R206", "unknown output"
        hint = self._hint(name, kin or everything)
        return NameFault(code, f"{what} `{name}`", hint)

    def _everything(self) -> set[str]:
        named = set(self.symbols) - {symbol.name for symbol in self.answers.values()}
        return named | self.upcoming | set(self.catalogue)

    def _hint(self, name: str, known: set[str]) -> str:
        match = nearest(name, known)
        spec = self.catalogue.get(match or "")
        if match is not None:
            self.used[match] = None  # it is most likely meant
        if spec is None:
            return did_you_mean(name, known)
        return f"did you mean `{match}` ({_described(spec)})?"


_UPCOMING = {
    "derived": "names are defined from top to bottom; move the definition up",
    "offer": "the offer is made last, line by line: name what that line is made of, or ask in a "
    "line below it or in `post_checks`",
}


def _described(spec: FactorSpec) -> str:
    if spec.labels:
        return " | ".join(spec.labels)
    if spec.lower is not None and spec.upper is not None:
        return f"{spec.type}, {spec.lower:f} to {spec.upper:f}"
    if spec.lower is not None:
        return f"{spec.type}, {spec.lower:f} or more"
    return phrase(spec.type).removeprefix("an ").removeprefix("a ")


def _as_text(name: str) -> str:
    """The likely meaning of a single unknown word: most often a label."""
    if name.isupper():
        return f'a label stands in quotes: "{name}"'
    return f'names look like `family.factor`; a text stands in quotes: "{name}"'
