"""A rules folder read into texts by product, with the files that could not be read.

    _data/*.yaml                        in place of the package's files of the same names
    _shared/*.yaml                      reasons and parameters of several products
    _shared/lists/*.csv                 lists of keys that every product may ask
    manifest.yaml                       what was published last
    policy.yaml                         the floors of tests, and what is accepted with a reason
    <product>/v<N>.yaml                 a ruleset version
    <product>/rollout.yaml              the rollout plan
    <product>/tables/*.csv              rows of tables
    <product>/lists/*.csv               lists of keys
    <product>/notices/<language>.yaml   texts of letters to applicants
    <product>/tests/*.yaml              rule tests
    <product>/tests/fixtures/*.json     snapshots that rule tests name

Names that begin with `_` or `.` are no products and no files of one. Another YAML file in a
product's folder or in `_data` is a problem, since it would silently decide nothing; notes and the
like are left alone.
"""

from __future__ import annotations

import codecs
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from decision_service.pipeline.rules.folder import ProductTexts, RuleFolder, TextFile, Unreadable
from decision_service.pipeline.rules.policy import POLICY
from decision_service.pipeline.rules.publishing.manifest import MANIFEST
from decision_service.starter import starter_rules

MOST_BYTES = 256 << 10
"""The size above which a rule file is refused."""

MOST_FIXTURE_BYTES = 4 << 20
"""The same for a recorded snapshot, which holds a whole applicant."""

MOST_LIST_BYTES = 4 << 20
"""The same for a list of keys."""

MOST_BYTES_OF_LISTS, MOST_KEYS_OF_LISTS = 16 << 20, 200_000
"""The sizes above which no further list is read, of all lists of a folder together."""

_DATA, _SHARED = "_data", "_shared"
_PLAN = "rollout.yaml"
_VERSION = re.compile(r"v([1-9][0-9]{0,5})\.yaml")
_YAML_LIKE = (".yaml", ".yml")
_MISNAMED = (
    "the file has no place in a product: name a version v1.yaml, v2.yaml and so on, the plan "
    "rollout.yaml"
)
_HIDDEN = ("_", ".")
_TOO_MANY = (
    f"with this list those of the rules folder have more than {MOST_KEYS_OF_LISTS:,} keys or "
    f"{MOST_BYTES_OF_LISTS >> 20} MiB together: shorten or remove some"
)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _size(bytes_: int) -> str:
    return f"{bytes_ >> 20} MiB" if bytes_ >= 1 << 20 else f"{bytes_ >> 10} KiB"


class RulesFolderMissing(Exception):
    """There is no folder to read rules from; `reason` is the operating system's."""

    def __init__(self, root: Path, reason: str) -> None:
        super().__init__(
            f"the rules folder {root} cannot be opened ({reason}): set DECISION_RULES_DIR to a "
            "folder of products, or make one with `decision-service init`"
        )
        self.reason = reason


def read_rules(root: Path) -> RuleFolder:
    """Read the whole folder; files that cannot be read are values, with a sentence each.

    Raises RulesFolderMissing, naming the path, where `root` is no folder that can be opened.
    """
    try:
        names = sorted(entry.name for entry in root.iterdir())
    except OSError as error:
        raise RulesFolderMissing(root, error.strerror or str(error)) from None
    return _Reading(root).folder(names)


class _Refused(Exception):
    """A file that is not read, and why."""


class _Reading:
    """One pass over a folder, collecting on its way what cannot be read."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unreadable: list[Unreadable] = []
        self._closed: set[str] = set()
        self._list_bytes = self._list_keys = 0

    def folder(self, names: list[str]) -> RuleFolder:
        data = {p.name: p.read_text("utf-8") for p in (starter_rules() / _DATA).glob("*.yaml")}
        own = self._own_data(data)
        products = [
            self._product(name)
            for name in names
            if not name.startswith(_HIDDEN) and (self._root / name).is_dir()
        ]
        manifest, policy = self._single(MANIFEST, names), self._single(POLICY, names)
        shared = {
            f"{_SHARED}/{name}": file.text for name, file in self._read(_SHARED, _YAML_LIKE)
        } | {f"{_SHARED}/{path}": text for path, text in self._lists(_SHARED).items()}
        return RuleFolder(
            products=tuple(products),
            data={name: own.get(name, data[name]) for name in sorted(data)},
            unreadable=tuple(self._unreadable),
            manifest=manifest,
            policy=policy,
            shared=shared,
            shipped=tuple(sorted(data.keys() - own.keys())),
        )

    def _own_data(self, known: Collection[str]) -> dict[str, str]:
        own = {name: file.text for name, file in self._read(_DATA, _YAML_LIKE)}
        for name in sorted(own.keys() - known):
            sentence = f"no rule reads a file of this name: name it {', '.join(sorted(known))}"
            self._refuse(f"{_DATA}/{name}", sentence)
        return own

    def _lists(self, folder: str) -> dict[str, str]:
        """The lists of a folder, until those of the whole rules folder are too many."""
        found = {}
        for name, file in self._read(f"{folder}/lists", ".csv", MOST_LIST_BYTES):
            self._list_bytes += len(file.text.encode())
            self._list_keys += max(0, len(file.text.splitlines()) - 1)
            if self._list_bytes > MOST_BYTES_OF_LISTS or self._list_keys > MOST_KEYS_OF_LISTS:
                self._refuse(f"{folder}/lists/{name}", _TOO_MANY)
            else:
                found[f"lists/{name}"] = file.text
        return found

    def _single(self, name: str, names: list[str]) -> TextFile | None:
        """A file of the folder itself."""
        if name not in names:
            return None
        try:
            return TextFile(self._shown(name), self._text(name, MOST_BYTES))
        except _Refused as refused:
            self._refuse(name, str(refused))
            return None

    def _product(self, name: str) -> ProductTexts:
        rulesets, plan = self._rules(name)
        tables = self._read(f"{name}/tables", ".csv")
        tests = self._read(f"{name}/tests", ".yaml")
        fixtures = self._read(f"{name}/tests/fixtures", ".json", MOST_FIXTURE_BYTES)
        return ProductTexts(
            product=name,
            path=self._shown(name),
            rulesets=rulesets,
            plan=plan,
            tables={f"tables/{file}": read.text for file, read in tables},
            tests=tuple(read for _, read in tests),
            fixtures={f"fixtures/{file}": read.text for file, read in fixtures},
            lists=self._lists(name),
            notices={
                f"notices/{file}": read.text
                for file, read in self._read(f"{name}/notices", _YAML_LIKE)
            },
        )

    def _rules(self, product: str) -> tuple[Mapping[int, TextFile], TextFile | None]:
        rulesets: dict[int, TextFile] = {}
        plan = None
        for name, file in self._read(product, _YAML_LIKE):
            if name == _PLAN:
                plan = file
            elif (version := _VERSION.fullmatch(name)) is not None:
                rulesets[int(version[1])] = file
            else:
                self._refuse(f"{product}/{name}", _MISNAMED)
        return rulesets, plan

    def _read(
        self, folder: str, endings: str | tuple[str, ...], most: int = MOST_BYTES
    ) -> Iterator[tuple[str, TextFile]]:
        """The files of one folder with these endings, by name, in the order of names."""
        for name in self._names(folder):
            path = f"{folder}/{name}"
            if name.startswith(_HIDDEN) or not name.endswith(endings):
                continue
            try:
                yield name, TextFile(self._shown(path), self._text(path, most))
            except _Refused as refused:
                self._refuse(path, str(refused))

    def _names(self, folder: str) -> list[str]:
        """The names in a folder that is there; of one that is not read no part is reported."""
        path = self._root / folder
        if folder.rpartition("/")[0] not in self._closed:
            try:
                names = sorted(entry.name for entry in path.iterdir())
                if path.resolve().is_relative_to(self._root.resolve()):
                    return names
                self._refuse(folder, "the folder is a link out of the rules folder: copy it in")
            except FileNotFoundError:
                if not path.is_symlink():
                    return []
                self._refuse(folder, "the folder is a link to nothing: mend or remove the link")
            except OSError as error:
                self._refuse(folder, f"the folder cannot be opened ({error.strerror})")
        self._closed.add(folder)
        return []

    def _text(self, path: str, most: int) -> str:
        try:
            body = self._bytes(self._root / path, most)
        except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
            raise _Refused(
                f"the file cannot be read ({getattr(error, 'strerror', error)})"
            ) from None
        if len(body) > most:
            raise _Refused(f"the file is larger than {_size(most)}: split it")
        if body.startswith(_UTF_16) or b"\0" in body:
            raise _Refused("the file is UTF-16: save it as UTF-8")
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _Refused(
                f"the file is not UTF-8 at byte {error.start}: save it as UTF-8"
            ) from None

    def _bytes(self, path: Path, most: int) -> bytes:
        target = path.resolve(strict=True)
        if not target.is_relative_to(self._root.resolve()):
            raise _Refused("the file is a link out of the rules folder: copy the file in")
        if not stat.S_ISREG(target.stat().st_mode):
            raise _Refused("the path is no ordinary file")
        with target.open("rb") as file:
            return file.read(most + 1)

    def _refuse(self, path: str, sentence: str) -> None:
        self._unreadable.append(Unreadable(self._shown(path), sentence))

    def _shown(self, path: str) -> str:
        """The path as messages show it: below the folder's own name, with odd bytes spelt out."""
        root = self._root if self._root.parts and not self._root.is_absolute() else None
        shown = f"{root or self._root.resolve().name}/{path}"
        return shown.encode("utf-8", "backslashreplace").decode()
