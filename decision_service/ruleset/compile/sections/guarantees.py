"""The `guarantees:` section: what is to be proved of the rules; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.domain.verdict import Outcome
from decision_service.language.expressions.tree import Node
from decision_service.language.types import FLAG, ORDERED, Symbol
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry, Scalar, YamlNode
from decision_service.language.yaml.readers import as_list, as_scalar
from decision_service.ruleset.program.guarantees import Guarantee
from decision_service.ruleset.reading.draft import RulesetDraft

MOST_GUARANTEES = 100
KINDS = ("never", "always", "monotone", "hiding")
OUTCOMES = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)
DIRECTIONS = {"up": 1, "down": -1}
_OPTIONAL = (*KINDS, "when", "must_prove")


def read_guarantees(draft: RulesetDraft) -> None:
    """Read every guarantee; names count as used by the rules alone."""
    node = draft.root.get("guarantees")
    items = as_list(node, "`guarantees`", draft.report) if node is not None else ()
    used, draft.names.claims = dict(draft.names.used), True
    for item in items:
        found = _guarantee(item, draft)
        _check_names(item, used, draft)
        draft.guarantees += [found] if found is not None else []
    draft.names.used, draft.names.claims = used, False
    if node is not None and len(items) > MOST_GUARANTEES:
        message = f"there are {len(items)} guarantees; {MOST_GUARANTEES} are allowed"
        draft.report.error("R123", node.place, message)
    _check_contrary(draft)


def _guarantee(node: YamlNode, draft: RulesetDraft) -> Guarantee | None:
    fields = Fields.of(node, "a guarantee", draft.report, required=("name",), optional=_OPTIONAL)
    if fields is None:
        return None
    name, kinds = fields.text("name"), [kind for kind in KINDS if fields.has(kind)]
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
    must = bool(fields.flag("must_prove"))
    return Guarantee(name, never, always, when, monotone, hidden, must, fields.node.place)


_Parts = tuple[Outcome | None, Node | None, tuple[tuple[Symbol, int], ...], tuple[Symbol, ...]]


def _of_kind(kind: str, fields: Fields, draft: RulesetDraft) -> _Parts | None:
    if kind == "never":
        word = fields.choice("never", OUTCOMES)
        return None if word is None else (Outcome(word), None, (), ())
    if kind == "always":
        always = draft.expression(fields.scalar("always"), FLAG)
        return None if always is None else (None, always, (), ())
    if kind == "monotone":
        moved = tuple(_moved(fields, draft))
        return (None, None, moved, ()) if moved else None
    hidden = tuple(_hidden(fields, draft))
    return (None, None, (), hidden) if hidden else None


def _moved(fields: Fields, draft: RulesetDraft) -> Iterator[tuple[Symbol, int]]:
    """The names of a map, each with the way it moves."""
    node = fields.map("monotone")
    for entry in node.entries if node is not None else ():
        symbol, way = _fact(entry, draft), as_scalar(entry.value, "the way", draft.report)
        if symbol is not None and symbol.type not in (*ORDERED, FLAG):
            message = f"`{entry.key}` is {symbol.type}, which has no up and down"
            draft.report.error("R304", entry.key_place, message)
        elif way is not None and way.text not in DIRECTIONS:
            draft.report.error("R123", way.place, f"`{way.text}` is neither `up` nor `down`")
        elif way is not None and symbol is not None:
            yield symbol, DIRECTIONS[way.text]


def _fact(entry: MapEntry, draft: RulesetDraft) -> Symbol | None:
    return _symbol(Scalar(entry.key, plain=True, place=entry.key_place), draft)


def _hidden(fields: Fields, draft: RulesetDraft) -> Iterator[Symbol]:
    """The factors of a list; a family stands for all of its factors that the rules use."""
    for item in fields.items("hiding"):
        word = as_scalar(item, "a factor or a family", draft.report)
        if word is None:
            continue
        symbols = draft.names.symbols  # lacks a name that is written wrongly
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
    """A factor that no rule uses changes no decision, and nobody fetches it."""
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
                hint = f"it stands on line {other.place.line}; keep one"
                draft.report.error("R216", guarantee.place, message, hint)
            ways[symbol.name, way] = guarantee
