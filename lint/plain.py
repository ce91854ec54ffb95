"""Plain lines in `decision_service/`: a line does one thing, and says by name what it gives.

`python -m lint.plain` prints each line that does more. `plain.txt` lists the files that broke a
rule when the rules came, each with a digest: an unchanged one may stay so, a changed one is mended
and leaves the list. `python -m lint.plain shrink` takes out what is mended, and adds nothing.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = Path(__file__).with_suffix(".txt")
PACKAGE = "decision_service"
APART = ("decision_service/api/",)
"""Generated code."""

MOST_BY_POSITION = 3
DIGITS = 12
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SHORT = (ast.Name, ast.Attribute, ast.Constant)
_HEAD = (
    "# Files with lines that `python -m lint.plain` would refuse, as they were when it came.\n"
    "# It only shrinks: mend a file that you change, and call `python -m lint.plain shrink`.\n"
)


@dataclass(frozen=True)
class Finding:
    """A line that does more than one thing."""

    line: int
    said: str


def findings(text: str) -> list[Finding]:
    """What a module's text breaks, by line."""
    tree = ast.parse(text)
    ours = _own_names(tree)
    found: list[Finding] = []
    for node in ast.walk(tree):
        found += _of_assignment(node)
        found += _of_comprehension(node)
        found += _of_call(node, ours)
        found += _of_lambda(node)
    return sorted(found, key=lambda one: one.line)


def _of_assignment(node: ast.AST) -> Iterator[Finding]:
    if not isinstance(node, ast.Assign):
        return
    target = node.targets[0]
    if not isinstance(target, ast.Tuple | ast.List):
        return
    if isinstance(node.value, ast.GeneratorExp):
        yield Finding(node.lineno, "names are unpacked from a generator: give each its own line")
    if isinstance(node.value, ast.Tuple | ast.List) and not _is_swap(target, node.value):
        yield Finding(node.lineno, "several names are assigned at once: give each its own line")


def _is_swap(target: ast.Tuple | ast.List, value: ast.Tuple | ast.List) -> bool:
    return {ast.unparse(one) for one in target.elts} == {ast.unparse(one) for one in value.elts}


def _of_comprehension(node: ast.AST) -> Iterator[Finding]:
    if not isinstance(node, _COMPREHENSIONS):
        return
    within = [one for one in ast.walk(node) if isinstance(one, _COMPREHENSIONS)]
    if within[1:]:
        yield Finding(node.lineno, "a comprehension is in a comprehension: name the inner one")


def _of_call(node: ast.AST, ours: frozenset[str]) -> Iterator[Finding]:
    if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ours:
        return
    # An unpacked list is one argument here: how long it is, is not in the text.
    if len(node.args) > MOST_BY_POSITION:
        name = ast.unparse(node.func)
        yield Finding(
            node.lineno,
            f"`{name}` is given {len(node.args)} arguments by position: name those after the third",
        )


def _of_lambda(node: ast.AST) -> Iterator[Finding]:
    if isinstance(node, ast.Lambda) and not _is_short(node.body):
        yield Finding(node.lineno, "a lambda does more than pick or call: make it a function")


def _is_short(body: ast.expr) -> bool:
    """An attribute, an item, or a call of names and constants."""
    if isinstance(body, ast.Call):
        given = [*body.args, *(one.value for one in body.keywords)]
        return isinstance(body.func, _SHORT) and all(isinstance(one, _SHORT) for one in given)
    if isinstance(body, ast.Subscript):
        return isinstance(body.value, _SHORT) and isinstance(body.slice, _SHORT)
    return isinstance(body, _SHORT)


def _own_names(tree: ast.Module) -> frozenset[str]:
    """How a module calls functions and classes of this package: by name, module or `self`."""
    names: set[str] = set()
    modules: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names |= {name, f"self.{name}"}
            case ast.ClassDef(name=name):
                names.add(name)
            case ast.ImportFrom(module=str(module), names=imported) if _is_ours(module):
                names |= {one.asname or one.name for one in imported}
                modules |= {one.asname or one.name for one in imported}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in modules:
                names.add(f"{module}.{name}")
    return frozenset(names)


def _is_ours(module: str) -> bool:
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")


def broken(root: Path = ROOT) -> Mapping[str, Sequence[Finding]]:
    """What each file breaks, of those that break anything, by its path."""
    found: dict[str, Sequence[Finding]] = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if not name.startswith(APART):
            of_file = findings(path.read_text(encoding="utf-8"))
            if of_file:
                found[name] = of_file
    return found


def listed(text: str) -> Mapping[str, str]:
    """The digest of each file in the list."""
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {name: digest for digest, name in lines}


def errors(root: Path = ROOT, text: str | None = None) -> Iterator[str]:
    """One sentence for each line to mend, and for each file that may leave the list."""
    known = listed(LIST.read_text(encoding="utf-8") if text is None else text)
    found = broken(root)
    for name, of_file in found.items():
        if known.get(name) == digest_of(root / name):
            continue
        was = " (the file was changed, and so leaves lint/plain.txt)" if name in known else ""
        for one in of_file:
            yield f"{name}:{one.line}: {one.said}{was}"
    for name in known:
        if name not in found:
            yield f"{name} breaks no rule any more: call `python -m lint.plain shrink`"


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]


def shrink(root: Path = ROOT, file: Path = LIST) -> None:
    """Take the files out of the list that break no rule any more."""
    known = listed(file.read_text(encoding="utf-8"))
    kept = [f"{known[name]} {name}\n" for name in broken(root) if name in known]
    file.write_text(_HEAD + "".join(kept), encoding="utf-8")


def main(words: Sequence[str]) -> int:
    """Print what is to be mended; the exit code."""
    if words == ["shrink"]:
        shrink()
        return 0
    found = [*errors()]
    sys.stdout.writelines(f"{one}\n" for one in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
