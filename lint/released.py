"""What releases hold of the shipped rules, in `rules/_released.toml`, against what is there now.

`python -m lint.released` says what was changed since; `make release` writes a version's entry.
"""

from __future__ import annotations

import hashlib
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from msgspec.structs import replace

from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import files_of, read_rules
from decision_service.rules.compile import compile_ruleset

ROOT = Path(__file__).parents[1]
FILE = "rules/_released.toml"
_HEAD = (
    "# What each release holds, written by `make release`: of a version the digest of its content\n"
    "# without `_data`, of a file of `_data` its lines, of a schema its SHA-256. Never edited.\n"
)
_LINE_DIGITS = 10
"""Of the SHA-256 of a line: enough to know it again, short enough to read a diff."""

Release: TypeAlias = Mapping[str, str]
"""What one release holds, by `product vN`, `_data/NAME` and `_schema/NAME`."""


def held(root: Path = ROOT) -> Release:
    """What a release made of a checkout would hold."""
    rules = root / "rules"
    folder = read_rules(rules)
    found: dict[str, str] = {}
    for product in folder.products:
        for version in sorted(product.rulesets):
            # Without `_data`, which later releases may add to.
            files = replace(files_of(folder, product, version), data={})
            ruleset = compile_ruleset(files, catalogue()).ruleset
            found[f"{product.product} v{version}"] = "" if ruleset is None else ruleset.digest
    for file in sorted((rules / "_data").glob("*.yaml")):
        found[f"_data/{file.name}"] = " ".join(_lines(file.read_text(encoding="utf-8")))
    for file in sorted((rules / "_schema").glob("*.json")):
        found[f"_schema/{file.name}"] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def _lines(text: str) -> Iterator[str]:
    """A short hash of each line that is no comment."""
    for line in text.splitlines():
        content = line.partition(" #")[0].rstrip()
        if content and not content.startswith("#"):
            yield hashlib.sha256(content.encode()).hexdigest()[:_LINE_DIGITS]


def releases(root: Path = ROOT) -> Mapping[str, Release]:
    """The entries of the file, the oldest first; none where there is no file."""
    file = root / FILE
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def changed(root: Path = ROOT) -> Iterator[str]:
    """One sentence for each thing that was released and is there no more as it was."""
    now = held(root)
    said: set[str] = set()
    for number, release in releases(root).items():
        for name, content in release.items():
            if name not in said and not _is_kept(name, content, now):
                said.add(name)
                yield _sentence(name, number, now)


def _is_kept(name: str, content: str, now: Release) -> bool:
    if name.startswith("_schema/"):
        return True  # a schema grows with the language; its entry says which one was released
    if name.startswith("_data/"):
        return _is_in_order(content.split(), now.get(name, "").split())
    return now.get(name) == content


def _is_in_order(before: Sequence[str], now: Sequence[str]) -> bool:
    """Whether the lines of before are all there in their order, with others between them or not."""
    rest = iter(now)
    return all(line in rest for line in before)


def _sentence(name: str, release: str, now: Release) -> str:
    if name.startswith("_data/"):
        return (
            f"rules/{name}: a line of release {release} was changed or removed: bring it back, and "
            "add lines only"
        )
    product, _, version = name.rpartition(" v")
    file = f"rules/{product}/v{version}.yaml"
    if name not in now:
        return f"{file}: it was released with {release} and is not there: bring it back"
    following = max(int(one.rpartition(" v")[2]) for one in now if one.startswith(f"{product} v"))
    return (
        f"{file}: other content was released with {release}: bring it back as it was, its tables "
        f"too, and make the change v{following + 1}"
    )


def write(version: str, root: Path = ROOT) -> bool:
    """Add a version's entry; False where it is there. Raises ValueError for another content."""
    known = releases(root)
    now = held(root)
    if version in known:
        before = known[version]
        other = sorted(name for name in {*now, *before} if now.get(name) != before.get(name))
        if other:
            raise ValueError(f"{FILE} has {version} with other content of {', '.join(other)}")
        return False
    file = root / FILE
    text = file.read_text(encoding="utf-8") if file.is_file() else _HEAD
    entry = "".join(f'"{name}" = "{content}"\n' for name, content in now.items())
    file.write_text(f'{text}\n["{version}"]\n{entry}', encoding="utf-8")
    return True


def main() -> int:
    """Print what was changed since it was released; the exit code."""
    found = [*changed()]
    sys.stdout.writelines(f"{one}\n" for one in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
