"""Random edits of rule files: each kind is as likely as any other, the same for one seed."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from random import Random

import yaml
from msgspec.structs import replace

from decision_service.factors.registry import catalogue
from decision_service.rules.compile import compile_ruleset
from decision_service.workbench.mutants import figures, next_to, operators
from tests.unit.proofs.versions import shipped

SEED = 20261127
SHIPPED = ("personal-loan-ph@1", "personal-loan-ph@2", "gig-advance-ph@1")

OTHER = {
    "title": "Another title",
    "time_zone": "Asia/Jakarta",
    "currency": "USD",
    "valid_for": "13d",
    "max_age": "34d",
    "one_of": ["new", "existing", "former"],
    "text": {"en": "Another text"},
    "because": "of another reason",
    "regulatory": "Another ground",
    "recourse": ["waiting"],
}
"""Another value for keys whose values are no numbers and no flags."""

UNTOUCHED = {"ruleset", "version", "type", "params", "derived", "stages", "offer"}
"""Whose other values name another version, do not fit, or are figures, which other edits move."""

DECIDING = ("params", "derived", "stages", "offer", "conditions")
WORDS = {"id", "name", "text", "because", "unit", "component", "title"}
"""Keys whose values are words for people."""

GONE = object()
FIRST, LATER = date(2026, 1, 1), date(2026, 12, 15)


def header(node, path=()):
    """Every key of the file's own sections, with the tree's way to it and another value."""
    for key, value in node.items():
        if key in UNTOUCHED:
            continue
        if key in OTHER:
            yield (*path, key), "Another text" if path[:1] == ("tags",) else OTHER[key]
        elif isinstance(value, bool):
            yield (*path, key), not value
        elif isinstance(value, int | float):
            yield (*path, key), value + 1
        elif isinstance(value, dict):
            yield from header(value, (*path, key))
        elif isinstance(value, list) and path == ():
            yield (key,), value[:-1]


def with_one_reason(text):
    """The tree of a file, with one reason for all."""
    tree = yaml.safe_load(text)
    return {**tree, "reasons": dict(sorted(tree["reasons"].items())[:1])}


def _below(node, path):
    """Everything that decides, below a node, with the way to it."""
    yield path, node
    pairs = enumerate(node) if isinstance(node, list) else ()
    for key, value in node.items() if isinstance(node, dict) else pairs:
        if key not in WORDS and not str(value).startswith("tables/"):
            yield from _below(value, (*path, key))


def _deciding(tree):
    return [pair for name in DECIDING if name in tree for pair in _below(tree[name], (name,))]


def bound(tree):
    """What an input may be: wider, narrower, or anything."""
    for name, spec in tree["inputs"].items():
        for key in {"min", "max"} & {*spec}:
            yield from ((("inputs", name, key), v) for v in (spec[key] * 2, spec[key] // 2, GONE))
        if "one_of" in spec:
            yield ("inputs", name, "one_of"), spec["one_of"][:-1]
        yield ("inputs", name, "required"), not spec.get("required", False)


def figure(tree):
    """Every figure of what decides, a step to either side."""
    for path, value in _deciding(tree):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield from ((path, yaml.safe_load(text)) for text in next_to(str(value)))
        for token in figures(value) if isinstance(value, str) else ():
            for text in () if token.label else next_to(token.text):
                yield path, f"{value[: token.start]}{text}{value[token.end :]}"


def operator(tree):
    for path, value in _deciding(tree):
        for token, other in operators(value) if isinstance(value, str) else ():
            yield path, f"{value[: token.start]}{other}{value[token.end :]}"


def outcome(tree):
    """Every outcome of a rule, band or missing value."""
    for path, value in _deciding(tree):
        if path[-1] in ("then", "when_missing"):
            yield from ((path, v) for v in ("APPROVE", "REFER", "DECLINE", "SKIP") if v != value)


def order(tree):
    """Two neighbours of a list change places."""
    for path, value in _deciding(tree):
        for at in range(len(value) - 1 if isinstance(value, list) else 0):
            yield path, [*value[:at], value[at + 1], value[at], *value[at + 2 :]]


def removed(tree):
    """An element of a list, or a key, is gone."""
    for path, value in _deciding(tree):
        for at in range(len(value) if isinstance(value, list) else 0):
            yield path, [*value[:at], *value[at + 1 :]]
        if len(path) > 1 and isinstance(path[-1], str):
            yield path, GONE


def dated(tree):
    """A parameter has another value from a day on, or the same one."""
    for name, spec in tree["params"].items():
        if not isinstance(spec.get("value"), int | float):
            continue
        rest = {key: value for key, value in spec.items() if key != "value"}
        for text in (*next_to(str(spec["value"])), str(spec["value"])):
            values = {FIRST: spec["value"], LATER: yaml.safe_load(text)}
            yield ("params", name), {**rest, "value": values}


KINDS = (header, bound, figure, operator, outcome, order, removed, dated)


def changed(files, path, value):
    """A version's files with another value on a way, or without it."""
    tree = yaml.safe_load(files.text)
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = deepcopy(value)
    if value is GONE or value == []:
        del node[path[-1]]
    return replace(files, text=yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))


def compiled(files):
    """The version of files whatever the checks of its logic say; None where it cannot be read."""
    return compile_ruleset(files, catalogue(), checks=()).ruleset


def cells(files, rng):
    """A figure of a table's file that the version reads, a step to one side."""
    name = rng.choice([name for name in files.tables if name in files.text])
    text = files.tables[name]
    token = rng.choice([t for t in figures(text) if not t.label])
    other = f"{text[: token.start]}{rng.choice(next_to(token.text))}{text[token.end :]}"
    line = text.count("\n", 0, token.start) + 1
    return f"{name}:{line} {token.text}", replace(files, tables={**files.tables, name: other})


def edit_of(number):
    """A shipped version, one edit in words, and the version after it; drawn until it compiles."""
    rng = Random(f"{SEED} {number}")
    word = rng.choice(SHIPPED)
    files = shipped(word).files
    tree = with_one_reason(files.text)
    while True:
        kind = rng.choice([*KINDS, *([cells] if files.tables else [])])
        if kind is cells:
            words, after = cells(files, rng)
        else:
            path, value = rng.choice([*kind(tree)])
            words, after = ".".join(map(str, path)), changed(files, path, value)
            if not isinstance(value, list | dict):
                words = f"{words} gone" if value is GONE else f"{words} {value}"
        ruleset = compiled(after)
        if ruleset is not None:
            return word, f"{kind.__name__}: {words}", ruleset
